#include "customerd/api/negotiate.h"

#include "unit.h"

static bool accepts(const char *first, const char *second)
{
    struct headers h = { .n = 0 };
    if (first != NULL)
        headers_add(&h, slice_cstr("Accept"), slice_cstr(first));
    if (second != NULL)
        headers_add(&h, slice_cstr("accept"), slice_cstr(second));
    return negotiate_accepts(&h, "application/json");
}

static void json_is_accepted_by_ranges_that_hold_it(void **state)
{
    (void)state;
    const char *const fine[] = { "application/json", "*/*", "application/*", "APPLICATION/JSON;q=0.001",
                                 "text/html, application/json;q=0.5", "text/html,*/*;q=0.1", "application/json;v=1",
                                 "application/json;q=1.000", "text/html;a=\",\", application/json", "",
                                 "application/*;q=0, application/json", "*/*;q=0,application/*;q=0.2" };
    for (size_t i = 0; i < COUNT(fine); i++)
        if (!accepts(fine[i], NULL))
            fail_msg("refused: %s", fine[i]);
    assert_true(accepts(NULL, NULL));
    assert_true(accepts("text/html", "application/json"));
}

static void another_type_is_judged_by_its_own_ranges(void **state)
{
    (void)state;
    struct headers h = { .n = 0 };
    headers_add(&h, slice_cstr("Accept"), slice_cstr("text/plain;version=0.0.4;q=0.5, image/*"));
    assert_true(negotiate_accepts(&h, "text/plain; version=0.0.4; charset=utf-8"));
    assert_true(negotiate_accepts(&h, "IMAGE/png"));
    assert_false(negotiate_accepts(&h, "application/json"));
    assert_false(negotiate_accepts(&h, "text/html"));
}

static void the_most_specific_range_decides(void **state)
{
    (void)state;
    const char *const excluded[] = { "text/html", "application/xml", "application/json;q=0", "*/*;q=0",
                                     "*/*, application/json;q=0", "application/*;q=0.0, */*;q=1",
                                     "application/problem+json", "application/jsonx", "text/html;x=application/json" };
    for (size_t i = 0; i < COUNT(excluded); i++)
        if (accepts(excluded[i], NULL))
            fail_msg("accepted: %s", excluded[i]);
    assert_false(accepts("*/*", "application/json;q=0"));
}

static void what_cannot_be_read_is_no_wish(void **state)
{
    (void)state;
    assert_true(accepts("json", NULL));
    assert_true(accepts("application/json;q=2", NULL));
    assert_false(accepts("json, text/html", NULL));
}

static void content_types_are_told_apart(void **state)
{
    (void)state;
    const char *const json[] = { "application/json", "Application/JSON", "application/json; charset=utf-8",
                                 "application/json;charset=\"UTF-8\"", "application/json ; x=y",
                                 "application/json;" };
    for (size_t i = 0; i < COUNT(json); i++)
        assert_null(negotiate_content_type(slice_cstr(json[i]), CONTENT_JSON));
    const char *const wrong[] = { "", "application/json, application/json", "text/json", "application/jsonx",
                                  "application/merge-patch+json", "application/json; charset=latin1",
                                  "multipart/form-data; boundary=x", "application/x-www-form-urlencoded",
                                  "application/json; charset=utf-8; charset=utf-16" };
    for (size_t i = 0; i < COUNT(wrong); i++)
        if (negotiate_content_type(slice_cstr(wrong[i]), CONTENT_JSON) == NULL)
            fail_msg("accepted: %s", wrong[i]);
    assert_null(negotiate_content_type(slice_cstr("application/merge-patch+json"), CONTENT_JSON | CONTENT_MERGE_PATCH));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_accepted_by_ranges_that_hold_it),
        cmocka_unit_test(another_type_is_judged_by_its_own_ranges),
        cmocka_unit_test(the_most_specific_range_decides),
        cmocka_unit_test(what_cannot_be_read_is_no_wish),
        cmocka_unit_test(content_types_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
