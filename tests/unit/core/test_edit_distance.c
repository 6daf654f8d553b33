#include "customerd/core/edit_distance.h"

#include "unit.h"

static size_t between(const char *a, const char *b)
{
    return edit_distance(slice_cstr(a), slice_cstr(b), EDIT_CASE_MATTERS);
}

static void each_changed_byte_counts_once(void **state)
{
    (void)state;
    assert_int_equal(between("", ""), 0);
    assert_int_equal(between("email", "email"), 0);
    assert_int_equal(between("", "email"), 5);
    assert_int_equal(between("email", ""), 5);
    assert_int_equal(between("emil", "email"), 1);
    assert_int_equal(between("eemail", "email"), 1);
    assert_int_equal(between("emial", "email"), 2);
    assert_int_equal(between("kitten", "sitting"), 3);
}

static void case_matters_or_not(void **state)
{
    (void)state;
    assert_int_equal(between("EMail", "email"), 2);
    assert_int_equal(edit_distance(slice_cstr("EMail"), slice_cstr("email"), EDIT_CASE_IGNORED), 0);
    assert_int_equal(edit_distance(slice_cstr("@"), slice_cstr("`"), EDIT_CASE_IGNORED), 1);
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    char text[3 * EDIT_DISTANCE_MAX_BYTES];
    memset(text, 'a', sizeof text);
    assert_int_equal(edit_distance(slice_of(text, sizeof text), slice_cstr(""), EDIT_CASE_MATTERS), EDIT_DISTANCE_MAX_BYTES);
    assert_int_equal(edit_distance(slice_cstr("a"), slice_of(text, sizeof text), EDIT_CASE_MATTERS),
                     EDIT_DISTANCE_MAX_BYTES - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_changed_byte_counts_once),
        cmocka_unit_test(case_matters_or_not),
        cmocka_unit_test(long_texts_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
