#include "customerd/core/http_client.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "customerd/core/clock.h"
#include "scripted_http.h"

#include "unit.h"
#include "../support/http_globals.h"

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

struct outcome {
    enum status status;
    struct http_response response;
    struct error err;
    int64_t took_ms;
};

static struct outcome fetch(const struct http_request *request, size_t body_max_bytes)
{
    struct outcome o = { .response.body = BUF_INIT(body_max_bytes) };
    const struct http_client *client = http_client_curl();
    int64_t before_ms = clock_monotonic_ms(clock_system());
    o.status = client->fetch(client->ctx, request, &o.response, &o.err);
    o.took_ms = clock_monotonic_ms(clock_system()) - before_ms;
    return o;
}

/* GET http://<host>:<the server's port>/path */
static struct outcome get(const char *scheme_and_host, int port, int timeout_ms)
{
    char url[200];
    snprintf(url, sizeof url, "%s:%d/path", scheme_and_host, port);
    const struct http_request request = {
        .method = "GET", .url = url, .connect_timeout_ms = timeout_ms, .timeout_ms = timeout_ms
    };
    return fetch(&request, 1000);
}

static struct outcome get_answer(const char *answer, bool hold, int timeout_ms, struct scripted_http *server)
{
    scripted_http_start(server, answer, hold);
    struct outcome o = get("http://127.0.0.1", server->port, timeout_ms);
    scripted_http_stop(server);
    return o;
}

static void a_get_brings_status_and_body(void **state)
{
    (void)state;
    struct scripted_http server;
    struct outcome o = get_answer(OK_HELLO, false, 5000, &server);
    assert_int_equal(o.status, STATUS_OK);
    assert_int_equal(o.response.status, 200);
    assert_true(slice_is(buf_slice(&o.response.body), "hello"));
    assert_memory_equal(server.request, "GET /path HTTP/1.1\r\n", 20);
    assert_non_null(strstr(server.request, "\r\nUser-Agent: customerd/"));
    buf_clean_up(&o.response.body);
}

static void an_error_status_is_an_answer(void **state)
{
    (void)state;
    struct scripted_http server;
    struct outcome o = get_answer("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno", false, 5000, &server);
    assert_int_equal(o.status, STATUS_OK);
    assert_int_equal(o.response.status, 403);
    assert_true(slice_is(buf_slice(&o.response.body), "no"));
    buf_clean_up(&o.response.body);
}

static void put_and_post_send_headers_and_body(void **state)
{
    (void)state;
    static const char *const headers[] = { "Authorization: secret", "Content-Type: application/json" };
    struct scripted_http server;
    char url[100];
    scripted_http_start(&server, OK_HELLO, false);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/token", server.port);
    struct http_request request = { .method = "POST", .url = url, .headers = headers, .n_headers = 2,
                                    .body = SLICE("{\"a\":\0}"), .connect_timeout_ms = 5000, .timeout_ms = 5000 };
    struct outcome o = fetch(&request, 100);
    assert_int_equal(o.status, STATUS_OK);
    buf_clean_up(&o.response.body);
    scripted_http_stop(&server);
    assert_memory_equal(server.request, "POST /token HTTP/1.1\r\n", 22);
    assert_non_null(strstr(server.request, "\r\nAuthorization: secret\r\n"));
    assert_non_null(strstr(server.request, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(server.request, "\r\nContent-Length: 7\r\n"));
    assert_memory_equal(strstr(server.request, "\r\n\r\n") + 4, "{\"a\":\0}", 7);
    assert_null(strcasestr(server.request, "\r\nexpect"));
}

static void a_put_without_a_body_says_length_0_and_no_type(void **state)
{
    (void)state;
    struct scripted_http server;
    char url[100];
    scripted_http_start(&server, OK_HELLO, false);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/token", server.port);
    const struct http_request request = { .method = "PUT", .url = url, .connect_timeout_ms = 5000, .timeout_ms = 5000 };
    struct outcome o = fetch(&request, 100);
    assert_int_equal(o.status, STATUS_OK);
    buf_clean_up(&o.response.body);
    scripted_http_stop(&server);
    assert_memory_equal(server.request, "PUT /token HTTP/1.1\r\n", 21);
    assert_non_null(strstr(server.request, "\r\nContent-Length: 0\r\n"));
    assert_null(strcasestr(server.request, "\r\ncontent-type"));
}

static void a_redirect_is_not_followed(void **state)
{
    (void)state;
    struct scripted_http server;
    struct outcome o = get_answer("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", false, 5000,
                                  &server);
    assert_int_equal(o.status, STATUS_OK);
    assert_int_equal(o.response.status, 302);
    assert_int_equal(atomic_load(&server.connections), 1);
    assert_memory_equal(server.request, "GET /path ", 10);
    buf_clean_up(&o.response.body);
}

static void proxies_of_the_environment_are_ignored(void **state)
{
    (void)state;
    struct scripted_http server;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    struct outcome o = get_answer(OK_HELLO, false, 5000, &server);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    assert_int_equal(o.status, STATUS_OK);
    buf_clean_up(&o.response.body);
}

/* 1000 bytes fit; 1200 do not, whether they were announced or not. */
static void a_body_over_the_maximum_is_an_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct scripted_http server;
        int len = i < 2 ? 1000 : 1200;
        char answer[2000];
        int at = i % 2 == 0 ? snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len)
                            : snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        memset(answer + at, 'b', (size_t)len);
        answer[at + len] = '\0';
        struct outcome o = get_answer(answer, false, 5000, &server);
        assert_int_equal(o.status, i < 2 ? STATUS_OK : STATUS_UNAVAILABLE);
        if (i >= 2)
            assert_string_equal(o.err.detail, "the answer is longer than 1000 bytes");
        buf_clean_up(&o.response.body);
    }
}

