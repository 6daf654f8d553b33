#include "inner.h"

#include <stdlib.h>

#define SWEEP_MS 1000
#define SWEEP_BUSY_MS 100 /* while calls wait for something other than their reply */
#define LOG_GATE_MS 1000

bool log_gate_open(struct cluster *cluster, struct log_gate *gate, int64_t *held_back)
{
    if (cluster->reactor.now_ms < gate->next_ms) {
        gate->held_back++;
        return false;
    }
    *held_back = gate->held_back;
    gate->held_back = 0;
    gate->next_ms = cluster->reactor.now_ms + LOG_GATE_MS;
    return true;
}

static _Thread_local const struct cluster *running;

bool io_thread_is_caller(const struct cluster *cluster)
{
    return running == cluster;
}

static void take_inbox(struct cluster *cluster)
{
    struct call_queue arrived = inbox_take(&cluster->inbox);
    route_calls(cluster, &arrived);
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
    cluster->sweep_ms = cluster->reactor.now_ms + (busy ? SWEEP_BUSY_MS : SWEEP_MS);
}

static void tick(struct cluster *cluster)
{
    if (!reactor_alarm_rings(&cluster->reactor))
        return;
    refresh_tick(cluster);
    route_tick(cluster);
    for (struct node *node = cluster->nodes; node != NULL; node = node->next) {
        for (size_t i = 0; i < LANES; i++)
            lane_tick(&node->lanes[i]);
    }
    if (cluster->reactor.now_ms >= cluster->sweep_ms)
        sweep(cluster);
    reactor_alarm(&cluster->reactor, cluster->sweep_ms);
}

static void send_all(struct cluster *cluster)
{
    while (cluster->dirty != NULL) {
        struct lane *lane = cluster->dirty;
        cluster->dirty = lane->next_dirty;
        lane_send(lane);
    }
}

/* ---- the guest ---- */

static void on_guest_readable(void *ctx, uint32_t events)
{
    struct hosting *h = ctx;
    (void)events;
    h->readable = true;
}

static void take_guest(struct cluster *cluster)
{
    struct hosting *h = &cluster->hosting;
    if (!atomic_exchange(&h->news, false))
        return;
    monitor_lock(&h->monitor);
    if (h->guest != NULL)
        reactor_unwatch(&cluster->reactor, h->guest->fd, &h->source);
    h->guest = h->wanted;
    h->source = (struct reactor_source){ .on_event = on_guest_readable, .ctx = h };
    h->watched = h->guest != NULL && reactor_watch(&cluster->reactor, h->guest->fd, &h->source, EPOLLIN);
    h->readable = h->watched;
    monitor_notify(&h->monitor);
    monitor_unlock(&h->monitor);
}

/* Returns whether it is to be called again at once. */
static bool run_guest(struct cluster *cluster)
{
    struct hosting *h = &cluster->hosting;
    take_guest(cluster);
    if (h->guest == NULL)
        return false;
    bool readable = h->readable;
    h->readable = false;
    int64_t due_ms = h->guest->turn(h->guest->ctx, readable, cluster->reactor.now_ms);
    if (due_ms <= cluster->reactor.now_ms)
        return true;
    reactor_alarm(&cluster->reactor, due_ms);
    return false;
}

static void close_all(struct cluster *cluster)
{
    struct call_queue late = inbox_close(&cluster->inbox);
    call_queue_prepend(&late, &cluster->retries);
    for (struct call *call = call_queue_pop(&late); call != NULL; call = call_queue_pop(&late))
        route_fail(call, STATUS_NOT_READY);
    node_destroy_all(cluster);
}

void *io_thread_run(void *arg)
{
    struct cluster *cluster = arg;
    running = cluster;
    refresh_want(cluster);
    while (!atomic_load(&cluster->stopping)) {
        take_inbox(cluster);
        take_resolved(cluster);
        take_login(cluster);
        tick(cluster);
        bool again = run_guest(cluster);
        send_all(cluster);
        reactor_turn(&cluster->reactor, !again && inbox_sleep(&cluster->inbox));
    }
    close_all(cluster);
    return NULL;
}
