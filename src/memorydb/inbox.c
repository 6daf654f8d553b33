#include "inbox.h"

/* Two addresses that are no calls: states of the empty stack. */
static struct call *asleep(struct inbox *inbox)
{
    return (void *)&inbox->marks[0];
}

static struct call *closed(struct inbox *inbox)
{
    return (void *)&inbox->marks[1];
}

enum inbox_result inbox_put(struct inbox *inbox, struct call *const *calls, size_t n)
{
    for (size_t i = 1; i < n; i++)
        calls[i]->next = calls[i - 1];
    struct call *seen = atomic_load_explicit(&inbox->top, memory_order_relaxed);
    do {
        if (seen == closed(inbox))
            return INBOX_CLOSED;
        calls[0]->next = seen == asleep(inbox) ? NULL : seen;
    } while (!atomic_compare_exchange_weak_explicit(&inbox->top, &seen, calls[n - 1], memory_order_acq_rel,
                                                    memory_order_relaxed));
    return seen == asleep(inbox) ? INBOX_TAKEN_ASLEEP : INBOX_TAKEN;
}

static struct call_queue in_order(struct inbox *inbox, struct call *top)
{
    struct call_queue queue = { .head = NULL };
    while (top != NULL && top != asleep(inbox) && top != closed(inbox)) {
        struct call *below = top->next;
        call_queue_push_front(&queue, top);
        top = below;
    }
    return queue;
}

struct call_queue inbox_take(struct inbox *inbox)
{
    if (atomic_load_explicit(&inbox->top, memory_order_relaxed) == NULL)
        return (struct call_queue){ .head = NULL };
    return in_order(inbox, atomic_exchange_explicit(&inbox->top, NULL, memory_order_acq_rel));
}

bool inbox_sleep(struct inbox *inbox)
{
    struct call *empty = NULL;
    return atomic_compare_exchange_strong(&inbox->top, &empty, asleep(inbox));
}

struct call_queue inbox_close(struct inbox *inbox)
{
    return in_order(inbox, atomic_exchange(&inbox->top, closed(inbox)));
}
