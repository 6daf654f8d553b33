#include "customerd/core/monitor.h"

#include "customerd/core/clock.h"
#include "customerd/core/fiber.h"

#include <signal.h>
#include <time.h>

/* On the stack of the fiber that waits. */
struct monitor_waiter {
    struct fiber *fiber;
    struct monitor_waiter *next;
};

bool monitor_init(struct monitor *m)
{
    pthread_condattr_t attributes;
    m->fibers = NULL;
    if (pthread_condattr_init(&attributes) != 0)
        return false;
    bool ok = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(&m->changed, &attributes) == 0;
    (void)pthread_condattr_destroy(&attributes);
    if (ok && pthread_mutex_init(&m->mutex, NULL) != 0) {
        (void)pthread_cond_destroy(&m->changed);
        ok = false;
    }
    return ok;
}

void monitor_clean_up(struct monitor *m)
{
    (void)pthread_cond_destroy(&m->changed);
    (void)pthread_mutex_destroy(&m->mutex);
}

void monitor_notify(struct monitor *m)
{
    (void)pthread_cond_broadcast(&m->changed);
    for (struct monitor_waiter *w = m->fibers; w != NULL; w = w->next)
        fiber_wake(w->fiber);
}

static void remove_waiter(struct monitor *m, const struct monitor_waiter *waiter)
{
    struct monitor_waiter **at = &m->fibers;
    while (*at != waiter)
        at = &(*at)->next;
    *at = waiter->next;
}

static void wait_as_fiber(struct monitor *m, struct fiber *fiber, int64_t ms)
{
    struct monitor_waiter waiter = { .fiber = fiber, .next = m->fibers };
    /* cppcheck-suppress autoVariables ; it is taken out before the return */
    m->fibers = &waiter;
    monitor_unlock(m);
    fiber_wait(clock_monotonic_ms(clock_system()) + ms);
    monitor_lock(m);
    remove_waiter(m, &waiter);
}

void monitor_wait_ms(struct monitor *m, int64_t ms)
{
    struct fiber *fiber = fiber_current();
    if (fiber != NULL) {
        wait_as_fiber(m, fiber, ms);
        return;
    }
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_cond_timedwait(&m->changed, &m->mutex, &until);
}

bool monitor_start_thread(pthread_t *thread, void *(*run)(void *), void *arg)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(thread, NULL, run, arg) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}