static void a_slow_answer_ends_at_the_timeout(void **state)
{
    (void)state;
    static const char *const answers[] = { "", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe" };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct scripted_http server;
        struct outcome o = get_answer(answers[i], true, 300, &server);
        assert_int_equal(o.status, STATUS_UNAVAILABLE);
        assert_in_range(o.took_ms, 250, 3000);
        buf_clean_up(&o.response.body);
    }
}

struct canceller {
    struct scripted_http *server;
    atomic_bool cancelled;
};

static void *cancel_once_connected(void *arg)
{
    struct canceller *c = arg;
    int64_t end_ms = clock_monotonic_ms(clock_system()) + 10000;
    while (atomic_load(&c->server->connections) == 0 && clock_monotonic_ms(clock_system()) < end_ms)
        sched_yield();
    atomic_store(&c->cancelled, true);
    return NULL;
}

static void an_exchange_that_hangs_can_be_given_up(void **state)
{
    (void)state;
    struct scripted_http server;
    struct canceller canceller = { .server = &server };
    char url[100];
    pthread_t thread;
    scripted_http_start(&server, "", true);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", server.port);
    const struct http_request request = { .method = "GET", .url = url, .connect_timeout_ms = 9000, .timeout_ms = 9000,
                                          .cancelled = &canceller.cancelled };
    assert_int_equal(pthread_create(&thread, NULL, cancel_once_connected, &canceller), 0);
    struct outcome o = fetch(&request, 100);
    pthread_join(thread, NULL);
    scripted_http_stop(&server);
    assert_int_equal(o.status, STATUS_UNAVAILABLE);
    assert_string_equal(o.err.detail, "the request was given up");
    assert_true(o.took_ms < 3000);
}

static void a_broken_answer_is_an_error(void **state)
{
    (void)state;
    static const char *const answers[] = { "", "garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf" };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct scripted_http server;
        struct outcome o = get_answer(answers[i], false, 5000, &server);
        assert_int_equal(o.status, STATUS_UNAVAILABLE);
        assert_true(strlen(o.err.detail) > 0);
        buf_clean_up(&o.response.body);
    }
}

static void nobody_listening_is_an_error_with_words(void **state)
{
    (void)state;
    struct scripted_http server;
    scripted_http_start(&server, "", false);
    scripted_http_stop(&server);
    struct outcome o = get("http://127.0.0.1", server.port, 2000);
    assert_int_equal(o.status, STATUS_UNAVAILABLE);
    assert_true(strlen(o.err.detail) > 0);
}

