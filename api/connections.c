#include "customerd/api/connections.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "customerd/core/monitor.h"

#define WATCH_PERIOD_MS 200
#define DRAIN_PERIOD_MS 20
/* While draining, an idle connection may still have this long to bring the request that is already on its way. */
#define DRAIN_GRACE_MS 50
#define LINGER_PERIOD_MS 2
#define LINGER_MS 2000
#define LINGERING_MAX 64
#define STUCK_MS 1000 /* clients wait, and none is accepted */
#define DROP_ROUNDS 2 /* of 16 KiB for each that lingers, at each look: connections wait meanwhile */

/* A second descriptor of a connection that is closed otherwise; its sending side is shut down. */
struct lingering {
    int fd;
    int64_t until_ms;
};

struct connections {
    struct connections_options options;
    struct monitor monitor; /* guards all below; notified on stop, drain, and when the last connection went */
    struct connection *first;
    size_t n;
    struct lingering lingering[LINGERING_MAX];
    size_t n_lingering;
    uint64_t added, added_seen;
    int64_t moving_ms; /* when clients were accepted last, or none waited */
    bool draining;
    bool stop;
    pthread_t watchdog;
};

static int64_t now_ms(const struct connections *cs)
{
    return clock_monotonic_ms(cs->options.clock);
}

static bool move(struct connection *c, int from, int to)
{
    return atomic_compare_exchange_strong(&c->phase, &from, to);
}

static void cut(struct connections *cs, struct connection *c, int from, bool say)
{
    if (!move(c, from, CONNECTION_CUT))
        return;
    if (say)
        cs->options.say_timeout(cs->options.ctx, c);
    (void)shutdown(c->fd, SHUT_RDWR);
}

static bool kernel_tells(int fd, struct tcp_info *out)
{
    socklen_t len = sizeof *out;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, out, &len) == 0;
}

/* A client that sends its request line byte by byte has no request yet, but it is not idle: the kernel knows when the
 * last bytes came. */
static bool trickles(struct connection *c, int64_t since_ms, int64_t now, int64_t timeout_ms)
{
    struct tcp_info info;
    if (!kernel_tells(c->fd, &info))
        return false;
    int64_t last_bytes_ms = now - (int64_t)info.tcpi_last_data_recv;
    if (c->trickle_epoch_ms == since_ms)
        return now - c->trickle_since_ms > timeout_ms;
    if (last_bytes_ms > since_ms + 10) {
        c->trickle_epoch_ms = since_ms;
        c->trickle_since_ms = now;
    }
    return false;
}

static void watch_idle(struct connections *cs, struct connection *c, int64_t since_ms, int64_t now)
{
    int64_t idle_ms = now - since_ms;
    if (cs->draining) {
        /* Only the reading side: a request that is here already is still answered. */
        if (idle_ms > DRAIN_GRACE_MS)
            (void)shutdown(c->fd, SHUT_RD);
        return;
    }
    if (idle_ms > cs->options.idle_timeout_ms)
        cut(cs, c, CONNECTION_IDLE, false);
    else if (idle_ms > 1000 && trickles(c, since_ms, now, cs->options.receive_timeout_ms))
        cut(cs, c, CONNECTION_IDLE, true);
}

static void watch_one(struct connections *cs, struct connection *c, int64_t now)
{
    /* The phase first: its beginning is noted before it is entered. The other way round a request that has just begun
     * could be judged by how long its connection was idle. */
    int phase = atomic_load(&c->phase);
    int64_t since_ms = atomic_load(&c->since_ms);
    switch (phase) {
    case CONNECTION_IDLE:
        watch_idle(cs, c, since_ms, now);
        break;
    case CONNECTION_RECEIVING:
        if (now - since_ms > cs->options.receive_timeout_ms + atomic_load(&c->extra_ms))
            cut(cs, c, CONNECTION_RECEIVING, true);
        break;
    case CONNECTION_RUNNING:
        if (now - since_ms > cs->options.run_timeout_ms)
            cut(cs, c, CONNECTION_RUNNING, false);
        break;
    default:
        break;
    }
}

