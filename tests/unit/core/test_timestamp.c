#include "customerd/core/timestamp.h"

#include "unit.h"

struct pair {
    const char *text;
    int64_t realtime_ms;
};

static void times_are_written_as_rfc_3339_and_read_back(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        { "1970-01-01T00:00:00.000Z", 0 },
        { "2000-02-29T12:34:56.789Z", INT64_C(951827696789) },
        { "2026-11-22T01:02:03.004Z", INT64_C(1795309323004) },
        { "2100-03-01T00:00:00.000Z", INT64_C(4107542400000) },
        { "9999-12-31T23:59:59.999Z", INT64_C(253402300799999) },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char text[TIMESTAMP_RFC3339_MS_SIZE];
        int64_t back = -1;
        timestamp_rfc3339_ms(pairs[i].realtime_ms, text);
        assert_string_equal(text, pairs[i].text);
        assert_true(timestamp_parse_rfc3339(slice_cstr(text), &back));
        assert_int_equal(back, pairs[i].realtime_ms);
    }
}

static void times_outside_the_range_are_clamped(void **state)
{
    (void)state;
    char text[TIMESTAMP_RFC3339_MS_SIZE];
    timestamp_rfc3339_ms(INT64_MIN, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    timestamp_rfc3339_ms(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

static void the_amz_form_has_no_separators(void **state)
{
    (void)state;
    char text[TIMESTAMP_AMZ_SIZE];
    timestamp_amz(INT64_C(1440938160), text);
    assert_string_equal(text, "20150830T123600Z");
}

static void every_day_of_four_centuries_survives_a_round_trip(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 146097; day++) {
        char text[TIMESTAMP_RFC3339_MS_SIZE];
        int64_t back = -1;
        timestamp_rfc3339_ms(day * 86400000 + 1, text);
        assert_true(timestamp_parse_rfc3339(slice_cstr(text), &back));
        assert_int_equal(back, day * 86400000 + 1);
    }
}

static void offsets_and_fractions_are_read(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        { "1970-01-01T01:30:00+01:30", 0 },
        { "1969-12-31t20:00:00-04:00", 0 },
        { "1970-01-01T00:00:00-00:00", 0 },
        { "1970-01-01T00:00:00.5z", 500 },
        { "1970-01-01T00:00:00.0019999Z", 1 },
        { "1969-12-31T23:59:59.999Z", -1 },
        { "1990-12-31T23:59:60Z", INT64_C(662688000000) },
        { "1990-12-31T15:59:60-08:00", INT64_C(662688000000) },
        { "0000-03-01T00:00:00Z", INT64_C(-62162035200000) },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        int64_t ms = -99;
        assert_true(timestamp_parse_rfc3339(slice_cstr(pairs[i].text), &ms));
        assert_int_equal(ms, pairs[i].realtime_ms);
    }
}

static void what_is_not_rfc_3339_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "2026", "2026-11-22", "2026-11-22T01:02:03", "2026-11-22 01:02:03Z", "2026-11-22T01:02:03.Z",
        "2026-11-22T01:02:03,5Z", "2026-13-22T01:02:03Z", "2026-00-22T01:02:03Z", "2026-02-29T01:02:03Z",
        "2100-02-29T01:02:03Z", "2026-11-31T01:02:03Z", "2026-11-00T01:02:03Z", "2026-11-22T24:02:03Z",
        "2026-11-22T01:60:03Z", "2026-11-22T01:02:61Z", "2026-11-22T01:02:60Z", "2026-11-22T01:02:03+0100",
        "2026-11-22T01:02:03+24:00", "2026-11-22T01:02:03+01:60", "2026-11-22T01:02:03Z ", " 2026-11-22T01:02:03Z",
        "+026-11-22T01:02:03Z", "2026-11-22T01:02:0", "2026-1-22T01:02:03Z",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t ms = 0;
        assert_false(timestamp_parse_rfc3339(slice_cstr(bad[i]), &ms));
    }
    int64_t ms = 0;
    assert_false(timestamp_parse_rfc3339(slice_of("2026-11-22T01:02:03\0", 20), &ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_written_as_rfc_3339_and_read_back),
        cmocka_unit_test(times_outside_the_range_are_clamped),
        cmocka_unit_test(the_amz_form_has_no_separators),
        cmocka_unit_test(every_day_of_four_centuries_survives_a_round_trip),
        cmocka_unit_test(offsets_and_fractions_are_read),
        cmocka_unit_test(what_is_not_rfc_3339_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
