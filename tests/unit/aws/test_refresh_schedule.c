#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "customerd/aws/refresh_schedule.h"

static void a_token_is_renewed_at_about_two_thirds(void **state)
{
    (void)state;
    assert_int_equal(refresh_after_ms(900000, 0), 540000);
    assert_int_equal(refresh_after_ms(900000, UINT32_MAX), 630000);
    assert_int_equal(refresh_after_ms(20000, 0), 12000);
    assert_int_equal(refresh_after_ms(1, UINT32_MAX), 200);
}

static void backoff_grows_to_its_cap_and_shrinks_as_the_token_ends(void **state)
{
    (void)state;
    int64_t hour = 3600000;
    assert_int_equal(refresh_backoff_ms(1, hour, UINT32_MAX), 200);
    assert_int_equal(refresh_backoff_ms(2, hour, UINT32_MAX), 400);
    assert_int_equal(refresh_backoff_ms(5, hour, UINT32_MAX), 3200);
    assert_int_equal(refresh_backoff_ms(9, hour, UINT32_MAX), 10000);
    assert_int_equal(refresh_backoff_ms(1000000, hour, UINT32_MAX), 10000);
    assert_int_equal(refresh_backoff_ms(9, hour, 0), 50);
    assert_int_equal(refresh_backoff_ms(9, 4000, UINT32_MAX), 1000);
    assert_int_equal(refresh_backoff_ms(9, 0, UINT32_MAX), 2000);
    assert_int_equal(refresh_backoff_ms(9, -5, UINT32_MAX), 2000);
}

static bool reuse(const char *source, int64_t life_ms, int64_t age_ms)
{
    char id[] = "id";
    struct credentials c = { .access_key_id = { id, 2 }, .source = source, .expires_at_ms = 1000 + life_ms };
    return refresh_may_reuse(&c, 1000, 1000 + age_ms);
}

static void only_what_is_dear_and_has_plenty_of_life_is_used_again(void **state)
{
    (void)state;
    int64_t minute = 60000;
    assert_true(reuse("imds", 360 * minute, 10 * minute));
    assert_true(reuse("assume-role", 60 * minute, 39 * minute));
    assert_false(reuse("assume-role", 60 * minute, 41 * minute));
    assert_false(reuse("web-identity", 12 * minute, 7 * minute));
    assert_false(reuse("container", 360 * minute, 1));
    assert_false(reuse("environment", 360 * minute, 1));
    assert_false(reuse("profile", 360 * minute, 1));
    struct credentials none = { .source = NULL };
    assert_false(refresh_may_reuse(&none, 0, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_renewed_at_about_two_thirds),
        cmocka_unit_test(backoff_grows_to_its_cap_and_shrinks_as_the_token_ends),
        cmocka_unit_test(only_what_is_dear_and_has_plenty_of_life_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
