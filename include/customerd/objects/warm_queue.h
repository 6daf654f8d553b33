/* warm_queue: the objects that `customerd warm` has found and not yet dealt with, and up to where all is done.
 *
 *   pushed in order --> taken by any worker --> finished in any order --> retired in order: the mark moves
 *
 * The mark is where an interrupted run goes on: everything up to it was dealt with, whatever is still under way behind it. Where
 * failures came in a row up to the mark, it is held back before the first of them, since what makes all fail is not over.
 * Not locked: its user does that. */
#ifndef CUSTOMERD_OBJECTS_WARM_QUEUE_H
#define CUSTOMERD_OBJECTS_WARM_QUEUE_H

#include <stdint.h>

#include "customerd/core/attributes.h"
#include "customerd/objects/objects.h"

#define WARM_QUEUE_SIZE 1024

enum warm_outcome {
    WARM_FILLED,
    WARM_FRESH,      /* it was there already */
    WARM_ABSENT,
    WARM_TOO_LONG,   /* to be kept */
    WARM_BUSY,       /* it is being written, and not kept meanwhile */
    WARM_UNSERVABLE, /* a name that the service takes from nobody */
    WARM_FAILED,
    WARM_OUTCOMES
};

/* In the order in which they were found; line: of the list, from 1, or 0. */
struct warm_mark {
    char key[OBJECT_KEY_MAX_BYTES];
    size_t len; /* 0: nothing is done yet */
    uint64_t line;
};

struct warm_item {
    struct warm_mark place;
    int64_t size; /* in bytes; -1 when it is not known */
    bool finished;
    enum warm_outcome outcome;
};

struct warm_queue {
    struct warm_item *items; /* a ring */
    uint64_t head, next, tail; /* the first not retired, not taken, not pushed */
    struct warm_mark mark;
    struct warm_mark before_failures; /* the mark before the failures that the last `failing` retired ones are */
    uint64_t failing;
    uint64_t counts[WARM_OUTCOMES]; /* of those that are finished */
};

/* The mark is where it begins. False when out of memory. */
bool warm_queue_init(struct warm_queue *q, const struct warm_mark *begin) MUST_USE;
void warm_queue_clean_up(struct warm_queue *q);

bool warm_queue_is_full(const struct warm_queue *q);
/* Nothing is waiting or under way. */
bool warm_queue_is_empty(const struct warm_queue *q);
/* It is not full; the key has 1 to OBJECT_KEY_MAX_BYTES. */
void warm_queue_push(struct warm_queue *q, struct slice key, uint64_t line, int64_t size);
/* NULL when nothing waits. It is the caller's until it is finished. */
struct warm_item *warm_queue_take(struct warm_queue *q);
void warm_queue_finish(struct warm_queue *q, struct warm_item *item, enum warm_outcome outcome);
/* Where another run goes on. */
const struct warm_mark *warm_queue_resume_at(const struct warm_queue *q);
uint64_t warm_queue_finished(const struct warm_queue *q);

#endif
