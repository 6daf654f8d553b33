#include "customerd/objects/warm_queue.h"

#include <stdlib.h>

bool warm_queue_init(struct warm_queue *q, const struct warm_mark *begin)
{
    *q = (struct warm_queue){ .mark = *begin, .items = calloc(WARM_QUEUE_SIZE, sizeof(struct warm_item)) };
    return q->items != NULL;
}

void warm_queue_clean_up(struct warm_queue *q)
{
    free(q->items);
    q->items = NULL;
}

bool warm_queue_is_full(const struct warm_queue *q)
{
    return q->tail - q->head == WARM_QUEUE_SIZE;
}

bool warm_queue_is_empty(const struct warm_queue *q)
{
    return q->tail == q->head;
}

static struct warm_item *item_at(const struct warm_queue *q, uint64_t number)
{
    return &q->items[number % WARM_QUEUE_SIZE];
}

void warm_queue_push(struct warm_queue *q, struct slice key, uint64_t line, int64_t size)
{
    struct warm_item *item = item_at(q, q->tail++);
    item->place.len = key.len;
    item->place.line = line;
    memcpy(item->place.key, key.ptr, key.len);
    item->size = size;
    item->finished = false;
}

struct warm_item *warm_queue_take(struct warm_queue *q)
{
    return q->next == q->tail ? NULL : item_at(q, q->next++);
}

static void retire(struct warm_queue *q, const struct warm_item *item)
{
    if (item->outcome != WARM_FAILED)
        q->failing = 0;
    else if (q->failing++ == 0)
        q->before_failures = q->mark;
    q->mark = item->place;
}

void warm_queue_finish(struct warm_queue *q, struct warm_item *item, enum warm_outcome outcome)
{
    item->finished = true;
    item->outcome = outcome;
    q->counts[outcome]++;
    for (; q->head != q->next && item_at(q, q->head)->finished; q->head++)
        retire(q, item_at(q, q->head));
}

const struct warm_mark *warm_queue_resume_at(const struct warm_queue *q)
{
    return q->failing > 0 ? &q->before_failures : &q->mark;
}

uint64_t warm_queue_finished(const struct warm_queue *q)
{
    uint64_t total = 0;
    for (size_t i = 0; i < WARM_OUTCOMES; i++)
        total += q->counts[i];
    return total;
}
