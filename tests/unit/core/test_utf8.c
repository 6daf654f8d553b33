#include "customerd/core/utf8.h"

#include "unit.h"

static size_t len_of(const char *text)
{
    return utf8_character_len(slice_cstr(text));
}

static void the_first_character_alone_counts(void **state)
{
    (void)state;
    assert_int_equal(len_of("az"), 1);
    assert_int_equal(len_of("\xc2\x80z"), 2);
    assert_int_equal(len_of("\xed\x9f\xbf\xff"), 3);
    assert_int_equal(len_of("\xf4\x8f\xbf\xbf"), 4);
    assert_int_equal(utf8_character_len(slice_of("\0", 1)), 1);
}

static void what_is_no_character_has_no_length(void **state)
{
    (void)state;
    static const char *const bad[] = { "", "\x80", "\xff", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
                                       "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xc3z" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(len_of(bad[i]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_character_alone_counts),
        cmocka_unit_test(what_is_no_character_has_no_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
