/* monitor: a mutex and a condition that waits by the monotonic clock, which no clock change moves. A fiber that waits
 * for it leaves its thread to others. */
#ifndef CUSTOMERD_CORE_MONITOR_H
#define CUSTOMERD_CORE_MONITOR_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "customerd/core/attributes.h"

struct monitor_waiter;

struct monitor {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct monitor_waiter *fibers; /* that wait */
};

bool monitor_init(struct monitor *m) MUST_USE;
void monitor_clean_up(struct monitor *m);

static inline void monitor_lock(struct monitor *m)
{
    (void)pthread_mutex_lock(&m->mutex);
}

static inline void monitor_unlock(struct monitor *m)
{
    (void)pthread_mutex_unlock(&m->mutex);
}

/* With the monitor locked: wakes all that wait. */
void monitor_notify(struct monitor *m);

/* With the monitor locked: until it is notified or so much time (0 or more) has passed; also without a reason. */
void monitor_wait_ms(struct monitor *m, int64_t ms);

/* Starts a thread that gets no signals: they are for the program's main thread. */
bool monitor_start_thread(pthread_t *thread, void *(*run)(void *), void *arg) MUST_USE;

#endif
