#include "customerd/api/http_date.h"

#include "unit.h"

#define NOW INT64_C(1795651200) /* 2026-11-26 */

static int64_t parsed(const char *text)
{
    int64_t at;
    return http_date_parse(slice_cstr(text), NOW, &at) ? at : -1;
}

static void all_three_forms_are_read(void **state)
{
    (void)state;
    assert_int_equal(parsed("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
    assert_int_equal(parsed("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
    assert_int_equal(parsed("Sun Nov  6 08:49:37 1994"), 784111777);
    assert_int_equal(parsed("Sun Nov 16 08:49:37 1994"), 784975777);
    assert_int_equal(parsed("Thu, 29 Feb 2024 00:00:00 GMT"), 1709164800);
    assert_int_equal(parsed("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
    assert_int_equal(parsed("Fri, 31 Dec 9999 23:59:59 GMT"), INT64_C(253402300799));
}

static void a_short_year_is_near(void **state)
{
    (void)state;
    assert_int_equal(parsed("Thursday, 26-Nov-26 00:00:00 GMT"), NOW);
    assert_int_equal(parsed("Sunday, 01-Jan-40 00:00:00 GMT"), INT64_C(2208988800));
    assert_int_equal(parsed("Tuesday, 01-Jan-80 00:00:00 GMT"), 315532800);
}

static void a_leap_second_begins_the_next_minute(void **state)
{
    (void)state;
    assert_int_equal(parsed("Sat, 31 Dec 2016 23:59:60 GMT"), 1483228800);
}

static void what_is_no_date_is_refused(void **state)
{
    (void)state;
    const char *const wrong[] = { "", "x", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
                                  "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 6 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z",
                                  "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
                                  "Sun, 31 Nov 1994 08:49:37 GMT", "Thu, 29 Feb 2023 00:00:00 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
                                  "Sun, 06 Nov 1969 08:49:37 GMT", "Day, 06 Nov 1994 08:49:37 GMT", "784111777",
                                  "Sun, 06 Nov -994 08:49:37 GMT", "Sun Nov  6 08:49:37 94" };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        if (parsed(wrong[i]) != -1)
            fail_msg("accepted: %s", wrong[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_three_forms_are_read),
        cmocka_unit_test(a_short_year_is_near),
        cmocka_unit_test(a_leap_second_begins_the_next_minute),
        cmocka_unit_test(what_is_no_date_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
