#include "customerd/api/http_metrics.h"

#include "customerd/api/route.h"

#include "unit.h"

static const struct route things[] = {
    { .method = METHOD_GET, .path = "/things" },
    { .method = METHOD_POST, .path = "/things" },
    { .method = METHOD_GET, .path = "/things/{id}" },
    { .path = NULL },
};
static const struct route *const tables[] = { things, NULL };

static struct http_metrics *metrics;
static struct buf text = BUF_INIT(1 << 20);

static int set_up(void **state)
{
    (void)state;
    metrics = http_metrics_new(tables, true);
    return metrics == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    http_metrics_destroy(metrics);
    buf_clean_up(&text);
    return 0;
}

static void observe(const char *method, const char *route, int http_status, enum status outcome)
{
    const struct http_measure measure = { method, route, http_status, outcome, 6000 };
    http_metrics_observe(metrics, &measure);
}

static void expect_line(const char *line)
{
    buf_clear(&text);
    http_metrics_write(metrics, &text);
    if (strstr(text.data, line) == NULL)
        fail_msg("no line %s in:\n%s", line, text.data);
}

#define COUNT_LINE "http_server_request_duration_seconds_count{http_request_method="

static void requests_count_by_method_route_and_status(void **state)
{
    (void)state;
    observe("GET", "/things", 200, STATUS_OK);
    observe("GET", "/things", 200, STATUS_OK);
    observe("POST", "/things", 201, STATUS_OK);
    observe("_OTHER", "", 405, STATUS_METHOD_NOT_ALLOWED);
    observe("OPTIONS", "*", 204, STATUS_OK);
    expect_line(COUNT_LINE "\"GET\",url_scheme=\"https\",http_route=\"/things\",http_response_status_code=\"200\",error_type=\"\"} 2\n");
    expect_line(COUNT_LINE "\"POST\",url_scheme=\"https\",http_route=\"/things\",http_response_status_code=\"201\",error_type=\"\"} 1\n");
    expect_line(COUNT_LINE "\"_OTHER\",url_scheme=\"https\",http_route=\"\",http_response_status_code=\"405\",error_type=\"\"} 1\n");
    expect_line(COUNT_LINE "\"OPTIONS\",url_scheme=\"https\",http_route=\"*\",http_response_status_code=\"204\",error_type=\"\"} 1\n");
    expect_line("http_route=\"/things\",http_response_status_code=\"201\",error_type=\"\",le=\"0.005\"} 0\n");
    expect_line("http_route=\"/things\",http_response_status_code=\"201\",error_type=\"\",le=\"0.01\"} 1\n");
}

/* A caller's mistakes share a series; the service's failures are told apart. */
static void failures_of_the_service_are_told_apart(void **state)
{
    (void)state;
    observe("GET", "/things/{id}", 400, STATUS_BAD_REQUEST);
    observe("GET", "/things/{id}", 400, STATUS_BAD_PARAMETER);
    observe("GET", "/things/{id}", 503, STATUS_UNAVAILABLE);
    observe("GET", "/things/{id}", 503, STATUS_OVERLOADED);
    expect_line("http_route=\"/things/{id}\",http_response_status_code=\"400\",error_type=\"\"} 2\n");
    expect_line("http_route=\"/things/{id}\",http_response_status_code=\"503\",error_type=\"database-unavailable\"} 1\n");
    expect_line("http_route=\"/things/{id}\",http_response_status_code=\"503\",error_type=\"overloaded\"} 1\n");
}

static void what_is_not_known_makes_no_series(void **state)
{
    (void)state;
    observe("BREW", "/things", 200, STATUS_OK);
    observe("GET", "/nowhere", 200, STATUS_OK);
    observe("GET", "/things", 299, STATUS_OK);
    buf_clear(&text);
    http_metrics_write(metrics, &text);
    assert_null(strstr(text.data, "BREW"));
    assert_null(strstr(text.data, "nowhere"));
    assert_null(strstr(text.data, "299"));
}

static void requests_that_run_are_counted(void **state)
{
    (void)state;
    assert_int_equal(http_metrics_begin(metrics), 1);
    assert_int_equal(http_metrics_begin(metrics), 2);
    expect_line("http_server_active_requests{url_scheme=\"https\"} 2\n");
    http_metrics_end(metrics);
    http_metrics_end(metrics);
    expect_line("http_server_active_requests{url_scheme=\"https\"} 0\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(requests_count_by_method_route_and_status, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_of_the_service_are_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_known_makes_no_series, set_up, tear_down),
        cmocka_unit_test_setup_teardown(requests_that_run_are_counted, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
