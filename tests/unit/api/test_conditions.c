#include "customerd/api/conditions.h"

#include "unit.h"

#define ETAG "\"9b2cf535f27731c974343645a3985328\""
#define MODIFIED "Tue, 24 Nov 2026 10:00:00 GMT"
#define BEFORE "Tue, 24 Nov 2026 09:59:59 GMT"
#define AFTER "Tue, 24 Nov 2026 10:00:01 GMT"

static const struct validators there = { SLICE(ETAG), SLICE(MODIFIED), 1795651200 };

static struct headers fields(const char *name, const char *value, const char *other_name, const char *other_value)
{
    struct headers h = { .n = 0 };
    headers_add(&h, slice_cstr(name), slice_cstr(value));
    if (other_name != NULL)
        headers_add(&h, slice_cstr(other_name), slice_cstr(other_value));
    return h;
}

static void assert_judged(const char *name, const char *value, enum conditions expected)
{
    struct headers h = fields(name, value, NULL, NULL);
    struct error err;
    enum conditions got;
    assert_int_equal(conditions_judge(&h, &there, &got, &err), STATUS_OK);
    if (got != expected)
        fail_msg("%s: %s came to %d", name, value, (int)got);
}

static void tags_are_compared(void **state)
{
    (void)state;
    assert_judged("If-Match", ETAG, CONDITIONS_HOLD);
    assert_judged("If-Match", "\"other\", " ETAG, CONDITIONS_HOLD);
    assert_judged("If-Match", "*", CONDITIONS_HOLD);
    assert_judged("If-Match", "\"other\"", CONDITIONS_FAIL);
    assert_judged("If-Match", "W/" ETAG, CONDITIONS_FAIL);
    assert_judged("If-None-Match", ETAG, CONDITIONS_UNCHANGED);
    assert_judged("If-None-Match", "W/" ETAG, CONDITIONS_UNCHANGED);
    assert_judged("If-None-Match", "*", CONDITIONS_UNCHANGED);
    assert_judged("If-None-Match", "\"other\"", CONDITIONS_HOLD);
    assert_judged("If-None-Match", "\"\"", CONDITIONS_HOLD);
}

static void dates_are_compared(void **state)
{
    (void)state;
    assert_judged("If-Modified-Since", MODIFIED, CONDITIONS_UNCHANGED);
    assert_judged("If-Modified-Since", AFTER, CONDITIONS_UNCHANGED);
    assert_judged("If-Modified-Since", BEFORE, CONDITIONS_HOLD);
    assert_judged("If-Unmodified-Since", MODIFIED, CONDITIONS_HOLD);
    assert_judged("If-Unmodified-Since", AFTER, CONDITIONS_HOLD);
    assert_judged("If-Unmodified-Since", BEFORE, CONDITIONS_FAIL);
    assert_judged("If-Unmodified-Since", "yesterday", CONDITIONS_HOLD);
    assert_judged("If-Modified-Since", "yesterday", CONDITIONS_HOLD);
}

static void what_is_judged_is_known_before(void **state)
{
    (void)state;
    static const char *const judged[] = { "If-Match", "if-none-match", "If-Modified-Since", "If-Unmodified-Since" };
    static const char *const others[] = { "If-Range", "Range", "Accept" };
    for (size_t i = 0; i < COUNT(judged); i++) {
        struct headers h = fields("Accept", "*/*", judged[i], "");
        assert_true(conditions_given(&h));
    }
    for (size_t i = 0; i < COUNT(others); i++) {
        struct headers h = fields(others[i], "x", NULL, NULL);
        assert_false(conditions_given(&h));
    }
}

