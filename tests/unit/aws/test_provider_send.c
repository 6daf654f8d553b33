#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake_env.h"

#include "customerd/aws/provider.h"

static enum status send(struct fake_env *f, const struct provider_bounds *bounds, struct http_response *out)
{
    struct http_request request = { .method = "GET", .url = "http://127.0.0.1/" };
    struct error err;
    return provider_send(&f->env, &request, bounds, out, &err);
}

static void a_passing_failure_is_tried_again_and_the_last_answer_counts(void **state)
{
    (void)state;
    struct fake_env f;
    struct http_response out;
    fake_env_init(&f);
    fake_reply(&f, 0, NULL);
    fake_reply(&f, 503, "busy");
    fake_reply(&f, 200, "good");
    struct provider_bounds bounds = provider_bounds(&f.env);
    assert_int_equal(send(&f, &bounds, &out), STATUS_OK);
    assert_int_equal(out.status, 200);
    assert_string_equal(out.body.data, "good");
    assert_int_equal(f.n_requests, 3);
    buf_clean_up(&out.body);
}

static void nothing_is_sent_after_the_deadline(void **state)
{
    (void)state;
    struct fake_env f;
    struct http_response out;
    fake_env_init(&f);
    fake_reply(&f, 200, "good");
    struct provider_bounds bounds = provider_bounds(&f.env);
    f.monotonic_ms = bounds.deadline_ms;
    assert_int_equal(send(&f, &bounds, &out), STATUS_UNAVAILABLE);
    assert_int_equal(f.n_requests, 0);
    buf_clean_up(&out.body);
}

static void nothing_is_sent_once_it_is_cancelled(void **state)
{
    (void)state;
    struct fake_env f;
    struct http_response out;
    atomic_bool cancelled = true;
    fake_env_init(&f);
    fake_reply(&f, 503, "busy");
    f.env.cancelled = &cancelled;
    struct provider_bounds bounds = provider_bounds(&f.env);
    assert_int_equal(send(&f, &bounds, &out), STATUS_UNAVAILABLE);
    assert_int_equal(f.n_requests, 0);
    buf_clean_up(&out.body);
}

static void the_bounds_end_within_ten_seconds(void **state)
{
    (void)state;
    struct fake_env f;
    fake_env_init(&f);
    struct provider_bounds bounds = provider_bounds(&f.env);
    assert_true(bounds.deadline_ms - f.monotonic_ms < 10000);
    assert_true(bounds.attempts * bounds.attempt_timeout_ms < 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_passing_failure_is_tried_again_and_the_last_answer_counts),
        cmocka_unit_test(nothing_is_sent_after_the_deadline),
        cmocka_unit_test(nothing_is_sent_once_it_is_cancelled),
        cmocka_unit_test(the_bounds_end_within_ten_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
