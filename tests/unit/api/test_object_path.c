#include "customerd/api/object_path.h"

#include <stdio.h>

#include "unit.h"

static void assert_key(const char *raw, const char *key)
{
    struct object_path path;
    struct error err;
    if (object_path_decode(slice_cstr("pictures"), slice_cstr(raw), &path, &err) != STATUS_OK)
        fail_msg("refused: %s (%s)", raw, err.detail);
    assert_true(slice_is(path.bucket, "pictures"));
    if (!slice_is(path.key, key))
        fail_msg("%s became %.*s", raw, (int)path.key.len, path.key.ptr);
}

static enum status refused(const char *bucket, const char *raw)
{
    struct object_path path;
    struct error err;
    return object_path_decode(slice_cstr(bucket), slice_cstr(raw), &path, &err);
}

static void a_key_is_decoded_once(void **state)
{
    (void)state;
    assert_key("a.jpg", "a.jpg");
    assert_key("red%20flower.jpg", "red flower.jpg");
    assert_key("a+b", "a+b");
    assert_key("100%2525", "100%25");
    assert_key("%2e%2E%2e", "...");
    assert_key("a%2Fb%2fc", "a/b/c");
    assert_key("%c3%a4/\xc3\xa4", "\xc3\xa4/\xc3\xa4");
    assert_key("a%3Fb%23c%5C", "a?b#c\\");
    assert_key("tab%09line%0A%7f", "tab\tline\n\x7f");
}

static void slashes_are_part_of_it(void **state)
{
    (void)state;
    assert_key("folder/", "folder/");
    assert_key("/a", "/a");
    assert_key("a//b", "a//b");
    assert_key("/", "/");
}

static void dots_that_others_would_resolve_are_refused(void **state)
{
    (void)state;
    const char *const climbing[] = { ".", "..", "../a", "a/..", "a/../b", "./a", "a/./b", "a/.", "%2e%2e/a", "a/%2E%2e",
                                     "a%2F..%2Fb", "a/.%2e/b", "%2e" };
    for (size_t i = 0; i < COUNT(climbing); i++) {
        if (refused("pictures", climbing[i]) != STATUS_BAD_REQUEST)
            fail_msg("accepted: %s", climbing[i]);
    }
    assert_key("..a/b../.c/d.", "..a/b../.c/d.");
    assert_key(".../a", ".../a");
}

static void what_is_no_text_of_a_uri_is_refused(void **state)
{
    (void)state;
    const char *const wrong[] = { "%", "a%2", "%zz", "a%0", "%00", "a%00b", "%ff", "\xff", "%c3", "%c0%af", "%ed%a0%80", "a\\b", "a#b",
                                  "a\"b", "a<b", "a|b", "a^b", "a`b", "{a}", "[a]" };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        if (refused("pictures", wrong[i]) != STATUS_BAD_REQUEST)
            fail_msg("accepted: %s", wrong[i]);
    }
}

static void lengths_are_bounded(void **state)
{
    (void)state;
    char raw[3 * 1025 + 1] = "";
    char key[1025] = "";
    for (size_t i = 0; i < 1024; i++) {
        memcpy(raw + 3 * i, "%41", 3);
        key[i] = 'A';
    }
    assert_key(raw, key);
    memcpy(raw + 3 * 1024, "B", 2);
    assert_int_equal(refused("pictures", raw), STATUS_BAD_REQUEST);
    memset(raw, 'b', 63);
    raw[63] = '\0';
    assert_int_equal(refused(raw, "a"), STATUS_OK);
    raw[63] = 'b';
    raw[64] = '\0';
    assert_int_equal(refused(raw, "a"), STATUS_NOT_FOUND);
    assert_int_equal(refused("b%zz", "a"), STATUS_BAD_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_decoded_once),
        cmocka_unit_test(slashes_are_part_of_it),
        cmocka_unit_test(dots_that_others_would_resolve_are_refused),
        cmocka_unit_test(what_is_no_text_of_a_uri_is_refused),
        cmocka_unit_test(lengths_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
