#include "customerd/core/fiber.h"
#include "customerd/core/clock.h"
#include "customerd/core/monitor.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "unit.h"

static atomic_int wakes;

static void count_wake(void *ctx)
{
    (void)ctx;
    atomic_fetch_add(&wakes, 1);
}

static struct fiber_loop *new_loop(void)
{
    struct fiber_loop *loop = fiber_loop_new(count_wake, NULL);
    assert_non_null(loop);
    atomic_store(&wakes, 0);
    return loop;
}

struct steps {
    struct fiber *fiber;
    int64_t until_ms;
    int reached;
};

static void wait_twice(void *arg)
{
    struct steps *s = arg;
    s->fiber = fiber_current();
    s->reached = 1;
    fiber_wait(s->until_ms);
    s->reached = 2;
    fiber_wait(s->until_ms);
    s->reached = 3;
}

static void a_fiber_runs_until_it_waits_and_goes_on_when_woken(void **state)
{
    (void)state;
    struct fiber_loop *loop = new_loop();
    struct steps s = { .until_ms = 1000 };
    assert_true(fiber_start(loop, wait_twice, &s));
    assert_int_equal(s.reached, 1);
    assert_null(fiber_current());
    assert_int_equal(fiber_loop_count(loop), 1);
    fiber_loop_run(loop, 10);
    assert_int_equal(s.reached, 1);
    assert_true(fiber_loop_due_ms(loop) <= 1000);
    fiber_wake(s.fiber);
    assert_int_equal(fiber_loop_due_ms(loop), INT64_MIN);
    fiber_loop_run(loop, 10);
    assert_int_equal(s.reached, 2);
    fiber_loop_run(loop, 999);
    assert_int_equal(s.reached, 2);
    fiber_loop_run(loop, 1000);
    assert_int_equal(s.reached, 3);
    assert_int_equal(fiber_loop_count(loop), 0);
    fiber_loop_run(loop, 1001);
    assert_int_equal(fiber_loop_due_ms(loop), INT64_MAX);
    assert_int_equal(atomic_load(&wakes), 0);
    fiber_wake(s.fiber); /* it has long returned */
    fiber_loop_run(loop, 2000);
    fiber_loop_destroy(loop);
}

static void wake_itself(void *arg)
{
    struct steps *s = arg;
    s->fiber = fiber_current();
    fiber_wake(s->fiber);
    fiber_wait(INT64_MAX);
    s->reached++;
    fiber_wake(s->fiber);
    fiber_wake(s->fiber);
    fiber_wait(INT64_MAX);
    s->reached++;
}

static void a_wake_up_before_the_wait_is_not_lost(void **state)
{
    (void)state;
    struct fiber_loop *loop = new_loop();
    struct steps s = { .reached = 0 };
    assert_true(fiber_start(loop, wake_itself, &s));
    for (int i = 0; i < 4 && s.reached < 2; i++)
        fiber_loop_run(loop, 0);
    assert_int_equal(s.reached, 2);
    fiber_loop_destroy(loop);
}

#define MANY 500

static void stacks_are_used_again_and_times_are_kept_apart(void **state)
{
    (void)state;
    struct fiber_loop *loop = new_loop();
    struct steps s[MANY];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++) {
            s[i] = (struct steps){ .until_ms = 100 + (i * 7) % MANY };
            assert_true(fiber_start(loop, wait_twice, &s[i]));
        }
        assert_int_equal(fiber_loop_count(loop), MANY);
        for (int64_t now = 0; fiber_loop_count(loop) > 0; now++) {
            fiber_loop_run(loop, now);
            for (int i = 0; i < MANY; i++)
                assert_int_equal(s[i].reached, now < s[i].until_ms ? 1 : now == s[i].until_ms ? 2 : 3);
        }
    }
    fiber_loop_destroy(loop);
}

/* Real waiting: fibers that wait for a monitor, which another thread notifies. */
struct shared {
    struct monitor monitor;
    int turn;
    int done;
};

static void take_turns(void *arg)
{
    struct shared *s = arg;
    for (int i = 0; i < 100; i++) {
        monitor_lock(&s->monitor);
        int seen = s->turn;
        while (s->turn == seen)
            monitor_wait_ms(&s->monitor, 10000);
        monitor_unlock(&s->monitor);
    }
    s->done++;
}

static atomic_bool go_on;

static void *notify(void *arg)
{
    struct shared *s = arg;
    while (atomic_load(&go_on)) {
        monitor_lock(&s->monitor);
        s->turn++;
        monitor_notify(&s->monitor);
        monitor_unlock(&s->monitor);
    }
    return NULL;
}

static void wait_once(void *arg)
{
    fiber_wait(*(const int64_t *)arg);
}

static void do_nothing(void *arg)
{
    (void)arg;
}

static long page_faults(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_THREAD, &usage), 0);
    return usage.ru_minflt;
}