/* How many wait to be accepted, as the kernel tells of a listening socket. */
static unsigned waiting(int listen_fd)
{
    struct tcp_info info;
    return listen_fd > 0 && kernel_tells(listen_fd, &info) && info.tcpi_state == TCP_LISTEN ? info.tcpi_unacked : 0;
}

static struct connection *idle_longest(struct connections *cs)
{
    struct connection *found = NULL;
    for (struct connection *c = cs->first; c != NULL; c = c->next) {
        bool idle = atomic_load(&c->phase) == CONNECTION_IDLE;
        if (idle && (found == NULL || atomic_load(&c->since_ms) < atomic_load(&found->since_ms)))
            found = c;
    }
    return found;
}

/* Only the reading side is shut down: a request that is here already is still answered. */
static void watch_listener(struct connections *cs, int64_t now)
{
    if (cs->draining || cs->added != cs->added_seen || waiting(cs->options.listen_fd) == 0) {
        cs->added_seen = cs->added;
        cs->moving_ms = now;
        return;
    }
    struct connection *c = now - cs->moving_ms < STUCK_MS ? NULL : idle_longest(cs);
    if (c == NULL)
        return;
    (void)shutdown(c->fd, SHUT_RD);
    cs->moving_ms = now;
}

/* Drops what has arrived; false when the client has closed its side. */
static bool drop_input(int fd)
{
    char bytes[16384];
    for (int rounds = 0; rounds < DROP_ROUNDS; rounds++) {
        ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n <= 0)
            return n < 0 && (errno == EAGAIN || errno == EINTR);
    }
    return true;
}

static void watch_lingering(struct connections *cs, int64_t now)
{
    for (size_t i = 0; i < cs->n_lingering;) {
        struct lingering *l = &cs->lingering[i];
        if (now < l->until_ms && drop_input(l->fd)) {
            i++;
            continue;
        }
        (void)close(l->fd);
        *l = cs->lingering[--cs->n_lingering];
    }
}

static void linger(struct connections *cs, int fd)
{
    if (cs->n_lingering == LINGERING_MAX || cs->stop)
        return;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return;
    if (!cs->options.tls)
        (void)shutdown(copy, SHUT_WR);
    cs->lingering[cs->n_lingering++] = (struct lingering){ .fd = copy, .until_ms = now_ms(cs) + LINGER_MS };
    monitor_notify(&cs->monitor);
}

/* The clock given may be a test's; the condition waits by the machine's. */
static int64_t machine_ms(void)
{
    return clock_monotonic_ms(clock_system());
}

static void wait_until(struct connections *cs, int64_t until_ms)
{
    int64_t left_ms = until_ms - machine_ms();
    monitor_wait_ms(&cs->monitor, left_ms > 0 ? left_ms : 0);
}

static void watch_all(struct connections *cs)
{
    int64_t now = now_ms(cs);
    for (struct connection *c = cs->first; c != NULL; c = c->next)
        watch_one(cs, c, now);
    watch_listener(cs, now);
}

static void *watch(void *arg)
{
    struct connections *cs = arg;
    int64_t watched_ms = 0;
    monitor_lock(&cs->monitor);
    while (!cs->stop) {
        /* All connections are looked at now and then only, however often those that linger are. */
        int64_t period_ms = cs->draining ? DRAIN_PERIOD_MS : WATCH_PERIOD_MS;
        if (machine_ms() >= watched_ms + period_ms) {
            watch_all(cs);
            watched_ms = machine_ms();
        }
        watch_lingering(cs, now_ms(cs));
        wait_until(cs, cs->n_lingering > 0 ? machine_ms() + LINGER_PERIOD_MS : watched_ms + period_ms);
    }
    watch_lingering(cs, INT64_MAX);
    monitor_unlock(&cs->monitor);
    return NULL;
}

