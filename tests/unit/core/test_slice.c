#include "customerd/core/slice.h"

#include "unit.h"

static void takes_part_after_part(void **state)
{
    (void)state;
    struct slice rest = slice_cstr("one,,three");
    assert_true(slice_is(slice_take(&rest, ','), "one"));
    assert_true(slice_is(slice_take(&rest, ','), ""));
    assert_true(slice_is(rest, "three"));
    assert_true(slice_is(slice_take(&rest, ','), "three"));
    assert_int_equal(rest.len, 0);
    assert_int_equal(slice_take(&rest, ',').len, 0);
}

static void a_separator_at_the_end_leaves_nothing(void **state)
{
    (void)state;
    struct slice rest = slice_cstr("one,");
    assert_true(slice_is(slice_take(&rest, ','), "one"));
    assert_int_equal(rest.len, 0);
}

static void reads_no_byte_past_the_end(void **state)
{
    (void)state;
    struct slice rest = slice_of("one,two", 3);
    assert_true(slice_is(slice_take(&rest, ','), "one"));
    assert_int_equal(rest.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_part_after_part),
        cmocka_unit_test(a_separator_at_the_end_leaves_nothing),
        cmocka_unit_test(reads_no_byte_past_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
