#include "customerd/core/buf.h"

#include <stdlib.h>

#include "unit.h"

static void assert_text(const struct buf *b, const char *text)
{
    assert_true(buf_ok(b));
    assert_int_equal(b->len, strlen(text));
    assert_string_equal(b->data == NULL ? "" : b->data, text);
}

static void appends_keep_order_and_end_with_nul(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(1000);
    buf_append(&b, slice_of("ab", 2));
    buf_append_cstr(&b, "cd");
    buf_append_byte(&b, 'e');
    buf_append_int(&b, -12);
    buf_appendf(&b, "<%s:%d>", "x", 7);
    assert_text(&b, "abcde-12<x:7>");
    buf_clean_up(&b);
    assert_null(b.data);
    assert_int_equal(b.max_bytes, 1000);
}

static void integers_are_written_with_all_digits(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(1000);
    buf_append_int(&b, INT64_MIN);
    buf_append_byte(&b, ' ');
    buf_append_int(&b, INT64_MAX);
    buf_append_byte(&b, ' ');
    buf_append_int(&b, 0);
    assert_text(&b, "-9223372036854775808 9223372036854775807 0");
    buf_clean_up(&b);
}

static void the_maximum_holds_exactly(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(100);
    for (int i = 0; i < 100; i++)
        buf_append_byte(&b, 'x');
    assert_true(buf_ok(&b));
    assert_int_equal(b.len, 100);
    assert_int_equal(b.cap, 101);
    buf_append_byte(&b, 'y');
    assert_false(buf_ok(&b));
    assert_int_equal(b.len, 100);
    buf_clean_up(&b);
}

static void a_failed_append_makes_later_ones_do_nothing(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(4);
    buf_append_cstr(&b, "ab");
    buf_append_cstr(&b, "cde");
    assert_false(buf_ok(&b));
    buf_append_cstr(&b, "c");
    buf_appendf(&b, "%d", 1);
    assert_false(buf_reserve(&b, 0));
    assert_int_equal(b.len, 2);
    assert_string_equal(b.data, "ab");
    assert_null(buf_steal(&b));
    buf_clear(&b);
    buf_append_cstr(&b, "abcd");
    assert_text(&b, "abcd");
    buf_clean_up(&b);
}

static void huge_requests_fail_without_wrapping(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(SIZE_MAX);
    buf_append_cstr(&b, "ab");
    assert_false(buf_reserve(&b, SIZE_MAX - 1));
    buf_clear(&b);
    assert_false(buf_reserve(&b, SIZE_MAX));
    buf_clean_up(&b);
}

static void growth_keeps_the_contents(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(1 << 20);
    for (int i = 0; i < 50000; i++)
        buf_append_int(&b, i % 10);
    assert_int_equal(b.len, 50000);
    for (size_t i = 0; i < 50000; i++)
        assert_int_equal(b.data[i], '0' + (char)(i % 10));
    buf_clean_up_secure(&b);
    assert_null(b.data);
}

static void reserved_room_is_filled_through_the_tail(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(10);
    buf_append_cstr(&b, "ab");
    assert_true(buf_reserve(&b, 8));
    memcpy(buf_tail(&b), "cdefghij", 8);
    buf_advance(&b, 8);
    assert_text(&b, "abcdefghij");
    buf_clean_up(&b);
}

static void json_escapes_follow_rfc_8259(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(1000);
    buf_append_json_escaped(&b, slice_of("\"\\/\b\f\n\r\t\x01\x1f\0\x7fZ\xc3\xa9", 15));
    assert_text(&b, "\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\\u0000\x7fZ\xc3\xa9");
    buf_clear(&b);
    buf_append_json_escaped(&b, slice_cstr(""));
    assert_text(&b, "");
    buf_clean_up(&b);
}

static void consuming_drops_from_the_front(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(100);
    buf_consume(&b, 3);
    buf_append_cstr(&b, "abcdef");
    buf_consume(&b, 2);
    assert_text(&b, "cdef");
    buf_consume(&b, 99);
    assert_text(&b, "");
    buf_clean_up(&b);
}

static void stealing_leaves_an_empty_usable_buffer(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(100);
    assert_null(buf_steal(&b));
    buf_append_cstr(&b, "mine");
    char *text = buf_steal(&b);
    assert_string_equal(text, "mine");
    free(text);
    buf_append_cstr(&b, "next");
    assert_text(&b, "next");
    buf_clean_up(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_keep_order_and_end_with_nul),
        cmocka_unit_test(integers_are_written_with_all_digits),
        cmocka_unit_test(the_maximum_holds_exactly),
        cmocka_unit_test(a_failed_append_makes_later_ones_do_nothing),
        cmocka_unit_test(huge_requests_fail_without_wrapping),
        cmocka_unit_test(growth_keeps_the_contents),
        cmocka_unit_test(reserved_room_is_filled_through_the_tail),
        cmocka_unit_test(json_escapes_follow_rfc_8259),
        cmocka_unit_test(consuming_drops_from_the_front),
        cmocka_unit_test(stealing_leaves_an_empty_usable_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
