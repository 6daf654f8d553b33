#include "call.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct script script = { .name = "s", .source = SLICE("return 1"),
                                      .sha1 = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db" };

static struct call *plain(enum call_lane lane)
{
    struct slice args[] = { SLICE("GET"), SLICE("key") };
    struct call *c = call_new(&(struct call_options){ .lane = lane, .args = args, .n_args = 2 });
    assert_non_null(c);
    return c;
}

static void expect_bytes(const struct call *c, struct slice expected)
{
    struct outbox out = { .data = NULL };
    assert_true(call_write(c, &out));
    assert_true(slice_equal(outbox_slice(&out), expected));
    outbox_clean_up(&out);
}

static void a_command_is_encoded_as_an_array_of_strings(void **state)
{
    (void)state;
    struct slice args[] = { SLICE("SET"), SLICE("a\0b"), SLICE(""), SLICE("\r\n") };
    struct slice expected = SLICE("*4\r\n$3\r\nSET\r\n$3\r\na\0b\r\n$0\r\n\r\n$2\r\n\r\n\r\n");
    struct call *c = call_new(&(struct call_options){ .args = args, .n_args = 4 });
    expect_bytes(c, expected);
    call_release(c);
}

static void a_script_goes_by_digest_and_then_by_text(void **state)
{
    (void)state;
    struct slice args[] = { SLICE("key"), SLICE("arg") };
    struct slice by_digest = SLICE("*5\r\n$7\r\nEVALSHA\r\n$40\r\ne0e1f9fabfc9d4800c877a703b823ac0578ff8db\r\n"
                                   "$1\r\n1\r\n$3\r\nkey\r\n$3\r\narg\r\n");
    struct slice by_text = SLICE("*5\r\n$4\r\nEVAL\r\n$8\r\nreturn 1\r\n$1\r\n1\r\n$3\r\nkey\r\n$3\r\narg\r\n");
    struct call *c = call_new(&(struct call_options){ .script = &script, .args = args, .n_args = 2, .n_keys = 1 });
    expect_bytes(c, by_digest);
    c->progress.with_source = true;
    expect_bytes(c, by_text);
    call_release(c);
}

static void asking_stands_right_before_its_command(void **state)
{
    (void)state;
    struct slice expected = SLICE("*1\r\n$6\r\nASKING\r\n*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n");
    struct call *c = plain(CALL_READ);
    c->progress.asking = true;
    expect_bytes(c, expected);
    call_release(c);
}

static void an_empty_command_and_a_huge_one_are_no_calls(void **state)
{
    (void)state;
    struct slice huge = slice_of("", (size_t)1 << 40);
    assert_null(call_new(&(struct call_options){ .n_args = 0 }));
    assert_null(call_new(&(struct call_options){ .args = &huge, .n_args = 1 }));
}

static void a_call_is_shared_once(void **state)
{
    (void)state;
    struct call *c = plain(CALL_READ);
    assert_true(call_share_run(&c, 1, 0, 1));
    assert_false(call_share_run(&c, 1, 0, 1));
    call_drop(c);
    call_release(c);
}

static void a_run_with_a_call_that_was_run_before_leaves_the_others_alone(void **state)
{
    (void)state;
    struct call *calls[] = { plain(CALL_READ), plain(CALL_READ), plain(CALL_READ) };
    assert_true(call_share_run(&calls[2], 1, 0, 1));
    assert_false(call_share_run(calls, 3, 0, 1));
    assert_int_equal(atomic_load(&calls[0]->refs), 1);
    assert_int_equal(atomic_load(&calls[1]->refs), 1);
    call_drop(calls[2]);
    for (size_t i = 0; i < 3; i++)
        call_release(calls[i]);
}

static void who_gives_up_first_keeps_a_call_from_going_out(void **state)
{
    (void)state;
    struct call *c = plain(CALL_WRITE);
    assert_true(call_share_run(&c, 1, 0, 1));
    assert_int_equal(call_abandon(c) & CALL_SENT, 0);
    assert_false(call_mark_sent(c));
    call_drop(c);
    call_release(c);
}

