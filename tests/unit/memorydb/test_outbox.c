#include "outbox.h"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void put(struct outbox *o, const char *text)
{
    assert_true(outbox_reserve(o, strlen(text)));
    outbox_put_cstr(o, text);
}

static void bytes_leave_in_the_order_they_came(void **state)
{
    (void)state;
    struct outbox o = { .data = NULL };
    put(&o, "hello ");
    put(&o, "world");
    assert_true(slice_is(outbox_slice(&o), "hello world"));
    outbox_take(&o, 6);
    put(&o, "!");
    assert_true(slice_is(outbox_slice(&o), "world!"));
    outbox_clean_up(&o);
}

static void positions_count_from_the_streams_start(void **state)
{
    (void)state;
    struct outbox o = { .data = NULL };
    put(&o, "abc");
    assert_int_equal(outbox_position(&o), 3);
    outbox_take(&o, 2);
    assert_int_equal(o.taken, 2);
    assert_int_equal(outbox_position(&o), 3);
    outbox_take(&o, 1);
    put(&o, "d");
    assert_int_equal(outbox_position(&o), 4);
    outbox_reset(&o);
    assert_int_equal(outbox_position(&o), 0);
    assert_int_equal(outbox_len(&o), 0);
    outbox_clean_up(&o);
}

static void it_grows_and_gives_much_memory_back(void **state)
{
    (void)state;
    struct outbox o = { .data = NULL };
    for (int i = 0; i < 100000; i++)
        put(&o, "0123456789");
    assert_int_equal(outbox_len(&o), 1000000);
    assert_memory_equal(outbox_slice(&o).ptr + 999990, "0123456789", 10);
    outbox_take(&o, 1000000);
    assert_int_equal(o.cap, 0);
    outbox_clean_up(&o);
}

static void a_secret_is_wiped_when_it_has_left(void **state)
{
    (void)state;
    struct outbox o = { .data = NULL };
    put(&o, "before");
    outbox_mark_secret(&o);
    put(&o, "SECRET");
    outbox_take(&o, 6);
    assert_memory_equal(outbox_slice(&o).ptr, "SECRET", 6);
    outbox_take(&o, 6);
    for (size_t i = 0; i < o.cap; i++)
        assert_int_equal(o.data[i], 0);
    assert_false(o.secret);
    outbox_clean_up(&o);
}

static void headers_are_decimal(void **state)
{
    (void)state;
    struct outbox o = { .data = NULL };
    assert_true(outbox_reserve(&o, 3 * OUTBOX_HEADER_MAX));
    outbox_put_header(&o, '$', 0);
    outbox_put_header(&o, '*', 10);
    outbox_put_header(&o, '$', SIZE_MAX);
    assert_true(slice_is(outbox_slice(&o), "$0\r\n*10\r\n$18446744073709551615\r\n"));
    outbox_clean_up(&o);
}

static void an_absurd_reservation_fails(void **state)
{
    (void)state;
    struct outbox o = { .data = NULL };
    assert_false(outbox_reserve(&o, SIZE_MAX / 2));
    put(&o, "still works");
    outbox_clean_up(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_leave_in_the_order_they_came),
        cmocka_unit_test(positions_count_from_the_streams_start),
        cmocka_unit_test(it_grows_and_gives_much_memory_back),
        cmocka_unit_test(a_secret_is_wiped_when_it_has_left),
        cmocka_unit_test(headers_are_decimal),
        cmocka_unit_test(an_absurd_reservation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
