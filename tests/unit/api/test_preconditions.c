#include "customerd/api/preconditions.h"

#include <stdio.h>

#include "unit.h"

static enum status parse(const char *value, enum tag_comparison comparison, struct precondition *out)
{
    struct error err;
    return precondition_parse("If-Match", slice_cstr(value), comparison, out, &err);
}

static void a_star_stands_for_any_version(void **state)
{
    (void)state;
    struct precondition p;
    assert_int_equal(parse(" * ", TAGS_STRONG, &p), STATUS_OK);
    assert_true(p.given && p.any);
    assert_true(precondition_lists(&p, 7));
}

static void a_list_holds_its_versions(void **state)
{
    (void)state;
    struct precondition p;
    assert_int_equal(parse("\"3\", \"12\" ,,\t\"9007199254740993\"", TAGS_STRONG, &p), STATUS_OK);
    assert_int_equal(p.n_versions, 3);
    assert_true(precondition_lists(&p, 3));
    assert_true(precondition_lists(&p, 12));
    assert_true(precondition_lists(&p, 9007199254740993u));
    assert_false(precondition_lists(&p, 9007199254740992u));
}

static void weak_tags_match_only_weakly(void **state)
{
    (void)state;
    struct precondition p;
    assert_int_equal(parse("W/\"3\"", TAGS_STRONG, &p), STATUS_OK);
    assert_true(p.given);
    assert_false(precondition_lists(&p, 3));
    assert_int_equal(parse("W/\"3\"", TAGS_WEAK, &p), STATUS_OK);
    assert_true(precondition_lists(&p, 3));
}

static void foreign_tags_are_no_error_and_match_nothing(void **state)
{
    (void)state;
    const char *const foreign[] = { "\"\"", "\"abc\"", "\"03\"", "\"+3\"", "\"0\"", "\"3 \"", "\"3\xc3\xa4\"",
                                    "\"99999999999999999999\"", "\"a,b\"" };
    for (size_t i = 0; i < COUNT(foreign); i++) {
        struct precondition p;
        enum status expected = strchr(foreign[i], ' ') == NULL ? STATUS_OK : STATUS_BAD_REQUEST;
        assert_int_equal(parse(foreign[i], TAGS_STRONG, &p), expected);
        assert_int_equal(p.n_versions, 0);
        assert_false(precondition_lists(&p, 3));
    }
}

static void what_is_no_list_of_tags_is_refused(void **state)
{
    (void)state;
    const char *const wrong[] = { "", " ", ",", "3", "\"3", "3\"", "\"3\" \"4\"", "\"3\"\"4\"", "w/\"3\"", "W/3",
                                  "*, \"3\"", "\"3\", *", "W/", "\"3\";a" };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct precondition p;
        if (parse(wrong[i], TAGS_STRONG, &p) != STATUS_BAD_REQUEST)
            fail_msg("accepted: %s", wrong[i]);
    }
}

static void the_number_of_tags_is_bounded(void **state)
{
    (void)state;
    char list[256] = "";
    struct precondition p;
    for (int i = 1; i <= PRECONDITION_VERSIONS_MAX; i++)
        (void)snprintf(list + strlen(list), sizeof list - strlen(list), "\"%d\",", i);
    assert_int_equal(parse(list, TAGS_STRONG, &p), STATUS_OK);
    assert_true(precondition_lists(&p, PRECONDITION_VERSIONS_MAX));
    (void)snprintf(list + strlen(list), sizeof list - strlen(list), "\"99\"");
    assert_int_equal(parse(list, TAGS_STRONG, &p), STATUS_BAD_REQUEST);
}

static void without_the_field_every_version_fits(void **state)
{
    (void)state;
    const struct precondition p = { .given = false };
    assert_true(precondition_lists(&p, 1));
}

static enum status names(const char *value, bool *listed)
{
    struct error err;
    return precondition_names("If-None-Match", slice_cstr(value), slice_cstr("cf13b5dd"), listed, &err);
}

static void a_tag_that_is_no_version_is_named_by_its_text(void **state)
{
    (void)state;
    const char *const naming[] = { "*", " * ", "\"cf13b5dd\"", "W/\"cf13b5dd\"", "\"1\", \"cf13b5dd\"", ", \"cf13b5dd\" ,\t\"x\"" };
    const char *const others[] = { "\"\"", "\"cf13b5d\"", "\"cf13b5ddd\"", "\"CF13B5DD\"", "\"*\"", "\"1\", W/\"2\"" };
    bool listed;
    for (size_t i = 0; i < COUNT(naming); i++) {
        assert_int_equal(names(naming[i], &listed), STATUS_OK);
        assert_true(listed);
    }
    for (size_t i = 0; i < COUNT(others); i++) {
        assert_int_equal(names(others[i], &listed), STATUS_OK);
        assert_false(listed);
    }
}

static void a_list_of_tags_that_is_none_is_refused(void **state)
{
    (void)state;
    const char *const malformed[] = { "", ",", "cf13b5dd", "\"cf13b5dd", "\"cf13b5dd\" \"x\"", "*, \"x\"", "w/\"x\"",
                                      "\"cf13b5dd\"x", "W/cf13b5dd" };
    bool listed;
    for (size_t i = 0; i < COUNT(malformed); i++)
        assert_int_equal(names(malformed[i], &listed), STATUS_BAD_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_star_stands_for_any_version),
        cmocka_unit_test(a_list_holds_its_versions),
        cmocka_unit_test(weak_tags_match_only_weakly),
        cmocka_unit_test(foreign_tags_are_no_error_and_match_nothing),
        cmocka_unit_test(what_is_no_list_of_tags_is_refused),
        cmocka_unit_test(the_number_of_tags_is_bounded),
        cmocka_unit_test(without_the_field_every_version_fits),
        cmocka_unit_test(a_tag_that_is_no_version_is_named_by_its_text),
        cmocka_unit_test(a_list_of_tags_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