static void doubt_outlives_a_later_refusal(void **state)
{
    (void)state;
    struct call *c = plain(CALL_WRITE);
    assert_true(call_share_run(&c, 1, 0, 1));
    assert_true(call_mark_sent(c));
    call_mark_in_doubt(c);
    assert_true(call_mark_sent(c));
    call_unmark_sent(c);
    unsigned flags = call_abandon(c);
    assert_int_equal(flags & CALL_SENT, 0);
    assert_int_equal(flags & CALL_IN_DOUBT, CALL_IN_DOUBT);
    call_drop(c);
    call_release(c);
}

static void *finish_all(void *arg)
{
    struct call_queue *q = arg;
    for (struct call *c = call_queue_pop(q); c != NULL; c = call_queue_pop(q))
        call_finish_take(c, STATUS_OK, NULL);
    return NULL;
}

static void a_run_wakes_when_its_last_call_is_done(void **state)
{
    (void)state;
    enum { N = 5, ROUNDS = 200 };
    for (int round = 0; round < ROUNDS; round++) {
        struct call *calls[N];
        struct call_queue q = { .head = NULL };
        pthread_t thread;
        for (int i = 0; i < N; i++)
            calls[i] = plain(CALL_READ);
        assert_true(call_share_run(calls, N, 0, 1));
        for (int i = 0; i < N; i++)
            call_queue_push(&q, calls[N - 1 - i]);
        pthread_create(&thread, NULL, finish_all, &q);
        while (!call_wait_run(calls[0], 0, 1000))
            ;
        for (int i = 0; i < N; i++)
            call_release(calls[i]);
        pthread_join(thread, NULL);
    }
}

static void waiting_ends_with_the_time_given(void **state)
{
    (void)state;
    struct call *c = plain(CALL_READ);
    assert_true(call_share_run(&c, 1, 0, 1));
    assert_false(call_wait_run(c, 0, 5));
    assert_false(call_wait_run(c, 0, 0));
    call_finish_take(c, STATUS_OK, NULL);
    assert_true(call_wait_run(c, 0, 0));
    call_release(c);
}

static void expect_order(struct call_queue *q, struct call *const *expected, size_t n)
{
    assert_int_equal(q->count, n);
    for (size_t i = 0; i < n; i++)
        assert_ptr_equal(call_queue_pop(q), expected[i]);
    assert_null(call_queue_pop(q));
    assert_int_equal(q->count, 0);
}

static void queues_keep_their_order(void **state)
{
    (void)state;
    struct call *c[4];
    struct call_queue q = { .head = NULL }, first = { .head = NULL };
    for (int i = 0; i < 4; i++)
        c[i] = plain(CALL_READ);
    call_queue_push(&q, c[2]);
    call_queue_push(&q, c[3]);
    call_queue_push(&first, c[1]);
    call_queue_push_front(&first, c[0]);
    call_queue_prepend(&q, &first);
    assert_null(first.head);
    expect_order(&q, c, 4);
    call_queue_prepend(&q, &first);
    expect_order(&q, c, 0);
    for (int i = 0; i < 4; i++)
        call_release(c[i]);
}

static void a_sweep_takes_the_abandoned_alone(void **state)
{
    (void)state;
    struct call *c[3];
    struct call_queue q = { .head = NULL };
    for (int i = 0; i < 3; i++) {
        c[i] = plain(CALL_READ);
        assert_true(call_share_run(&c[i], 1, 0, 1));
        call_queue_push(&q, c[i]);
    }
    call_abandon(c[1]);
    call_queue_sweep(&q);
    struct call *left[] = { c[0], c[2] };
    expect_order(&q, left, 2);
    call_drop(c[0]);
    call_drop(c[2]);
    for (int i = 0; i < 3; i++)
        call_release(c[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_encoded_as_an_array_of_strings),
        cmocka_unit_test(a_script_goes_by_digest_and_then_by_text),
        cmocka_unit_test(asking_stands_right_before_its_command),
        cmocka_unit_test(an_empty_command_and_a_huge_one_are_no_calls),
        cmocka_unit_test(a_call_is_shared_once),
        cmocka_unit_test(a_run_with_a_call_that_was_run_before_leaves_the_others_alone),
        cmocka_unit_test(who_gives_up_first_keeps_a_call_from_going_out),
        cmocka_unit_test(doubt_outlives_a_later_refusal),
        cmocka_unit_test(a_run_wakes_when_its_last_call_is_done),
        cmocka_unit_test(waiting_ends_with_the_time_given),
        cmocka_unit_test(queues_keep_their_order),
        cmocka_unit_test(a_sweep_takes_the_abandoned_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
