/* io_thread: the thread that does the input and output of the clusters which join it, and of one guest beside them. A fiber
 * of the guest that calls a cluster of this thread reaches it, and gets its answer, without a change of threads. */
#ifndef CUSTOMERD_MEMORYDB_IO_THREAD_H
#define CUSTOMERD_MEMORYDB_IO_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "customerd/core/clock.h"
#include "customerd/core/status.h"

struct io_thread;

/* Starts it. NULL and err when descriptors, threads or memory are out. */
struct io_thread *io_thread_new(const struct clock *clock, struct error *err);
/* Joins the thread. Its clusters must have been stopped (cluster_stop) and its guest taken away. Accepts NULL. */
void io_thread_destroy(struct io_thread *io);

/* What else runs on the thread. */
struct io_guest {
    int fd; /* watched for input */
    /* Called when fd is readable, when it has asked for it, after a nudge, and now and then in between; must not block.
     * Returns when it is to be called again at the latest (monotonic; now_ms or before: at once). */
    int64_t (*turn)(void *ctx, bool readable, int64_t now_ms);
    void *ctx;
};

/* Gives the thread a guest, which it had none of, or takes it away (NULL); returns when the thread has heard of it. False
 * when the guest's descriptor can't be watched; it is to be taken away then, too. Another thread. */
bool io_thread_host(struct io_thread *io, const struct io_guest *guest);
/* Has the guest called soon. Any thread. */
void io_thread_nudge(struct io_thread *io);

#endif
