#include "jitter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { DRAWS = 20000 };

static void numbers_fill_their_range_and_stay_in_it(void **state)
{
    (void)state;
    struct jitter j;
    int count[11] = { 0 };
    jitter_init(&j);
    for (int i = 0; i < DRAWS; i++) {
        int64_t n = jitter_between(&j, -5, 5);
        assert_true(n >= -5 && n <= 5);
        count[n + 5]++;
    }
    for (int i = 0; i < 11; i++)
        assert_in_range(count[i], DRAWS / 22, DRAWS / 5);
}

static void an_empty_range_is_its_lower_end(void **state)
{
    (void)state;
    struct jitter j;
    jitter_init(&j);
    assert_int_equal(jitter_between(&j, 7, 7), 7);
    assert_int_equal(jitter_between(&j, 7, 3), 7);
}

static int64_t highest(struct jitter *j, unsigned attempt)
{
    int64_t max = 0;
    for (int i = 0; i < DRAWS; i++) {
        int64_t n = jitter_backoff_ms(j, attempt, 50, 5000);
        assert_true(n >= 0);
        max = n > max ? n : max;
    }
    return max;
}

static void backoff_doubles_up_to_its_maximum(void **state)
{
    (void)state;
    struct jitter j;
    jitter_init(&j);
    assert_in_range(highest(&j, 0), 45, 50);
    assert_in_range(highest(&j, 1), 90, 100);
    assert_in_range(highest(&j, 6), 3000, 3200);
    assert_in_range(highest(&j, 7), 4800, 5000);
    assert_in_range(highest(&j, 4000000000u), 4800, 5000);
}

static void two_of_them_go_different_ways(void **state)
{
    (void)state;
    struct jitter a, b;
    int alike = 0;
    jitter_init(&a);
    jitter_init(&b);
    for (int i = 0; i < 100; i++)
        alike += jitter_between(&a, 0, 1000000) == jitter_between(&b, 0, 1000000);
    assert_in_range(alike, 0, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_fill_their_range_and_stay_in_it),
        cmocka_unit_test(an_empty_range_is_its_lower_end),
        cmocka_unit_test(backoff_doubles_up_to_its_maximum),
        cmocka_unit_test(two_of_them_go_different_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
