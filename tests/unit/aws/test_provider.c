#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_env.h"

#include "customerd/aws/provider.h"

static struct error err;

static enum credentials_result fill(const char *id, const char *secret, const char *token, int64_t expires_at_ms)
{
    struct credentials c = { .source = NULL };
    const struct provider_keys keys = { slice_cstr(id), slice_cstr(secret), slice_cstr(token), expires_at_ms };
    enum credentials_result result = provider_fill("test", &keys, 1000, &c, &err);
    if (result == CREDENTIALS_FAILED)
        assert_null(c.access_key_id.ptr);
    credentials_clean_up(&c);
    return result;
}

static void keys_that_could_not_work_are_refused_without_showing_them(void **state)
{
    (void)state;
    static char big[20000];
    memset(big, 'k', sizeof big - 1);
    assert_int_equal(fill("a", "b", "", 1001), CREDENTIALS_FOUND);
    expect_failed(fill("a", "b", "", 1000), &err, "expired");
    expect_failed(fill("a", "", "", 1001), &err, "empty");
    expect_failed(fill("a\n", "b", "", 1001), &err, "key id holds a control");
    expect_failed(fill("a", "b\r", "", 1001), &err, "secret access key holds a control");
    expect_failed(fill("a", "b", big, 1001), &err, "session token is too long");
    assert_null(strstr(err.detail, "kkk"));
}

static enum credentials_result read_path(const char *path, struct buf *out)
{
    *out = (struct buf)BUF_INIT(8);
    enum credentials_result result = provider_read_file(path, out, &err);
    buf_clean_up_secure(out);
    return result;
}

/* A pipe that nobody writes to would hold the thread, a device would never end. */
static void a_file_is_read_whole_and_never_for_long(void **state)
{
    (void)state;
    struct buf out;
    char path[160];
    assert_int_equal(read_path(fake_file("short", "12345678"), &out), CREDENTIALS_FOUND);
    expect_failed(read_path(fake_file("long", "123456789"), &out), &err, "longer than 8 bytes");
    expect_failed(read_path("/dev/zero", &out), &err, "longer than 8 bytes");
    expect_failed(read_path("/tmp", &out), &err, "Is a directory");
    snprintf(path, sizeof path, "%s.pipe", fake_file("short", ""));
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(read_path(path, &out), CREDENTIALS_FOUND);
    unlink(path);
}

static void the_reason_is_told_however_long_the_path_is(void **state)
{
    (void)state;
    struct buf out;
    char path[400] = "/nonexistent/";
    memset(path + strlen(path), 'p', 300);
    expect_failed(read_path(path, &out), &err, "can't be opened: ");
}

static void a_failure_may_quote_the_error_that_it_replaces(void **state)
{
    (void)state;
    (void)error_set(&err, STATUS_INTERNAL, "why");
    assert_int_equal(provider_fail(&err, "who: %s", err.detail), CREDENTIALS_FAILED);
    assert_string_equal(err.detail, "who: why");
    assert_int_equal(err.code, STATUS_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_that_could_not_work_are_refused_without_showing_them),
        cmocka_unit_test(a_file_is_read_whole_and_never_for_long),
        cmocka_unit_test(the_reason_is_told_however_long_the_path_is),
        cmocka_unit_test(a_failure_may_quote_the_error_that_it_replaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