/* 192.0.2.1 answers nobody (RFC 5737), so that only a refusal before the first packet is quick. */
static void plain_http_goes_nowhere_else(void **state)
{
    (void)state;
    static const char *const urls[] = { "http://192.0.2.1", "HTTP://192.0.2.1", "192.0.2.1", "http://[2001:db8::1]",
                                        "http://[::ffff:192.0.2.1]" };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct outcome o = get(urls[i], 80, 5000);
        assert_int_equal(o.status, STATUS_UNAVAILABLE);
        assert_non_null(strstr(o.err.detail, "plain http"));
        assert_true(o.took_ms < 2000);
    }
}

static void a_name_of_the_loopback_may_be_plain(void **state)
{
    (void)state;
    struct scripted_http server;
    scripted_http_start(&server, OK_HELLO, false);
    struct outcome o = get("http://localhost", server.port, 5000);
    scripted_http_stop(&server);
    assert_int_equal(o.status, STATUS_OK);
    buf_clean_up(&o.response.body);
}

static void https_is_not_bound_to_those_addresses_but_to_certificates(void **state)
{
    (void)state;
    struct scripted_http server;
    struct outcome far = get("https://192.0.2.1", 443, 200);
    assert_int_equal(far.status, STATUS_UNAVAILABLE);
    assert_null(strstr(far.err.detail, "plain http"));
    scripted_http_start(&server, OK_HELLO, false);
    /* A server that speaks no TLS is never talked to in the clear. */
    struct outcome o = get("https://127.0.0.1", server.port, 300);
    scripted_http_stop(&server);
    assert_int_equal(o.status, STATUS_UNAVAILABLE);
    assert_null(strstr(server.request, "GET"));
}

static void other_protocols_and_user_names_are_refused(void **state)
{
    (void)state;
    static const char *const urls[] = { "file:///dev/null", "ftp://127.0.0.1/", "gopher://127.0.0.1/",
                                        "http://user:word@127.0.0.1/", "", "http://" };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        const struct http_request request = {
            .method = "GET", .url = urls[i], .connect_timeout_ms = 2000, .timeout_ms = 2000
        };
        struct outcome o = fetch(&request, 1000);
        assert_int_not_equal(o.status, STATUS_OK);
        assert_int_equal(o.response.body.len, 0);
    }
}

static void a_header_with_a_line_break_is_refused(void **state)
{
    (void)state;
    static const char *const headers[] = { "Authorization: a\r\nX-Evil: b" };
    const struct http_request request = { .method = "GET", .url = "http://127.0.0.1:1/", .headers = headers,
                                          .n_headers = 1, .connect_timeout_ms = 2000, .timeout_ms = 2000 };
    struct outcome o = fetch(&request, 1000);
    assert_int_equal(o.status, STATUS_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_get_brings_status_and_body),
        cmocka_unit_test(an_error_status_is_an_answer),
        cmocka_unit_test(put_and_post_send_headers_and_body),
        cmocka_unit_test(a_put_without_a_body_says_length_0_and_no_type),
        cmocka_unit_test(a_redirect_is_not_followed),
        cmocka_unit_test(proxies_of_the_environment_are_ignored),
        cmocka_unit_test(a_body_over_the_maximum_is_an_error),
        cmocka_unit_test(a_slow_answer_ends_at_the_timeout),
        cmocka_unit_test(an_exchange_that_hangs_can_be_given_up),
        cmocka_unit_test(a_broken_answer_is_an_error),
        cmocka_unit_test(nobody_listening_is_an_error_with_words),
        cmocka_unit_test(plain_http_goes_nowhere_else),
        cmocka_unit_test(a_name_of_the_loopback_may_be_plain),
        cmocka_unit_test(https_is_not_bound_to_those_addresses_but_to_certificates),
        cmocka_unit_test(other_protocols_and_user_names_are_refused),
        cmocka_unit_test(a_header_with_a_line_break_is_refused),
    };
    return cmocka_run_group_tests(tests, http_set_up, http_tear_down);
}
