#include "customerd/api/cors.h"

#include "unit.h"

#define ORIGINS "https://app.example.com,http://localhost:3000"

static struct response out;
static struct request request;

static void ask(const char *origins, const char *origin, const char *method, const char *allow)
{
    request_init(&request);
    response_init(&out);
    if (origin != NULL)
        headers_add(&request.headers, slice_cstr("Origin"), slice_cstr(origin));
    if (method != NULL)
        headers_add(&request.headers, slice_cstr("Access-Control-Request-Method"), slice_cstr(method));
    cors_add_headers(origins, &request, allow, &out);
    request_clean_up(&request);
}

static const char *value(const char *name)
{
    return response_header_value(&out, name);
}

static void without_origins_nothing_is_said(void **state)
{
    (void)state;
    ask("", "https://app.example.com", NULL, NULL);
    assert_int_equal(out.n_headers, 0);
}

static void a_listed_origin_may_see_the_answer(void **state)
{
    (void)state;
    ask(ORIGINS, "http://localhost:3000", NULL, NULL);
    assert_string_equal(value("Access-Control-Allow-Origin"), "http://localhost:3000");
    assert_string_equal(value("Vary"), "Origin");
    assert_non_null(strstr(value("Access-Control-Expose-Headers"), "ETag"));
    assert_null(value("Access-Control-Allow-Methods"));
    assert_null(value("Access-Control-Allow-Credentials"));
}

static void another_origin_is_told_nothing(void **state)
{
    (void)state;
    static const char *const others[] = {
        "https://evil.example", "https://app.example.com.evil.example", "https://app.example.co", "https://app.example.com:443",
        "http://app.example.com", "HTTPS://APP.EXAMPLE.COM", "null", "", ",", ORIGINS, "https://app.example.com/",
    };
    for (size_t i = 0; i < COUNT(others); i++) {
        ask(ORIGINS, others[i], "POST", "GET, POST");
        if (value("Access-Control-Allow-Origin") != NULL || value("Access-Control-Allow-Methods") != NULL)
            fail_msg("allowed: %s", others[i]);
        assert_string_equal(value("Vary"), "Origin");
    }
    ask(ORIGINS, NULL, NULL, NULL);
    assert_int_equal(out.n_headers, 1);
}

static void a_preflight_is_told_methods_and_fields(void **state)
{
    (void)state;
    ask(ORIGINS, "https://app.example.com", "PATCH", "GET, HEAD, PATCH, OPTIONS");
    assert_string_equal(value("Access-Control-Allow-Methods"), "GET, HEAD, PATCH, OPTIONS");
    assert_non_null(strstr(value("Access-Control-Allow-Headers"), "Idempotency-Key"));
    assert_non_null(strstr(value("Access-Control-Allow-Headers"), "Content-Encoding"));
    assert_string_equal(value("Access-Control-Max-Age"), "600");
    ask(ORIGINS, "https://app.example.com", NULL, "GET, OPTIONS"); /* OPTIONS that is no preflight */
    assert_null(value("Access-Control-Allow-Methods"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_origins_nothing_is_said),
        cmocka_unit_test(a_listed_origin_may_see_the_answer),
        cmocka_unit_test(another_origin_is_told_nothing),
        cmocka_unit_test(a_preflight_is_told_methods_and_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
