#include "inner.h"

#include <stdio.h>
#include <stdlib.h>

/* A lane that was lost a moment ago lets calls wait, since it is most often back in milliseconds. One that has been
 * down for longer than this, and fails to come back, lets nobody wait for it any more. */
#define DOWN_FAILS_AT_ONCE_MS 1000

#define BECAME_REPLICA "the server became a replica"

static void mark_dirty(struct lane *lane)
{
    if (lane->dirty)
        return;
    lane->dirty = true;
    lane->next_dirty = lane->cluster->dirty;
    lane->cluster->dirty = lane;
}

static void note_load(struct lane *lane)
{
    atomic_store_explicit(&lane->load, lane->waiting.count + lane->connection.sent.count, memory_order_relaxed);
}

/* ---- what its connection tells ---- */

/* What a replica reads falls behind for ever: reads follow the writes to where a new connection leads. */
static void renew_reads(struct node *node)
{
    struct connection *reads = &node->lanes[CALL_READ].connection;
    if (reads->state != CONNECTION_IDLE && reads->state != CONNECTION_BACKOFF)
        connection_renew(reads, BECAME_REPLICA);
}

/* The other lane need not wait longer, unless what it waits for is that the server is another. */
static void tell_other_lane(struct lane *lane)
{
    if (lane->node->demoted && lane == &lane->node->lanes[CALL_WRITE])
        renew_reads(lane->node);
    else if (!lane->node->demoted)
        for (size_t i = 0; i < LANES; i++)
            connection_hasten(&lane->node->lanes[i].connection);
}

static void on_ready(void *ctx)
{
    struct lane *lane = ctx;
    struct published *published = &lane->cluster->published;
    lane->down_since_ms = 0;
    atomic_store(&lane->ready, true);
    if (lane->was_ready)
        atomic_fetch_add(&published->reconnects, 1);
    lane->was_ready = true;
    pthread_mutex_lock(&published->lock);
    published->last_failure[0] = '\0';
    pthread_mutex_unlock(&published->lock);
    /* Nothing is known yet, or this may be the node that knows better: no need to wait for the next question's time. */
    if (!lane->cluster->map.known)
        refresh_want(lane->cluster);
    tell_other_lane(lane);
    mark_dirty(lane);
}

static enum answer_action on_answered(void *ctx, struct call *call, struct reply *reply)
{
    struct lane *lane = ctx;
    enum answer_action action = route_answered(lane, call, reply);
    note_load(lane);
    /* Calls stayed behind when the outbox or the list of what was sent was full; now there may be room. */
    if (lane->waiting.head != NULL || lane->ending)
        mark_dirty(lane);
    return action;
}

static void tell_failure(struct lane *lane, const char *why)
{
    struct cluster *cluster = lane->cluster;
    const struct peer *peer = &lane->node->peer;
    int64_t held_back = 0;
    pthread_mutex_lock(&cluster->published.lock);
    snprintf(cluster->published.last_failure, sizeof cluster->published.last_failure, "%.60s:%u: %.90s", peer->host,
             (unsigned)peer->port, why);
    pthread_mutex_unlock(&cluster->published.lock);
    if (log_gate_open(cluster, &cluster->gates.connection, &held_back))
        LOG(cluster->options.log, LOG_WARN, "database_connection_failed", LOG_CSTR("host", peer->host),
            LOG_INT("port", peer->port), LOG_CSTR("reason", why), LOG_INT("held_back", held_back));
}

/* What was sent goes to the head of the queue again: every call is safe to repeat. */
static void on_lost(void *ctx, struct call_queue *unanswered, bool was_ready, const char *why)
{
    struct lane *lane = ctx;
    struct cluster *cluster = lane->cluster;
    struct call_queue again = { .head = NULL };
    atomic_store(&lane->ready, false);
    lane->ending = false;
    if (lane->down_since_ms == 0)
        lane->down_since_ms = cluster->reactor->now_ms;
    for (struct call *call = call_queue_pop(unanswered); call != NULL; call = call_queue_pop(unanswered)) {
        if (call->about.kind == CALL_OF_TOPOLOGY)
            refresh_answered(cluster, lane->node, call, NULL);
        else if (call_is_abandoned(call))
            call_drop(call);
        else if (call->progress.asking)
            route_later(cluster, call);
        else
            call_queue_push(&again, call);
    }
    call_queue_prepend(&lane->waiting, &again);
    note_load(lane);
    tell_failure(lane, why);
    /* Each time, and not only when it was lost: a shard's new primary is often known only a while later. */
    if (was_ready || atomic_load(&lane->node->slots) > 0)
        refresh_want(cluster);
}

