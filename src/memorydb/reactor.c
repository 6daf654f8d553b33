#include "reactor.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS_PER_TURN 64
#define SLEEP_MAX_MS 1000

enum status reactor_init(struct reactor *r, const struct clock *clock, struct error *err)
{
    *r = (struct reactor){ .clock = clock, .alarm_ms = INT64_MAX };
    r->now_ms = clock_monotonic_ms(clock);
    r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    /* Edge-triggered: each write is one event, and the counter never needs to be read. */
    struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data = { .ptr = NULL } };
    if (r->epoll_fd >= 0 && r->wake_fd >= 0 && epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, r->wake_fd, &event) == 0)
        return STATUS_OK;
    reactor_clean_up(r);
    return error_set(err, STATUS_INTERNAL, "can't set up the I/O thread: out of file descriptors");
}

void reactor_clean_up(struct reactor *r)
{
    if (r->epoll_fd >= 0)
        close(r->epoll_fd);
    if (r->wake_fd >= 0)
        close(r->wake_fd);
    r->epoll_fd = -1;
    r->wake_fd = -1;
}

bool reactor_watch(struct reactor *r, int fd, struct reactor_source *source, uint32_t interest)
{
    if (source->interest == interest)
        return true;
    struct epoll_event event = { .events = interest, .data = { .ptr = source } };
    int operation = source->interest == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (epoll_ctl(r->epoll_fd, operation, fd, &event) != 0)
        return false;
    source->interest = interest;
    return true;
}

void reactor_unwatch(struct reactor *r, int fd, struct reactor_source *source)
{
    if (source->interest != 0)
        (void)epoll_ctl(r->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    reactor_forget(source);
}

void reactor_forget(struct reactor_source *source)
{
    source->interest = 0;
}

void reactor_alarm(struct reactor *r, int64_t at_ms)
{
    if (at_ms < r->alarm_ms)
        r->alarm_ms = at_ms;
}

bool reactor_alarm_rings(struct reactor *r)
{
    if (r->now_ms < r->alarm_ms)
        return false;
    r->alarm_ms = INT64_MAX;
    return true;
}

static int sleep_ms(const struct reactor *r, bool may_sleep)
{
    if (!may_sleep || r->alarm_ms <= r->now_ms)
        return 0;
    int64_t left = r->alarm_ms - r->now_ms;
    return left > SLEEP_MAX_MS ? SLEEP_MAX_MS : (int)left;
}

void reactor_turn(struct reactor *r, bool may_sleep)
{
    struct epoll_event events[EVENTS_PER_TURN];
    int n = epoll_wait(r->epoll_fd, events, EVENTS_PER_TURN, sleep_ms(r, may_sleep));
    r->now_ms = clock_monotonic_ms(r->clock);
    for (int i = 0; i < n; i++) {
        struct reactor_source *source = events[i].data.ptr;
        if (source != NULL && source->interest != 0)
            source->on_event(source->ctx, events[i].events);
    }
}

void reactor_wake(struct reactor *r)
{
    static const uint64_t one = 1;
    /* The counter can't fill up in any process's life, so a refusal means nothing. */
    ssize_t written = write(r->wake_fd, &one, sizeof one);
    (void)written;
}
