#include "customerd/objects/latency.h"

#include "unit.h"

static void a_few_times_are_summarized(void **state)
{
    (void)state;
    int64_t ns[] = { 5000, 1000, 4000, 2000, 3001 };
    struct latency_summary s = latency_summarize(ns, COUNT(ns));
    assert_int_equal(s.n, 5);
    assert_int_equal(s.average_ns, 3000); /* 15,001 / 5, rounded */
    assert_int_equal(s.minimum_ns, 1000);
    assert_int_equal(s.maximum_ns, 5000);
    assert_int_equal(s.p50_ns, 3001);
    assert_int_equal(s.p90_ns, 5000);
    assert_int_equal(s.p99_ns, 5000);
}

/* The nearest rank of p per cent of n is the ceiling of their product. */
static void percentiles_are_by_nearest_rank(void **state)
{
    (void)state;
    int64_t ns[200];
    for (size_t i = 0; i < COUNT(ns); i++)
        ns[i] = (int64_t)(COUNT(ns) - i) * 10;
    struct latency_summary s = latency_summarize(ns, 200);
    assert_int_equal(s.p50_ns, 1000);
    assert_int_equal(s.p90_ns, 1800);
    assert_int_equal(s.p99_ns, 1980);
    s = latency_summarize(ns, 101); /* sorted now: 10 to 1010 */
    assert_int_equal(s.p50_ns, 510);
    assert_int_equal(s.p90_ns, 910);
    assert_int_equal(s.p99_ns, 1000);
    s = latency_summarize(ns, 1);
    assert_int_equal(s.p50_ns, 10);
    assert_int_equal(s.p99_ns, 10);
    assert_int_equal(s.average_ns, 10);
    assert_int_equal(latency_summarize(ns, 0).n, 0);
}

static void bins_lie_between_preferred_numbers(void **state)
{
    (void)state;
    assert_int_equal(latency_bin_ns(0), 1000);
    assert_int_equal(latency_bin_ns(1), 1250);
    assert_int_equal(latency_bin_ns(10), 10000);
    assert_int_equal(latency_bin_ns(LATENCY_BINS), INT64_C(1000000000000));
    for (size_t i = 0; i < LATENCY_BINS; i++) {
        assert_true(latency_bin_ns(i) < latency_bin_ns(i + 1));
        assert_int_equal(latency_bin_of(latency_bin_ns(i)), i);
        assert_int_equal(latency_bin_of(latency_bin_ns(i + 1) - 1), i);
    }
    assert_int_equal(latency_bin_of(0), 0);
    assert_int_equal(latency_bin_of(INT64_MAX), LATENCY_BINS - 1);
}

static void each_time_is_in_one_bin(void **state)
{
    (void)state;
    int64_t ns[] = { 0, 999, 1249, 1250, 20000000, 24999999, INT64_C(5000000000000) };
    struct latency_summary s = latency_summarize(ns, COUNT(ns));
    assert_int_equal(s.bins[0], 3);
    assert_int_equal(s.bins[1], 1);
    assert_int_equal(s.bins[latency_bin_of(20000000)], 2);
    assert_int_equal(s.bins[LATENCY_BINS - 1], 1);
}

/* The post's 98.10 %: the difference of the averages, in per cent of the slower one. */
static void improvement_is_of_the_averages(void **state)
{
    (void)state;
    struct latency_summary s3 = { .n = 1, .average_ns = 20000000 }, cache = { .n = 1, .average_ns = 380000 };
    assert_true(latency_improvement(&s3, &cache) > 98.09999 && latency_improvement(&s3, &cache) < 98.10001);
    assert_true(latency_improvement(&cache, &cache) == 0);
    assert_true(latency_improvement(&(struct latency_summary){ .average_ns = 2 }, &(struct latency_summary){ .average_ns = 3 }) == -50);
    assert_true(latency_improvement(&(struct latency_summary){ .average_ns = 0 }, &cache) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_few_times_are_summarized),
        cmocka_unit_test(percentiles_are_by_nearest_rank),
        cmocka_unit_test(bins_lie_between_preferred_numbers),
        cmocka_unit_test(each_time_is_in_one_bin),
        cmocka_unit_test(improvement_is_of_the_averages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
