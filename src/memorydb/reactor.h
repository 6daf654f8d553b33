/* reactor: the I/O thread's poll, clock and alarm. Everything but reactor_wake is for the I/O thread. */
#ifndef CUSTOMERD_MEMORYDB_REACTOR_H
#define CUSTOMERD_MEMORYDB_REACTOR_H

#include <sys/epoll.h>

#include "customerd/core/clock.h"
#include "customerd/core/status.h"

/* A source must live until the turn after its file descriptor was closed. */
struct reactor_source {
    void (*on_event)(void *ctx, uint32_t events);
    void *ctx;
    uint32_t interest; /* 0: not registered */
};

struct reactor {
    const struct clock *clock;
    int epoll_fd, wake_fd;
    int64_t now_ms;   /* of this turn */
    int64_t alarm_ms; /* the earliest time that somebody waits for */
};

enum status reactor_init(struct reactor *r, const struct clock *clock, struct error *err);
void reactor_clean_up(struct reactor *r);
/* Registers fd, or changes what it waits for. False when the kernel refuses. */
bool reactor_watch(struct reactor *r, int fd, struct reactor_source *source, uint32_t interest);
/* Ends the registration of a descriptor that stays open. */
void reactor_unwatch(struct reactor *r, int fd, struct reactor_source *source);
/* To be called when fd is closed, which ends the registration by itself. */
void reactor_forget(struct reactor_source *source);
/* Asks for a turn at `at_ms` or before. */
void reactor_alarm(struct reactor *r, int64_t at_ms);
/* Whether the alarm has rung; then it is cleared, and whoever waits must ask again. */
bool reactor_alarm_rings(struct reactor *r);
/* Waits for events (not at all when may_sleep is false), renews now_ms, and hands the events out. */
void reactor_turn(struct reactor *r, bool may_sleep);
/* Ends a reactor_turn that sleeps, or the next one. Any thread. */
void reactor_wake(struct reactor *r);

#endif
