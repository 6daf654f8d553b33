/* inbox: calls on their way from any thread to the I/O thread. Lock-free: a stack that the one reader takes whole, so
 * that a burst of submitters costs one exchange and at most one wake-up. */
#ifndef CUSTOMERD_MEMORYDB_INBOX_H
#define CUSTOMERD_MEMORYDB_INBOX_H

#include "call.h"

struct inbox {
    _Atomic(struct call *) top;
    struct call *marks[2]; /* only their addresses mean something */
};

enum inbox_result { INBOX_TAKEN, INBOX_TAKEN_ASLEEP, INBOX_CLOSED };

/* Any thread. The calls stay in order. INBOX_TAKEN_ASLEEP: the reader has to be woken, by this thread alone. */
enum inbox_result inbox_put(struct inbox *inbox, struct call *const *calls, size_t n);
/* The reader: all that came since the last time, oldest first. */
struct call_queue inbox_take(struct inbox *inbox);
/* The reader: says that it is going to sleep; false when something has come. */
bool inbox_sleep(struct inbox *inbox);
/* The reader: takes what is there; whatever comes later is turned away. */
struct call_queue inbox_close(struct inbox *inbox);

#endif
