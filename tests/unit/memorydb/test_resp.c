#include "resp.h"

#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static enum resp_result scan(struct slice bytes, size_t *len)
{
    struct resp_scan s = { .at = 0 };
    return resp_scan(&s, bytes, len);
}

static enum resp_result scan_text(const char *text)
{
    size_t len = 0;
    return scan(slice_cstr(text), &len);
}

static const char *const whole[] = {
    "+OK\r\n", "-ERR no\r\n", "+\r\n", "-\r\n", ":0\r\n", ":-9223372036854775808\r\n", ":9223372036854775807\r\n",
    "$0\r\n\r\n", "$-1\r\n", "$3\r\na\rb\r\n", "*0\r\n", "*-1\r\n", "*2\r\n:1\r\n$1\r\nx\r\n",
    "*3\r\n*0\r\n*1\r\n*-1\r\n$-1\r\n", "*2\r\n*2\r\n:1\r\n:2\r\n*1\r\n+x\r\n",
    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
};

static void whole_replies_are_found_to_the_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        char followed[256];
        size_t len = 0;
        snprintf(followed, sizeof followed, "%s+next\r\n", whole[i]);
        assert_int_equal(scan(slice_cstr(followed), &len), RESP_WHOLE);
        assert_int_equal(len, strlen(whole[i]));
    }
}

static void replies_that_come_byte_by_byte_are_found_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        struct resp_scan s = { .at = 0 };
        size_t len = 0, size = strlen(whole[i]);
        for (size_t n = 0; n < size; n++)
            assert_int_equal(resp_scan(&s, slice_of(whole[i], n), &len), RESP_PARTIAL);
        assert_int_equal(resp_scan(&s, slice_of(whole[i], size), &len), RESP_WHOLE);
        assert_int_equal(len, size);
    }
}

static void what_is_no_resp2_is_refused(void **state)
{
    (void)state;
    const char *const broken[] = {
        "HTTP/1.1 200 OK\r\n", "\r\n", "%1\r\n", "_\r\n", "#t\r\n", ">1\r\n", ",1.5\r\n", "(1\r\n", ":\r\n", ":-\r\n",
        ":1x\r\n", ": 1\r\n", ":+1\r\n", ":9223372036854775808\r\n", ":99999999999999999999\r\n", "$-2\r\n", "$-5\r\n",
        "$x\r\n", "$\r\n", "*-2\r\n", "*x\r\n", "$3\r\nabcde", "$3\r\nabc\n\n", "+OK\rx", "*1\r\n%1\r\n",
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        if (scan_text(broken[i]) != RESP_BROKEN)
            fail_msg("taken: %s", broken[i]);
    }
}

static void a_nul_is_no_type(void **state)
{
    (void)state;
    size_t len = 0;
    assert_int_equal(scan(slice_of("\0001\r\n", 4), &len), RESP_BROKEN);
    assert_int_equal(scan(slice_of("*1\r\n\0001\r\n", 8), &len), RESP_BROKEN);
}

static void absurd_sizes_are_refused_before_their_bytes_come(void **state)
{
    (void)state;
    assert_int_equal(scan_text("*2147483647\r\n"), RESP_BROKEN);
    assert_int_equal(scan_text("*1048577\r\n"), RESP_BROKEN);
    assert_int_equal(scan_text("*1048576\r\n"), RESP_PARTIAL);
    assert_int_equal(scan_text("$67108865\r\n"), RESP_BROKEN);
    assert_int_equal(scan_text("$67108864\r\n"), RESP_BROKEN); /* with its header it is over the bound */
    assert_int_equal(scan_text("$67000000\r\n"), RESP_PARTIAL);
    assert_int_equal(scan_text("*2\r\n*1048574\r\n"), RESP_PARTIAL);
    assert_int_equal(scan_text("*2\r\n*1048575\r\n"), RESP_BROKEN); /* the sum counts */
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    assert_int_equal(scan_text("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"), RESP_BROKEN);
}

static void an_endless_line_is_refused(void **state)
{
    (void)state;
    size_t size = RESP_LINE_MAX_BYTES + 2, len = 0;
    char *line = malloc(size);
    assert_non_null(line);
    memset(line, 'x', size);
    line[0] = '-';
    assert_int_equal(scan(slice_of(line, RESP_LINE_MAX_BYTES), &len), RESP_PARTIAL);
    assert_int_equal(scan(slice_of(line, size), &len), RESP_BROKEN);
    free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_replies_are_found_to_the_byte),
        cmocka_unit_test(replies_that_come_byte_by_byte_are_found_too),
        cmocka_unit_test(what_is_no_resp2_is_refused),
        cmocka_unit_test(a_nul_is_no_type),
        cmocka_unit_test(absurd_sizes_are_refused_before_their_bytes_come),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(an_endless_line_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
