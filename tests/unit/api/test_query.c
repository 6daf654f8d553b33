#include "customerd/api/query.h"

#include "unit.h"

static const char *const known[] = { "limit", "cursor", "email", NULL };
static const char *const none[] = { NULL };

static enum status parse(const char *raw, const char *const *names, struct query *q, struct error *err)
{
    query_init(q);
    return query_parse(slice_cstr(raw), names, q, err);
}

static void assert_refused(const char *raw, const char *const *names, const char *in_detail)
{
    struct query q;
    struct error err;
    assert_int_equal(parse(raw, names, &q, &err), STATUS_BAD_PARAMETER);
    if (strstr(err.detail, in_detail) == NULL)
        fail_msg("%s: \"%s\" lacks \"%s\"", raw, err.detail, in_detail);
    query_clean_up(&q);
}

static void parameters_are_decoded(void **state)
{
    (void)state;
    struct query q;
    struct error err;
    assert_int_equal(parse("&cursor=a%2Bb%3d&&%6Cimit=20&", known, &q, &err), STATUS_OK);
    assert_true(q.values[0].given && slice_is(q.values[0].text, "20"));
    assert_true(q.values[1].given && slice_is(q.values[1].text, "a+b="));
    assert_false(q.values[1].plus_was_blank);
    assert_false(q.values[2].given);
    query_clean_up(&q);
}

static void a_parameter_without_value_is_empty(void **state)
{
    (void)state;
    struct query q;
    struct error err;
    assert_int_equal(parse("limit&email=", known, &q, &err), STATUS_OK);
    assert_true(q.values[0].given && q.values[0].text.len == 0);
    assert_true(q.values[2].given && q.values[2].text.len == 0);
    query_clean_up(&q);
}

static void a_plus_is_a_blank_and_is_noted(void **state)
{
    (void)state;
    struct query q;
    struct error err;
    assert_int_equal(parse("email=a+b%40c", known, &q, &err), STATUS_OK);
    assert_true(slice_is(q.values[2].text, "a b@c"));
    assert_true(q.values[2].plus_was_blank);
    query_clean_up(&q);
}

static void unknown_parameters_name_the_nearest(void **state)
{
    (void)state;
    assert_refused("limt=3", known, "\"limit\"");
    assert_refused("e-mail=3", known, "\"email\"");
    assert_refused("LIMIT=3", known, "known are: limit, cursor, email");
    assert_refused("=3", known, "known are");
    assert_refused("a=1", none, "none are known");
}

static void repeated_and_broken_parameters_are_refused(void **state)
{
    (void)state;
    assert_refused("limit=1&limit=1", known, "repeated");
    assert_refused("limit=1&%6cimit=1", known, "repeated");
    const char *const broken[] = { "email=%", "email=%4", "email=%zz", "email=%00", "email=%ff", "email=%c0%ae",
                                   "email=%ed%a0%80", "email=%f4%90%80%80", "email=%e2%82", "%ff=1" };
    for (size_t i = 0; i < COUNT(broken); i++)
        assert_refused(broken[i], known, "UTF-8");
}

static void every_utf8_length_passes(void **state)
{
    (void)state;
    struct query q;
    struct error err;
    assert_int_equal(parse("email=a%C3%A4%E2%82%AC%F0%9F%98%80", known, &q, &err), STATUS_OK);
    assert_true(slice_is(q.values[2].text, "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"));
    query_clean_up(&q);
}

static void the_longest_query_is_kept_in_place(void **state)
{
    (void)state;
    static char raw[QUERY_MAX_BYTES + 1];
    memset(raw, 'x', QUERY_MAX_BYTES);
    memcpy(raw, "limit=7&cursor=", 15);
    struct query q;
    struct error err;
    assert_int_equal(parse(raw, known, &q, &err), STATUS_OK);
    assert_true(slice_is(q.values[0].text, "7"));
    assert_int_equal(q.values[1].text.len, QUERY_MAX_BYTES - 15);
    query_clean_up(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_decoded),
        cmocka_unit_test(a_parameter_without_value_is_empty),
        cmocka_unit_test(a_plus_is_a_blank_and_is_noted),
        cmocka_unit_test(unknown_parameters_name_the_nearest),
        cmocka_unit_test(repeated_and_broken_parameters_are_refused),
        cmocka_unit_test(every_utf8_length_passes),
        cmocka_unit_test(the_longest_query_is_kept_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
