#include "inbox.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct call *make(size_t shard)
{
    struct slice args[] = { SLICE("PING") };
    struct call *c = call_new(&(struct call_options){ .target = CALL_TO_SHARD, .shard = shard, .args = args, .n_args = 1 });
    assert_non_null(c);
    return c;
}

static void calls_come_out_in_the_order_they_went_in(void **state)
{
    (void)state;
    struct inbox inbox = { .top = NULL };
    struct call *c[5];
    for (size_t i = 0; i < 5; i++)
        c[i] = make(i);
    assert_int_equal(inbox_put(&inbox, c, 3), INBOX_TAKEN);
    assert_int_equal(inbox_put(&inbox, c + 3, 2), INBOX_TAKEN);
    struct call_queue q = inbox_take(&inbox);
    assert_int_equal(q.count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_ptr_equal(call_queue_pop(&q), c[i]);
        call_release(c[i]);
    }
    assert_int_equal(inbox_take(&inbox).count, 0);
}

static void a_sleeper_is_woken_once_and_never_misses_a_call(void **state)
{
    (void)state;
    struct inbox inbox = { .top = NULL };
    struct call *c[3] = { make(0), make(1), make(2) };
    assert_true(inbox_sleep(&inbox));
    assert_int_equal(inbox_put(&inbox, c, 1), INBOX_TAKEN_ASLEEP);
    assert_int_equal(inbox_put(&inbox, c + 1, 1), INBOX_TAKEN);
    assert_false(inbox_sleep(&inbox));
    assert_int_equal(inbox_take(&inbox).count, 2);
    assert_true(inbox_sleep(&inbox));
    assert_int_equal(inbox_take(&inbox).count, 0); /* woken by something else */
    assert_int_equal(inbox_put(&inbox, c + 2, 1), INBOX_TAKEN);
    assert_int_equal(inbox_close(&inbox).count, 1);
    for (int i = 0; i < 3; i++)
        call_release(c[i]);
}

static void a_closed_inbox_turns_calls_away(void **state)
{
    (void)state;
    struct inbox inbox = { .top = NULL };
    struct call *c = make(0);
    assert_true(inbox_sleep(&inbox));
    assert_int_equal(inbox_close(&inbox).count, 0);
    assert_int_equal(inbox_put(&inbox, &c, 1), INBOX_CLOSED);
    call_release(c);
}

enum { WRITERS = 4, CALLS = 2000 };

struct writer {
    pthread_t thread;
    struct inbox *inbox;
    size_t id;
};

static void *write_all(void *arg)
{
    struct writer *w = arg;
    for (size_t i = 0; i < CALLS; i++) {
        struct call *c = make(w->id * CALLS + i);
        inbox_put(w->inbox, &c, 1);
    }
    return NULL;
}

static void each_writers_calls_stay_in_order(void **state)
{
    (void)state;
    struct inbox inbox = { .top = NULL };
    struct writer writers[WRITERS];
    size_t next[WRITERS] = { 0 }, seen = 0;
    for (size_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){ .inbox = &inbox, .id = i };
        pthread_create(&writers[i].thread, NULL, write_all, &writers[i]);
    }
    while (seen < WRITERS * CALLS) {
        struct call_queue q = inbox_take(&inbox);
        for (struct call *c = call_queue_pop(&q); c != NULL; c = call_queue_pop(&q)) {
            size_t writer = c->about.shard / CALLS;
            assert_int_equal(c->about.shard % CALLS, next[writer]++);
            call_release(c);
            seen++;
        }
    }
    for (size_t i = 0; i < WRITERS; i++)
        pthread_join(writers[i].thread, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_come_out_in_the_order_they_went_in),
        cmocka_unit_test(a_sleeper_is_woken_once_and_never_misses_a_call),
        cmocka_unit_test(a_closed_inbox_turns_calls_away),
        cmocka_unit_test(each_writers_calls_stay_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