static const struct connection_events events = { on_ready, on_answered, on_lost };

/* ---- */

void lane_init(struct lane *lane, struct cluster *cluster, struct node *node)
{
    lane->cluster = cluster;
    lane->node = node;
    connection_init(&lane->connection, &cluster->env, &node->peer, &events, lane);
}

static void end_calls(struct call_queue *calls)
{
    for (struct call *call = call_queue_pop(calls); call != NULL; call = call_queue_pop(calls))
        route_fail(call, STATUS_NOT_READY);
}

void lane_clean_up(struct lane *lane)
{
    end_calls(&lane->connection.sent);
    end_calls(&lane->waiting);
    connection_clean_up(&lane->connection);
}

void lane_open(struct lane *lane)
{
    if (lane->connection.state != CONNECTION_IDLE)
        return;
    if (lane->down_since_ms == 0)
        lane->down_since_ms = lane->cluster->reactor->now_ms;
    connection_open(&lane->connection);
}

static bool fails_at_once(const struct lane *lane, const struct call *call)
{
    const struct cluster *cluster = lane->cluster;
    if (call->about.kind != CALL_OF_USER)
        return false;
    return call->progress.tries == 0 && !lane_is_ready(lane) && lane->connection.attempt.failures > 0 &&
           lane->down_since_ms != 0 && cluster->reactor->now_ms - lane->down_since_ms > DOWN_FAILS_AT_ONCE_MS;
}

void lane_submit(struct lane *lane, struct call *call)
{
    if (fails_at_once(lane, call)) {
        if (!lane_is_ready(lane))
            refresh_want(lane->cluster);
        route_fail(call, STATUS_UNAVAILABLE);
        return;
    }
    if (call->progress.counts)
        call_take_place(call, &lane->node->places);
    lane->node->used_ms = lane->cluster->reactor->now_ms;
    atomic_store_explicit(&call->shard, lane->node->shard, memory_order_relaxed);
    call_queue_push(&lane->waiting, call);
    mark_dirty(lane);
    lane_open(lane);
}

void lane_resubmit(struct lane *lane, struct call *call)
{
    call_queue_push_front(&lane->waiting, call);
    mark_dirty(lane);
}

/* Whoever waits for it may run on this thread, and had its turn before this. */
static void fail_unsent(struct lane *lane, struct call *call, enum status status)
{
    struct reactor *reactor = lane->cluster->reactor;
    route_fail(call, status);
    reactor_alarm(reactor, reactor->now_ms);
}

static void send_one(struct lane *lane, struct call *call)
{
    if (call->about.kind == CALL_OF_USER && call->progress.deadline_ms <= lane->cluster->reactor->now_ms)
        fail_unsent(lane, call, STATUS_UNAVAILABLE);
    else if (!call_mark_sent(call))
        call_drop(call);
    else if (!connection_send(&lane->connection, call)) {
        call_unmark_sent(call);
        if (call->about.kind == CALL_OF_TOPOLOGY)
            refresh_answered(lane->cluster, lane->node, call, NULL); /* which must not go on waiting for it */
        else
            fail_unsent(lane, call, STATUS_INTERNAL);
    }
}

/* Everything that waits becomes one write, as long as the socket takes it. */
void lane_send(struct lane *lane)
{
    lane->dirty = false;
    if (lane->ending) {
        if (lane->connection.sent.head == NULL)
            connection_fail(&lane->connection, BECAME_REPLICA);
        return;
    }
    while (lane->waiting.head != NULL && connection_takes(&lane->connection)) {
        while (lane->waiting.head != NULL && connection_takes(&lane->connection))
            send_one(lane, call_queue_pop(&lane->waiting));
        connection_flush(&lane->connection);
    }
    note_load(lane);
}

void lane_tick(struct lane *lane)
{
    bool unused = atomic_load(&lane->node->slots) == 0 && lane->waiting.head == NULL;
    if (lane->connection.state == CONNECTION_BACKOFF && unused) {
        connection_close(&lane->connection);
        lane->down_since_ms = 0;
    }
    connection_tick(&lane->connection);
    if (lane->waiting.head != NULL)
        mark_dirty(lane);
}

bool lane_is_idle(const struct lane *lane)
{
    return lane->waiting.head == NULL && lane->connection.sent.head == NULL;
}
