#include "inner.h"

#include <assert.h>
#include <stdlib.h>

#define SWEEP_MS 1000
#define SWEEP_BUSY_MS 100 /* while calls wait for something other than their reply */
#define LOG_GATE_MS 1000

struct hosting {
    const struct io_guest *wanted, *guest; /* guarded by the monitor; the thread may read its own, `guest` */
    bool watched;                          /* its descriptor; guarded, too */
    struct reactor_source source;
    bool readable;
};

struct io_thread {
    struct reactor reactor;
    struct cluster *clusters; /* the thread's own, as what else is not guarded */
    struct hosting hosting;
    struct monitor monitor;   /* notified when something of what is wanted was done */
    struct cluster *joining;  /* guarded */
    atomic_bool news;         /* something is wanted */
    atomic_bool stopping;
    pthread_t thread;
};

bool log_gate_open(struct cluster *cluster, struct log_gate *gate, int64_t *held_back)
{
    if (cluster->reactor->now_ms < gate->next_ms) {
        gate->held_back++;
        return false;
    }
    *held_back = gate->held_back;
    gate->held_back = 0;
    gate->next_ms = cluster->reactor->now_ms + LOG_GATE_MS;
    return true;
}

static _Thread_local const struct io_thread *running;

bool io_thread_is_caller(const struct io_thread *io)
{
    return running == io;
}

struct reactor *io_thread_reactor(struct io_thread *io)
{
    return &io->reactor;
}

/* ---- a cluster ---- */

static void take_inbox(struct cluster *cluster)
{
    struct call_queue arrived = inbox_take(&cluster->inbox);
    route_runs(cluster, &arrived);
}

static void take_resolved(struct cluster *cluster)
{
    struct question *q;
    while ((q = resolver_take(cluster->env.resolver)) != NULL) {
        if (q->owner != NULL)
            connection_resolved(q->owner, q);
        free(q);
    }
}

static void take_login(struct cluster *cluster)
{
    if (!atomic_load_explicit(&cluster->login_changed, memory_order_relaxed))
        return;
    atomic_store(&cluster->login_changed, false);
    for (struct node *node = cluster->nodes; node != NULL; node = node->next) {
        for (size_t i = 0; i < LANES; i++)
            connection_login_changed(&node->lanes[i].connection);
    }
}

static void sweep(struct cluster *cluster)
{
    bool busy = cluster->retries.head != NULL;
    call_queue_sweep(&cluster->retries);
    for (struct node *node = cluster->nodes; node != NULL; node = node->next) {
        for (size_t i = 0; i < LANES; i++) {
            call_queue_sweep(&node->lanes[i].waiting);
            busy = busy || node->lanes[i].waiting.head != NULL;
        }
    }
    node_sweep(cluster);
    cluster->sweep_ms = cluster->reactor->now_ms + (busy ? SWEEP_BUSY_MS : SWEEP_MS);
}

static void tick(struct cluster *cluster)
{
    refresh_tick(cluster);
    route_tick(cluster);
    for (struct node *node = cluster->nodes; node != NULL; node = node->next) {
        for (size_t i = 0; i < LANES; i++)
            lane_tick(&node->lanes[i]);
    }
    if (cluster->reactor->now_ms >= cluster->sweep_ms)
        sweep(cluster);
    reactor_alarm(cluster->reactor, cluster->sweep_ms);
}

static void send_all(struct cluster *cluster)
{
    while (cluster->dirty != NULL) {
        struct lane *lane = cluster->dirty;
        cluster->dirty = lane->next_dirty;
        lane_send(lane);
    }
}

static void turn(struct cluster *cluster, bool alarm)
{
    take_inbox(cluster);
    take_resolved(cluster);
    take_login(cluster);
    if (alarm)
        tick(cluster);
}

static void close_all(struct cluster *cluster)
{
    struct call_queue late = inbox_close(&cluster->inbox);
    call_queue_prepend(&late, &cluster->retries);
    for (struct call *call = call_queue_pop(&late); call != NULL; call = call_queue_pop(&late))
        route_fail(call, STATUS_NOT_READY);
    node_destroy_all(cluster);
}

/* ---- coming and going ---- */

static void let_in(struct io_thread *io)
{
    while (io->joining != NULL) {
        struct cluster *cluster = io->joining;
        io->joining = cluster->next;
        cluster->next = io->clusters;
        io->clusters = cluster;
        refresh_want(cluster);
    }
}

static void let_go(struct io_thread *io)
{
    for (struct cluster **at = &io->clusters; *at != NULL;) {
        struct cluster *cluster = *at;
        if (!atomic_load(&cluster->stopping)) {
            at = &cluster->next;
            continue;
        }
        *at = cluster->next;
        close_all(cluster);
        cluster->left = true;
    }
}

