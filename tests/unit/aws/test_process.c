#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "customerd/aws/process.h"
#include "customerd/core/clock.h"

static enum status run_script(const char *script, int64_t timeout_ms, struct process_result *out, struct error *err)
{
    char sh[] = "sh";
    char c[] = "-c";
    char text[1024];
    snprintf(text, sizeof text, "%s", script);
    char *argv[] = { sh, c, text, NULL };
    *out = (struct process_result){ .output = BUF_INIT(4096), .errors = BUF_INIT(16) };
    return process_run(argv, timeout_ms, out, err);
}

static void clean(struct process_result *r)
{
    buf_clean_up(&r->output);
    buf_clean_up(&r->errors);
}

static void output_errors_and_exit_code_are_taken(void **state)
{
    (void)state;
    struct process_result r;
    struct error err;
    assert_int_equal(run_script("cat; echo out; echo 0123456789abcdefXYZ >&2; exit 3", 20000, &r, &err), STATUS_OK);
    assert_string_equal(r.output.data, "out\n");
    assert_string_equal(r.errors.data, "0123456789abcdef");
    assert_int_equal(r.exit_code, 3);
    clean(&r);
    assert_int_equal(run_script("kill -9 $$", 20000, &r, &err), STATUS_OK);
    assert_int_equal(r.exit_code, 128 + 9);
    clean(&r);
}

static void expect_ended_early(const char *script, int64_t timeout_ms, const char *word)
{
    struct process_result r;
    struct error err;
    int64_t start_ms = clock_monotonic_ms(clock_system());
    assert_int_not_equal(run_script(script, timeout_ms, &r, &err), STATUS_OK);
    assert_non_null(strstr(err.detail, word));
    assert_true(clock_monotonic_ms(clock_system()) - start_ms < 20000);
    clean(&r);
}

static void time_and_output_are_bounded(void **state)
{
    (void)state;
    expect_ended_early("sleep 60", 200, "in time");
    expect_ended_early("sleep 60 & wait", 200, "in time");
    expect_ended_early("exec >&- 2>&-; sleep 60", 200, "in time");
    expect_ended_early("while :; do echo 0123456789; done", 30000, "too long");
}

static void a_program_that_is_missing_is_named_as_such(void **state)
{
    (void)state;
    char name[] = "/nonexistent/program";
    char *argv[] = { name, NULL };
    struct process_result r = { .output = BUF_INIT(64), .errors = BUF_INIT(64) };
    struct error err;
    assert_int_not_equal(process_run(argv, 1000, &r, &err), STATUS_OK);
    assert_non_null(strstr(err.detail, "started"));
    clean(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_errors_and_exit_code_are_taken),
        cmocka_unit_test(time_and_output_are_bounded),
        cmocka_unit_test(a_program_that_is_missing_is_named_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
