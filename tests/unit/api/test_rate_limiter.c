#include "customerd/api/rate_limiter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "unit.h"

static struct rate_limiter *limiter(int64_t per_s, int64_t burst)
{
    const struct rate_limit limit = { .per_s = per_s, .burst = burst };
    struct rate_limiter *r = rate_limiter_new(&limit);
    assert_non_null(r);
    return r;
}

static struct rate_state take(struct rate_limiter *r, uint32_t caller, int64_t now_ms)
{
    uint8_t key[RATE_KEY_BYTES] = { 0 };
    memcpy(key, &caller, sizeof caller);
    return rate_limiter_take(r, key, now_ms);
}

static void a_burst_passes_and_then_the_rate(void **state)
{
    (void)state;
    struct rate_limiter *r = limiter(10, 3);
    for (int64_t left = 2; left >= 0; left--) {
        struct rate_state s = take(r, 1, 1000);
        assert_true(s.known && s.allowed);
        assert_int_equal(s.remaining, left);
        assert_int_equal(s.full_s, 1);
    }
    assert_false(take(r, 1, 1000).allowed);
    assert_false(take(r, 1, 1099).allowed);
    assert_true(take(r, 1, 1100).allowed);
    assert_false(take(r, 1, 1100).allowed);
    assert_true(take(r, 1, 60000).allowed);
    assert_int_equal(take(r, 1, 60000).remaining, 1);
    rate_limiter_destroy(r);
}

static void callers_have_buckets_of_their_own(void **state)
{
    (void)state;
    struct rate_limiter *r = limiter(1, 1);
    for (uint32_t caller = 0; caller < 200; caller++)
        assert_true(take(r, caller, 0).allowed);
    for (uint32_t caller = 0; caller < 200; caller++)
        assert_false(take(r, caller, 0).allowed);
    rate_limiter_destroy(r);
}

/* Keys as they are made of addresses: one network's differ in the last bytes alone. */
static void neighbours_have_buckets_of_their_own(void **state)
{
    (void)state;
    static const uint8_t v4[RATE_KEY_BYTES] = { [10] = 0xff, 0xff, 10, 0, 0, 0 };
    static const uint8_t v6[RATE_KEY_BYTES] = { 0x20, 0x01, 0x0d, 0xb8 };
    const struct {
        const uint8_t *network;
        size_t byte;
    } forms[] = { { v4, 15 }, { v4, 14 }, { v4, 13 }, { v6, 7 }, { v6, 4 } };
    for (size_t f = 0; f < COUNT(forms); f++) {
        struct rate_limiter *r = limiter(1, 1);
        int allowed = 0;
        for (int i = 0; i < 2 * 200; i++) {
            uint8_t key[RATE_KEY_BYTES];
            memcpy(key, forms[f].network, sizeof key);
            key[forms[f].byte] = (uint8_t)(i % 200);
            allowed += rate_limiter_take(r, key, 0).allowed;
        }
        assert_int_equal(allowed, 200);
        rate_limiter_destroy(r);
    }
}

static void it_is_told_when_to_come_again(void **state)
{
    (void)state;
    struct rate_limiter *r = limiter(1, 5);
    struct rate_state s = { .allowed = true };
    for (int i = 0; i < 6; i++)
        s = take(r, 7, 0);
    assert_false(s.allowed);
    assert_int_equal(s.retry_after_s, 1);
    assert_int_equal(s.full_s, 5);
    assert_int_equal(take(r, 7, 400).retry_after_s, 1);
    assert_true(take(r, 7, 1000).allowed);
    rate_limiter_destroy(r);
}

static void a_clock_that_stands_or_goes_back_gives_nothing(void **state)
{
    (void)state;
    struct rate_limiter *r = limiter(1000000, 1000000);
    struct rate_state s = take(r, 1, 5000);
    for (int i = 0; i < 10; i++)
        s = take(r, 1, 0);
    assert_int_equal(s.remaining, 1000000 - 11);
    assert_int_equal(take(r, 1, INT64_MAX / 2).remaining, 999999);
    rate_limiter_destroy(r);
}

/* Whoever brings new names for ever can't keep another one's bucket empty for longer than it would be, nor take memory. */
static void the_fullest_is_forgotten_first(void **state)
{
    (void)state;
    struct rate_limiter *r = limiter(1, 100);
    for (int i = 0; i < 100; i++)
        assert_true(take(r, 0, 0).allowed);
    for (uint32_t caller = 1; caller < 100000; caller++)
        (void)take(r, caller, 0);
    assert_false(take(r, 0, 0).allowed);
    rate_limiter_destroy(r);
    rate_limiter_destroy(NULL);
}

#define THREADS 4

static atomic_int passed;

static void *take_many(void *arg)
{
    for (int i = 0; i < 1000; i++)
        if (take(arg, 1, 0).allowed)
            atomic_fetch_add(&passed, 1);
    return NULL;
}

static void threads_together_get_what_one_would(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    struct rate_limiter *r = limiter(1, 777);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_many, r), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&passed), 777);
    rate_limiter_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_passes_and_then_the_rate),
        cmocka_unit_test(callers_have_buckets_of_their_own),
        cmocka_unit_test(neighbours_have_buckets_of_their_own),
        cmocka_unit_test(it_is_told_when_to_come_again),
        cmocka_unit_test(a_clock_that_stands_or_goes_back_gives_nothing),
        cmocka_unit_test(the_fullest_is_forgotten_first),
        cmocka_unit_test(threads_together_get_what_one_would),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