static void on_guest_readable(void *ctx, uint32_t events)
{
    struct hosting *h = ctx;
    (void)events;
    h->readable = true;
}

static void take_guest(struct io_thread *io)
{
    struct hosting *h = &io->hosting;
    if (h->guest == h->wanted)
        return;
    if (h->guest != NULL)
        reactor_unwatch(&io->reactor, h->guest->fd, &h->source);
    h->guest = h->wanted;
    h->source = (struct reactor_source){ .on_event = on_guest_readable, .ctx = h };
    h->watched = h->guest != NULL && reactor_watch(&io->reactor, h->guest->fd, &h->source, EPOLLIN);
    h->readable = h->watched;
}

static void take_news(struct io_thread *io)
{
    if (!atomic_load_explicit(&io->news, memory_order_relaxed))
        return;
    monitor_lock(&io->monitor);
    atomic_store(&io->news, false);
    let_in(io);
    let_go(io);
    take_guest(io);
    monitor_notify(&io->monitor);
    monitor_unlock(&io->monitor);
}

/* With the monitor locked. */
static void tell(struct io_thread *io)
{
    atomic_store(&io->news, true);
    reactor_wake(&io->reactor);
}

void io_thread_join(struct io_thread *io, struct cluster *cluster)
{
    monitor_lock(&io->monitor);
    cluster->next = io->joining;
    io->joining = cluster;
    tell(io);
    monitor_unlock(&io->monitor);
}

void io_thread_leave(struct io_thread *io, struct cluster *cluster)
{
    monitor_lock(&io->monitor);
    tell(io);
    while (!cluster->left)
        monitor_wait_ms(&io->monitor, 1000);
    monitor_unlock(&io->monitor);
}

bool io_thread_host(struct io_thread *io, const struct io_guest *guest)
{
    struct hosting *h = &io->hosting;
    monitor_lock(&io->monitor);
    h->wanted = guest;
    tell(io);
    while (h->guest != guest)
        monitor_wait_ms(&io->monitor, 1000);
    bool watched = guest == NULL || h->watched;
    monitor_unlock(&io->monitor);
    return watched;
}

void io_thread_nudge(struct io_thread *io)
{
    reactor_wake(&io->reactor);
}

/* ---- the thread ---- */

/* Returns whether it is to be called again at once. */
static bool run_guest(struct io_thread *io)
{
    struct hosting *h = &io->hosting;
    if (h->guest == NULL)
        return false;
    bool readable = h->readable;
    h->readable = false;
    int64_t due_ms = h->guest->turn(h->guest->ctx, readable, io->reactor.now_ms);
    if (due_ms <= io->reactor.now_ms)
        return true;
    reactor_alarm(&io->reactor, due_ms);
    return false;
}

static void *run(void *arg)
{
    struct io_thread *io = arg;
    running = io;
    while (!atomic_load(&io->stopping)) {
        take_news(io);
        bool alarm = reactor_alarm_rings(&io->reactor);
        for (struct cluster *cluster = io->clusters; cluster != NULL; cluster = cluster->next)
            turn(cluster, alarm);
        bool may_sleep = !run_guest(io);
        for (struct cluster *cluster = io->clusters; cluster != NULL; cluster = cluster->next) {
            send_all(cluster);
            may_sleep = may_sleep && inbox_sleep(&cluster->inbox);
        }
        reactor_turn(&io->reactor, may_sleep);
    }
    return NULL;
}

static void free_parts(struct io_thread *io)
{
    reactor_clean_up(&io->reactor);
    monitor_clean_up(&io->monitor);
    free(io);
}

struct io_thread *io_thread_new(const struct clock *clock, struct error *err)
{
    struct io_thread *io = calloc(1, sizeof *io);
    if (io == NULL || !monitor_init(&io->monitor)) {
        free(io);
        error_set(err, STATUS_INTERNAL, "out of memory");
        return NULL;
    }
    if (reactor_init(&io->reactor, clock, err) == STATUS_OK) {
        if (monitor_start_thread(&io->thread, run, io))
            return io;
        error_set(err, STATUS_INTERNAL, "the I/O thread can't start");
    }
    free_parts(io);
    return NULL;
}

void io_thread_destroy(struct io_thread *io)
{
    if (io == NULL)
        return;
    atomic_store(&io->stopping, true);
    reactor_wake(&io->reactor);
    (void)pthread_join(io->thread, NULL);
    assert(io->clusters == NULL && io->joining == NULL);
    free_parts(io);
}