/* A stack that is made anew costs a page fault at least. */
static void after_a_peak_stacks_are_used_again(void **state)
{
    enum { PEAK = 600, LATER = 1000 };
    (void)state;
    struct fiber_loop *loop = new_loop();
    int64_t until_ms = 10;
    for (int i = 0; i < PEAK; i++)
        assert_true(fiber_start(loop, wait_once, &until_ms));
    assert_int_equal(fiber_loop_count(loop), PEAK);
    fiber_loop_run(loop, until_ms);
    assert_int_equal(fiber_loop_count(loop), 0);
    long before = page_faults();
    for (int i = 0; i < LATER; i++)
        assert_true(fiber_start(loop, do_nothing, NULL));
    assert_in_range(page_faults() - before, 0, LATER / 2);
    fiber_loop_destroy(loop);
}

static void start_and_end(struct fiber_loop *loop, int n, int64_t now_ms)
{
    int64_t until_ms = now_ms + 1;
    for (int i = 0; i < n; i++)
        assert_true(fiber_start(loop, wait_once, &until_ms));
    fiber_loop_run(loop, until_ms);
    assert_int_equal(fiber_loop_count(loop), 0);
}

static void stacks_that_were_not_needed_for_a_while_are_given_back(void **state)
{
    enum { PEAK = 600, USUAL = 100, PERIOD_MS = 1000 };
    (void)state;
    struct fiber_loop *loop = new_loop();
    int64_t now_ms = 1;
    start_and_end(loop, PEAK, now_ms);
    for (int i = 0; i < 3; i++) {
        now_ms += PERIOD_MS + 1;
        start_and_end(loop, USUAL, now_ms);
    }
    for (int i = 0; i < PEAK; i++) /* not all at a time */
        fiber_loop_run(loop, now_ms);
    long before = page_faults();
    start_and_end(loop, USUAL, now_ms);
    assert_in_range(page_faults() - before, 0, USUAL / 2);
    start_and_end(loop, PEAK, now_ms);
    assert_in_range(page_faults() - before, PEAK - USUAL, INT_MAX);
    fiber_loop_destroy(loop);
}

static void fibers_wait_for_what_other_threads_notify(void **state)
{
    (void)state;
    struct fiber_loop *loop = new_loop();
    struct shared s = { .turn = 0 };
    pthread_t thread;
    assert_true(monitor_init(&s.monitor));
    for (int i = 0; i < 8; i++)
        assert_true(fiber_start(loop, take_turns, &s));
    atomic_store(&go_on, true);
    assert_true(monitor_start_thread(&thread, notify, &s));
    while (fiber_loop_count(loop) > 0)
        fiber_loop_run(loop, clock_monotonic_ms(clock_system()));
    assert_int_equal(s.done, 8);
    assert_true(atomic_load(&wakes) > 0);
    atomic_store(&go_on, false);
    pthread_join(thread, NULL);
    monitor_clean_up(&s.monitor);
    fiber_loop_destroy(loop);
}

static void wait_for_monitor(void *arg)
{
    struct shared *s = arg;
    monitor_lock(&s->monitor);
    monitor_wait_ms(&s->monitor, 5);
    monitor_unlock(&s->monitor);
    s->done++;
}

static void a_fiber_stops_waiting_for_a_monitor_when_its_time_is_up(void **state)
{
    (void)state;
    struct fiber_loop *loop = new_loop();
    struct shared s = { .turn = 0 };
    assert_true(monitor_init(&s.monitor));
    assert_true(fiber_start(loop, wait_for_monitor, &s));
    fiber_loop_run(loop, 0);
    assert_int_equal(s.done, 0);
    fiber_loop_run(loop, INT64_MAX);
    assert_int_equal(s.done, 1);
    monitor_clean_up(&s.monitor);
    fiber_loop_destroy(loop);
}

static void give_way_twice(void *arg)
{
    int *reached = arg;
    *reached = 1;
    fiber_give_way();
    *reached = 2;
    fiber_give_way();
    *reached = 3;
}

static void a_fiber_that_gives_way_goes_on_in_the_next_turn(void **state)
{
    (void)state;
    struct fiber_loop *loop = new_loop();
    int reached = 0;
    assert_true(fiber_start(loop, give_way_twice, &reached));
    assert_int_equal(reached, 1);
    assert_true(fiber_loop_due_ms(loop) <= 0);
    fiber_loop_run(loop, 1000);
    assert_int_equal(reached, 2);
    fiber_loop_run(loop, 1000);
    assert_int_equal(reached, 3);
    assert_int_equal(fiber_loop_count(loop), 0);
    fiber_loop_destroy(loop);
    give_way_twice(&reached); /* no fiber */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fiber_runs_until_it_waits_and_goes_on_when_woken),
        cmocka_unit_test(a_wake_up_before_the_wait_is_not_lost),
        cmocka_unit_test(stacks_are_used_again_and_times_are_kept_apart),
        cmocka_unit_test(after_a_peak_stacks_are_used_again),
        cmocka_unit_test(stacks_that_were_not_needed_for_a_while_are_given_back),
        cmocka_unit_test(fibers_wait_for_what_other_threads_notify),
        cmocka_unit_test(a_fiber_stops_waiting_for_a_monitor_when_its_time_is_up),
        cmocka_unit_test(a_fiber_that_gives_way_goes_on_in_the_next_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
