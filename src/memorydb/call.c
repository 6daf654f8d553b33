#include "call.h"

#include "customerd/core/fiber.h"
#include "customerd/core/metrics.h"

#include "reply_parser.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The futex word: how many calls are not done, and whether the caller sleeps, so that no wake-up is sent in vain. */
#define SLEEPS UINT32_C(0x80000000)
#define MARKER_LIFE_MIN_MS 60000

static void release(struct call *c, int refs)
{
    if (atomic_fetch_sub_explicit(&c->refs, refs, memory_order_acq_rel) != refs)
        return;
    reply_free(c->reply);
    free(c);
}

void call_release(struct call *c)
{
    if (c != NULL)
        release(c, 1);
}

static void acquire(struct call *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
}

/* ---- the caller's side ---- */

bool call_share_run(struct call *const *calls, size_t n, int64_t now_ms, int64_t deadline_ms)
{
    int64_t now_us = metrics_now_us();
    for (size_t i = 0; i < n; i++) {
        if ((atomic_fetch_or(&calls[i]->flags, CALL_SUBMITTED) & CALL_SUBMITTED) != 0) {
            call_unshare_run(calls, i);
            return false;
        }
        acquire(calls[i]);
        calls[i]->leader = calls[0];
        calls[i]->progress.submitted_ms = now_ms;
        calls[i]->submitted_us = now_us;
        calls[i]->progress.deadline_ms = deadline_ms;
        if (i > 0)
            acquire(calls[0]);
    }
    atomic_store_explicit(&calls[0]->waiter, fiber_current(), memory_order_release);
    atomic_store(&calls[0]->pending, (uint32_t)n);
    return true;
}

void call_unshare_run(struct call *const *calls, size_t n)
{
    for (size_t i = 1; i < n; i++)
        call_release(calls[i]);
    /* As the others' leader it was acquired once for each of them. */
    if (n > 0)
        release(calls[0], (int)n);
}

static void futex_wait(_Atomic(uint32_t) *word, uint32_t expected, int64_t timeout_ms)
{
    struct timespec timeout = { .tv_sec = timeout_ms / 1000, .tv_nsec = (timeout_ms % 1000) * 1000000 };
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, &timeout, NULL, 0);
}

static bool run_is_done(struct call *leader)
{
    return (atomic_load_explicit(&leader->pending, memory_order_acquire) & ~SLEEPS) == 0;
}

bool call_wait_run(struct call *leader, int64_t now_ms, int64_t deadline_ms)
{
    if (run_is_done(leader))
        return true;
    if (now_ms >= deadline_ms)
        return false;
    if (atomic_load_explicit(&leader->waiter, memory_order_relaxed) != NULL) {
        fiber_wait(deadline_ms);
        return run_is_done(leader);
    }
    uint32_t seen = atomic_fetch_or_explicit(&leader->pending, SLEEPS, memory_order_acq_rel) | SLEEPS;
    if ((seen & ~SLEEPS) != 0)
        futex_wait(&leader->pending, seen, deadline_ms - now_ms);
    return run_is_done(leader);
}

unsigned call_abandon(struct call *c)
{
    return atomic_fetch_or(&c->flags, CALL_ABANDONED);
}

enum status call_status(const struct call *c)
{
    return c->outcome;
}

const struct reply *call_reply(const struct call *c)
{
    return c->reply;
}

bool call_in_doubt(const struct call *c)
{
    return (atomic_load(&c->flags) & CALL_IN_DOUBT) != 0;
}

/* ---- the I/O thread's side ---- */

bool call_mark_sent(struct call *c)
{
    return (atomic_fetch_or(&c->flags, CALL_SENT) & CALL_ABANDONED) == 0;
}

void call_unmark_sent(struct call *c)
{
    atomic_fetch_and(&c->flags, ~(unsigned)CALL_SENT);
}

enum status call_refused_in_doubt(struct error *err)
{
    enum status status = error_set_retry(err, STATUS_OUTCOME_UNKNOWN, 1, "sent twice: the second was refused, the first may yet arrive");
    err->applied = APPLIED_UNKNOWN;
    return status;
}

