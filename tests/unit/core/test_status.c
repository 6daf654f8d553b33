#include "customerd/core/status.h"

#include "unit.h"

static void every_failure_has_an_http_status_a_slug_and_texts(void **state)
{
    (void)state;
    for (int i = STATUS_OK + 1; i < STATUS_COUNT; i++) {
        enum status code = (enum status)i;
        assert_in_range(status_http(code), 400, 504);
        assert_true(strlen(status_slug(code)) > 0);
        assert_true(strlen(status_title(code)) > 0);
        assert_true(strlen(status_when(code)) > 0);
        assert_int_equal(strspn(status_slug(code), "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(status_slug(code)));
    }
}

static void no_slug_stands_for_two_failures(void **state)
{
    (void)state;
    for (int i = STATUS_OK; i < STATUS_COUNT; i++) {
        for (int j = i + 1; j < STATUS_COUNT; j++)
            assert_string_not_equal(status_slug((enum status)i), status_slug((enum status)j));
    }
}

static void rows_stand_at_their_codes(void **state)
{
    (void)state;
    assert_int_equal(status_http(STATUS_OK), 200);
    assert_int_equal(status_http(STATUS_EMAIL_TAKEN), 409);
    assert_string_equal(status_slug(STATUS_EMAIL_TAKEN), "email-taken");
    assert_int_equal(status_http(STATUS_NOT_READY), 503);
    assert_string_equal(status_slug(STATUS_NOT_READY), "not-ready");
}

static void a_foreign_code_is_an_internal_error(void **state)
{
    (void)state;
    assert_int_equal(status_http(STATUS_COUNT), 500);
    assert_string_equal(status_slug((enum status)9999), "internal");
}

static void an_error_is_filled_whole(void **state)
{
    (void)state;
    struct error err = { .applied = APPLIED_UNKNOWN, .retry_after_s = 9 };
    assert_int_equal(error_set(&err, STATUS_NOT_FOUND, "no %s, %d", "x", 3), STATUS_NOT_FOUND);
    assert_int_equal(err.code, STATUS_NOT_FOUND);
    assert_int_equal(err.applied, APPLIED_NO);
    assert_int_equal(err.retry_after_s, 0);
    assert_string_equal(err.detail, "no x, 3");
    assert_int_equal(error_set_retry(&err, STATUS_UNAVAILABLE, 2, "later"), STATUS_UNAVAILABLE);
    assert_int_equal(err.retry_after_s, 2);
}

static void a_long_detail_is_cut(void **state)
{
    (void)state;
    struct error err;
    error_set(&err, STATUS_INTERNAL, "%0300d", 1);
    assert_int_equal(strlen(err.detail), sizeof err.detail - 1);
}

static void a_detail_is_plain_text_whatever_it_quotes(void **state)
{
    (void)state;
    struct error err;
    error_set(&err, STATUS_INTERNAL, "a\x1b[2J\r\n\x7f|\xc2\x9b|\xff\xc3|\xc3\xa9\xc2\xa0\xf0\x9f\x98\x80");
    assert_string_equal(err.detail, "a?[2J???|??|??|\xc3\xa9\xc2\xa0\xf0\x9f\x98\x80");
    error_set(&err, STATUS_INTERNAL, "%0253d\xe2\x82\xac", 1);
    assert_string_equal(err.detail + 250, "001??");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failure_has_an_http_status_a_slug_and_texts),
        cmocka_unit_test(no_slug_stands_for_two_failures),
        cmocka_unit_test(rows_stand_at_their_codes),
        cmocka_unit_test(a_foreign_code_is_an_internal_error),
        cmocka_unit_test(an_error_is_filled_whole),
        cmocka_unit_test(a_long_detail_is_cut),
        cmocka_unit_test(a_detail_is_plain_text_whatever_it_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