static void tags_go_before_dates(void **state)
{
    (void)state;
    static const struct {
        const char *fields[4];
        enum conditions expected;
    } cases[] = {
        { { "If-None-Match", "\"other\"", "If-Modified-Since", MODIFIED }, CONDITIONS_HOLD },
        { { "If-None-Match", ETAG, "If-Modified-Since", BEFORE }, CONDITIONS_UNCHANGED },
        { { "If-Match", ETAG, "If-Unmodified-Since", BEFORE }, CONDITIONS_HOLD },
        { { "If-Match", "\"other\"", "If-None-Match", ETAG }, CONDITIONS_FAIL },
        { { "If-Match", ETAG, "If-None-Match", ETAG }, CONDITIONS_UNCHANGED },
        { { "If-Unmodified-Since", BEFORE, "If-Modified-Since", MODIFIED }, CONDITIONS_FAIL },
        { { "If-Modified-Since", MODIFIED, "If-Modified-Since", MODIFIED }, CONDITIONS_HOLD },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct headers h = fields(cases[i].fields[0], cases[i].fields[1], cases[i].fields[2], cases[i].fields[3]);
        struct error err;
        enum conditions got;
        assert_int_equal(conditions_judge(&h, &there, &got, &err), STATUS_OK);
        if (got != cases[i].expected)
            fail_msg("case %zu came to %d", i, (int)got);
    }
}

static void lists_that_are_none_are_refused(void **state)
{
    (void)state;
    struct error err;
    enum conditions got;
    struct headers h = fields("If-Match", "x", NULL, NULL);
    assert_int_equal(conditions_judge(&h, &there, &got, &err), STATUS_BAD_REQUEST);
    h = fields("If-None-Match", ETAG, "If-None-Match", "\"a\"");
    assert_int_equal(conditions_judge(&h, &there, &got, &err), STATUS_BAD_REQUEST);
}

static void without_validators_only_a_star_matches(void **state)
{
    (void)state;
    const struct validators none = { .now_s = there.now_s };
    struct error err;
    enum conditions got;
    struct headers h = fields("If-Match", "\"\"", NULL, NULL);
    assert_int_equal(conditions_judge(&h, &none, &got, &err), STATUS_OK);
    assert_int_equal(got, CONDITIONS_FAIL);
    h = fields("If-Match", "*", "If-Modified-Since", MODIFIED);
    assert_int_equal(conditions_judge(&h, &none, &got, &err), STATUS_OK);
    assert_int_equal(got, CONDITIONS_HOLD);
}

static struct range read_range(const char *value)
{
    struct headers h = fields("Range", value, NULL, NULL);
    return range_read(&h);
}

static void one_range_is_read(void **state)
{
    (void)state;
    struct range r = read_range("bytes=0-499");
    assert_int_equal(r.kind, RANGE_BETWEEN);
    assert_int_equal(r.first, 0);
    assert_int_equal(r.last, 499);
    r = read_range(" BYTES=500- ");
    assert_int_equal(r.kind, RANGE_FROM);
    assert_int_equal(r.first, 500);
    r = read_range("bytes=-500");
    assert_int_equal(r.kind, RANGE_SUFFIX);
    assert_int_equal(r.first, 500);
    r = read_range("bytes=1-99999999999999999999999");
    assert_int_equal(r.kind, RANGE_BETWEEN);
    assert_true(r.last == UINT64_MAX);
}

static void other_ranges_are_ignored(void **state)
{
    (void)state;
    const char *const others[] = { "bytes=0-1,5-6", "bytes=5-1", "bytes=-", "bytes=", "bytes", "items=0-1", "bytes=a-b", "bytes=0-1x",
                                   "bytes=0 - 1", "", "0-1", "bytes==0-1", "bytes=-0-1", "bytes=+1-2" };
    for (size_t i = 0; i < COUNT(others); i++) {
        if (read_range(others[i]).kind != RANGE_WHOLE)
            fail_msg("read: %s", others[i]);
    }
    struct headers h = fields("Range", "bytes=0-1", "Range", "bytes=0-1");
    assert_int_equal(range_read(&h).kind, RANGE_WHOLE);
}

static void assert_fit(const char *value, uint64_t length, uint64_t first, uint64_t last)
{
    struct range r = read_range(value);
    assert_true(range_fit(&r, length));
    assert_int_equal(r.kind, RANGE_BETWEEN);
    assert_true(r.first == first && r.last == last);
}