int64_t call_marker_life_ms(int64_t request_timeout_ms)
{
    int64_t twice_ms = 2 * request_timeout_ms;
    return twice_ms > MARKER_LIFE_MIN_MS ? twice_ms : MARKER_LIFE_MIN_MS;
}

void call_mark_in_doubt(struct call *c)
{
    atomic_fetch_or(&c->flags, CALL_IN_DOUBT);
    call_unmark_sent(c);
}

bool call_is_abandoned(const struct call *c)
{
    return (atomic_load_explicit(&c->flags, memory_order_relaxed) & CALL_ABANDONED) != 0;
}

bool call_is_of_fiber(const struct call *leader)
{
    return atomic_load_explicit(&leader->waiter, memory_order_relaxed) != NULL;
}

static void leave_place(struct call *c)
{
    struct places *at = c->progress.at;
    if (!c->progress.holds_place)
        return;
    c->progress.holds_place = false;
    atomic_store_explicit(&at->taken, atomic_load_explicit(&at->taken, memory_order_relaxed) - 1, memory_order_relaxed);
    if (at->newest == c)
        at->newest = NULL;
}

void call_take_place(struct call *c, struct places *at)
{
    if (c->progress.at == at)
        return;
    leave_place(c);
    if (at->newest != NULL && at->newest->leader == c->leader)
        at->newest->progress.holds_place = false;
    else
        atomic_store_explicit(&at->taken, atomic_load_explicit(&at->taken, memory_order_relaxed) + 1, memory_order_relaxed);
    at->newest = c;
    c->progress.at = at;
    c->progress.holds_place = true;
}

/* The leader is held by each call of its run, so it outlives this wake-up whatever the caller does meanwhile. */
static void leave_run(struct call *c)
{
    struct call *leader = c->leader;
    leave_place(c);
    uint32_t before = atomic_fetch_sub_explicit(&leader->pending, 1, memory_order_acq_rel);
    struct fiber *waiter = atomic_load_explicit(&leader->waiter, memory_order_acquire);
    if (before == 1 && waiter != NULL)
        fiber_wake(waiter);
    else if (before == (SLEEPS | 1))
        syscall(SYS_futex, &leader->pending, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    if (leader != c)
        call_release(leader);
    call_release(c);
}

void call_finish_take(struct call *c, enum status result, struct reply *reply)
{
    c->progress.answered_us = metrics_now_us();
    c->result = result;
    c->reply = reply;
    atomic_fetch_or(&c->flags, CALL_DONE);
    leave_run(c);
}

void call_drop(struct call *c)
{
    leave_run(c);
}

/* ---- queues ---- */

void call_queue_push(struct call_queue *q, struct call *c)
{
    c->next = NULL;
    if (q->tail == NULL)
        q->head = c;
    else
        q->tail->next = c;
    q->tail = c;
    q->count++;
}

void call_queue_push_front(struct call_queue *q, struct call *c)
{
    c->next = q->head;
    q->head = c;
    if (q->tail == NULL)
        q->tail = c;
    q->count++;
}

struct call *call_queue_pop(struct call_queue *q)
{
    struct call *c = q->head;
    if (c == NULL)
        return NULL;
    q->head = c->next;
    if (q->head == NULL)
        q->tail = NULL;
    q->count--;
    c->next = NULL;
    return c;
}

void call_queue_prepend(struct call_queue *q, struct call_queue *first)
{
    if (first->head == NULL)
        return;
    first->tail->next = q->head;
    q->head = first->head;
    if (q->tail == NULL)
        q->tail = first->tail;
    q->count += first->count;
    *first = (struct call_queue){ .head = NULL };
}

void call_queue_sweep(struct call_queue *q)
{
    struct call_queue all = *q;
    *q = (struct call_queue){ .head = NULL };
    for (struct call *c = call_queue_pop(&all); c != NULL; c = call_queue_pop(&all)) {
        if (call_is_abandoned(c))
            call_drop(c);
        else
            call_queue_push(q, c);
    }
}
