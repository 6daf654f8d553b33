#include "customerd/core/findings.h"

#include <stdio.h>

#include "unit.h"

static struct slice none(void)
{
    return slice_cstr(NULL);
}

static void pointers_are_escaped_twice(void **state)
{
    (void)state;
    struct findings f;
    findings_init(&f);
    findings_add(&f, slice_cstr("a/b~c\"d"), none(), "expected %d", 1);
    findings_add(&f, slice_cstr("metadata"), slice_cstr("~1"), "expected \"x\"");
    findings_add(&f, none(), none(), "whole");
    assert_slice(buf_slice(&f.json), "{\"pointer\":\"/a~1b~0c\\\"d\",\"detail\":\"expected 1\"},"
                                     "{\"pointer\":\"/metadata/~01\",\"detail\":\"expected \\\"x\\\"\"},"
                                     "{\"pointer\":\"\",\"detail\":\"whole\"}");
    assert_int_equal(f.count, 3);
    findings_clean_up(&f);
}

static void an_empty_name_is_a_level_of_a_path(void **state)
{
    (void)state;
    struct findings f;
    const struct slice path[] = { slice_cstr("metadata"), slice_cstr("") };
    findings_init(&f);
    findings_add_at(&f, path, 2, "x");
    findings_add_at(&f, path + 1, 1, "x");
    assert_slice(buf_slice(&f.json), "{\"pointer\":\"/metadata/\",\"detail\":\"x\"},{\"pointer\":\"/\",\"detail\":\"x\"}");
    findings_clean_up(&f);
}

static void more_than_the_maximum_are_counted_only(void **state)
{
    (void)state;
    struct findings f;
    char *worst = repeated("\x01", 300); /* six bytes each in JSON */
    findings_init(&f);
    for (int i = 0; i < FINDINGS_MAX; i++)
        findings_add(&f, slice_cstr(worst), slice_cstr(worst), "%s", worst);
    size_t len = f.json.len;
    for (int i = 0; i < 1000; i++)
        findings_add(&f, slice_cstr("x"), none(), "y");
    assert_int_equal(f.count, FINDINGS_MAX + 1000);
    assert_int_equal(f.json.len, len);
    assert_true(buf_ok(&f.json));
    free(worst);
    findings_clean_up(&f);
}

static void long_tokens_are_cut_between_code_points(void **state)
{
    (void)state;
    struct findings f;
    char *long_name = repeated("\xE2\x82\xAC", 1000); /* three bytes each: 128 is no multiple */
    char *kept = repeated("\xE2\x82\xAC", 42);
    char expected[256];
    findings_init(&f);
    findings_add(&f, slice_cstr(long_name), none(), "x");
    snprintf(expected, sizeof expected, "{\"pointer\":\"/%s\xE2\x80\xA6\",\"detail\":\"x\"}", kept);
    assert_slice(buf_slice(&f.json), expected);
    free(long_name);
    free(kept);
    findings_clean_up(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pointers_are_escaped_twice),
        cmocka_unit_test(an_empty_name_is_a_level_of_a_path),
        cmocka_unit_test(more_than_the_maximum_are_counted_only),
        cmocka_unit_test(long_tokens_are_cut_between_code_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