struct connections *connections_new(const struct connections_options *options)
{
    struct connections *cs = calloc(1, sizeof *cs);
    if (cs == NULL)
        return NULL;
    cs->options = *options;
    if (!monitor_init(&cs->monitor)) {
        free(cs);
        return NULL;
    }
    if (!monitor_start_thread(&cs->watchdog, watch, cs)) {
        monitor_clean_up(&cs->monitor);
        free(cs);
        return NULL;
    }
    return cs;
}

void connections_destroy(struct connections *cs)
{
    if (cs == NULL)
        return;
    monitor_lock(&cs->monitor);
    cs->stop = true;
    monitor_notify(&cs->monitor);
    monitor_unlock(&cs->monitor);
    (void)pthread_join(cs->watchdog, NULL);
    monitor_clean_up(&cs->monitor);
    free(cs);
}

size_t connections_add(struct connections *cs, struct connection *c, int fd)
{
    c->fd = fd;
    c->prev = NULL;
    c->trickle_epoch_ms = -1;
    atomic_store(&c->phase, CONNECTION_IDLE);
    atomic_store(&c->since_ms, now_ms(cs));
    monitor_lock(&cs->monitor);
    c->next = cs->first;
    if (c->next != NULL)
        c->next->prev = c;
    cs->first = c;
    size_t n = ++cs->n;
    cs->added++;
    monitor_unlock(&cs->monitor);
    return n;
}

void connections_remove(struct connections *cs, struct connection *c, bool lingers)
{
    monitor_lock(&cs->monitor);
    if (lingers)
        linger(cs, c->fd);
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        cs->first = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    cs->n--;
    if (cs->n == 0)
        monitor_notify(&cs->monitor);
    monitor_unlock(&cs->monitor);
}

/* The watchdog cuts under the mutex: when it can be had, the client was told and the socket is shut down, so nothing that
 * is sent from now on can mix with what it was told. */
static void await_cut(struct connections *cs)
{
    monitor_lock(&cs->monitor);
    monitor_unlock(&cs->monitor);
}

static bool enter(struct connections *cs, struct connection *c, int from, int to)
{
    atomic_store(&c->since_ms, now_ms(cs));
    return move(c, from, to);
}

void connection_restart_phase(struct connections *cs, struct connection *c)
{
    atomic_store(&c->since_ms, now_ms(cs));
}

void connection_allow(struct connection *c, int64_t extra_ms)
{
    atomic_store(&c->extra_ms, extra_ms);
}

bool connection_begin(struct connections *cs, struct connection *c)
{
    if (atomic_load_explicit(&c->extra_ms, memory_order_relaxed) != 0)
        atomic_store(&c->extra_ms, 0);
    return enter(cs, c, CONNECTION_IDLE, CONNECTION_RECEIVING);
}

bool connection_run(struct connections *cs, struct connection *c)
{
    if (enter(cs, c, CONNECTION_RECEIVING, CONNECTION_RUNNING))
        return true;
    await_cut(cs);
    return false;
}

bool connection_end(struct connections *cs, struct connection *c)
{
    if (!enter(cs, c, CONNECTION_RUNNING, CONNECTION_IDLE))
        (void)enter(cs, c, CONNECTION_RECEIVING, CONNECTION_IDLE);
    if (atomic_load(&c->phase) != CONNECTION_CUT)
        return false;
    await_cut(cs);
    return true;
}

void connections_drain(struct connections *cs)
{
    monitor_lock(&cs->monitor);
    cs->draining = true;
    monitor_notify(&cs->monitor);
    monitor_unlock(&cs->monitor);
}

size_t connections_wait_empty(struct connections *cs, int64_t deadline_ms)
{
    monitor_lock(&cs->monitor);
    for (int64_t left_ms; cs->n > 0 && (left_ms = deadline_ms - now_ms(cs)) > 0;)
        wait_until(cs, machine_ms() + left_ms);
    size_t left = cs->n;
    monitor_unlock(&cs->monitor);
    return left;
}