static void a_range_is_cut_to_what_is_there(void **state)
{
    (void)state;
    assert_fit("bytes=0-0", 10, 0, 0);
    assert_fit("bytes=0-", 10, 0, 9);
    assert_fit("bytes=9-", 10, 9, 9);
    assert_fit("bytes=2-100", 10, 2, 9);
    assert_fit("bytes=-3", 10, 7, 9);
    assert_fit("bytes=-30", 10, 0, 9);
    assert_fit("bytes=3-18446744073709551615", 10, 3, 9);
    const char *const beyond[] = { "bytes=10-", "bytes=10-11", "bytes=-0", "bytes=99999999999999999999-" };
    for (size_t i = 0; i < COUNT(beyond); i++) {
        struct range r = read_range(beyond[i]);
        if (range_fit(&r, 10))
            fail_msg("fits: %s", beyond[i]);
    }
}

static void of_nothing_there_is_no_part(void **state)
{
    (void)state;
    struct range r = read_range("bytes=-5");
    assert_true(range_fit(&r, 0));
    assert_int_equal(r.kind, RANGE_WHOLE);
    r = read_range("bytes=0-");
    assert_false(range_fit(&r, 0));
    r = read_range("");
    assert_true(range_fit(&r, 0));
}

static bool holds(const char *value, const struct validators *v)
{
    struct headers h = fields("If-Range", value, NULL, NULL);
    return range_holds(&h, v);
}

static void the_tag_of_a_part_is_a_strong_one(void **state)
{
    (void)state;
    static const char *const others[] = { "W/" ETAG, "\"a", "a\"", "\"", "\"a\"b\"", "\"a b\"", "\"a\tb\"",
                                          "\"\xc3\xbc\"", MODIFIED, "" };
    struct headers h = fields("If-Range", " " ETAG " ", NULL, NULL);
    assert_true(slice_is(range_tag(&h), ETAG));
    h = fields("If-Range", ETAG, "If-Range", ETAG);
    assert_int_equal(range_tag(&h).len, 0);
    h = fields("Range", ETAG, NULL, NULL);
    assert_int_equal(range_tag(&h).len, 0);
    for (size_t i = 0; i < COUNT(others); i++) {
        h = fields("If-Range", others[i], NULL, NULL);
        assert_int_equal(range_tag(&h).len, 0);
    }
}

static void a_part_needs_the_same_whole(void **state)
{
    (void)state;
    struct headers none = { .n = 0 };
    assert_true(range_holds(&none, &there));
    assert_true(holds(ETAG, &there));
    assert_true(holds(MODIFIED, &there));
    assert_false(holds("W/" ETAG, &there));
    assert_false(holds("\"other\"", &there));
    assert_false(holds(AFTER, &there));
    assert_false(holds(BEFORE, &there));
    assert_false(holds("x", &there));
    struct validators young = there;
    young.now_s = 1795514460; /* a minute after it was modified */
    assert_false(holds(MODIFIED, &young));
    const struct validators nothing = { .now_s = there.now_s };
    assert_false(holds("\"\"", &nothing));
    struct headers twice = fields("If-Range", ETAG, "If-Range", ETAG);
    assert_false(range_holds(&twice, &there));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_are_compared),
        cmocka_unit_test(dates_are_compared),
        cmocka_unit_test(what_is_judged_is_known_before),
        cmocka_unit_test(tags_go_before_dates),
        cmocka_unit_test(lists_that_are_none_are_refused),
        cmocka_unit_test(without_validators_only_a_star_matches),
        cmocka_unit_test(one_range_is_read),
        cmocka_unit_test(other_ranges_are_ignored),
        cmocka_unit_test(a_range_is_cut_to_what_is_there),
        cmocka_unit_test(of_nothing_there_is_no_part),
        cmocka_unit_test(the_tag_of_a_part_is_a_strong_one),
        cmocka_unit_test(a_part_needs_the_same_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
