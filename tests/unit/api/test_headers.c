#include "customerd/api/headers.h"

#include "unit.h"

static void repeated_fields_are_counted_and_the_first_is_given(void **state)
{
    (void)state;
    struct headers h = { .n = 0 };
    struct slice value;
    headers_add(&h, slice_cstr("Host"), slice_cstr("a"));
    headers_add(&h, slice_cstr("HOST"), slice_cstr("b"));
    assert_int_equal(headers_get(&h, "host", &value), 2);
    assert_true(slice_is(value, "a"));
    assert_int_equal(headers_get(&h, "Hos", &value), 0);
    assert_int_equal(value.len, 0);
}

static void fields_above_the_maximum_are_counted_but_not_kept(void **state)
{
    (void)state;
    struct headers h = { .n = 0 };
    for (size_t i = 0; i < HEADERS_MAX + 5; i++)
        headers_add(&h, slice_cstr("X"), slice_cstr("12345"));
    assert_int_equal(h.n, HEADERS_MAX);
    assert_int_equal(h.seen, HEADERS_MAX + 5);
    assert_int_equal(h.bytes, (HEADERS_MAX + 5) * 10);
}

static void a_token_has_no_blank_and_no_separator(void **state)
{
    (void)state;
    assert_true(headers_is_token(slice_cstr("X-Request-Id")));
    const char *const wrong[] = { "", "a b", "a:", "a\t", "(a)", "\"a\"", "a,b", "\xc3\xa4" };
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_false(headers_is_token(slice_cstr(wrong[i])));
    assert_false(headers_is_token(slice_of("a\0b", 3)));
}

static void trimming_drops_blanks_and_tabs_only(void **state)
{
    (void)state;
    assert_true(slice_is(headers_trim(slice_cstr(" \t a b\t ")), "a b"));
    assert_int_equal(headers_trim(slice_cstr(" \t ")).len, 0);
    assert_true(slice_is(headers_trim(slice_cstr("\ra")), "\ra"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeated_fields_are_counted_and_the_first_is_given),
        cmocka_unit_test(fields_above_the_maximum_are_counted_but_not_kept),
        cmocka_unit_test(a_token_has_no_blank_and_no_separator),
        cmocka_unit_test(trimming_drops_blanks_and_tabs_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
