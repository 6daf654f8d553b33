#include "inner.h"

#include <stdlib.h>

#define RETRY_BASE_MS 10
#define RETRY_MAX_MS 200
#define REDIRECTS_AT_ONCE 4 /* nodes that send a call in circles get no more than this without a pause */
#define UNKNOWN_FAILS_AT_ONCE_MS 1000
#define UNROUTED_LOOK_MS 1000

static unsigned flags_of(const struct call *call)
{
    return atomic_load(&call->flags);
}

void route_fail(struct call *call, enum status status)
{
    bool in_doubt = (flags_of(call) & (CALL_SENT | CALL_IN_DOUBT)) != 0 && call->about.lane == CALL_WRITE;
    call_finish_take(call, in_doubt ? STATUS_OUTCOME_UNKNOWN : status, NULL);
}

/* ---- where to ---- */

/* Nothing is known of the cluster, and it has been tried for a while. */
static bool is_unreachable(const struct cluster *cluster)
{
    int64_t since = cluster->refresh.failing_since_ms;
    return since != 0 && cluster->reactor->now_ms - since > UNKNOWN_FAILS_AT_ONCE_MS;
}

static void wait_for_topology(struct cluster *cluster, struct call *call)
{
    refresh_want(cluster);
    if (call->progress.tries == 0 && is_unreachable(cluster)) {
        route_fail(call, STATUS_UNAVAILABLE);
        return;
    }
    if (call->progress.counts)
        call_take_place(call, &cluster->nowhere);
    if (cluster->map.known) {
        call->progress.tries++;
        route_later(cluster, call);
        return;
    }
    call->progress.unrouted = true;
    call->progress.due_ms = cluster->reactor->now_ms + UNROUTED_LOOK_MS;
    call_queue_push(&cluster->retries, call);
}

static struct node *find_node(struct cluster *cluster, const struct call *call)
{
    if (call->about.target == CALL_TO_SLOT)
        return cluster->map.owner[call->about.slot % CLUSTER_SLOTS];
    /* The I/O thread alone writes the list, so it may read it without the lock. */
    if (call->about.shard < cluster->published.n_shards)
        return cluster->published.shards[call->about.shard];
    return NULL;
}

void route_call(struct cluster *cluster, struct call *call)
{
    call->progress.asking = false;
    call->progress.unrouted = false;
    if (call_is_abandoned(call)) {
        call_drop(call);
        return;
    }
    struct node *node = find_node(cluster, call);
    if (call->about.kind == CALL_OF_TOPOLOGY)
        refresh_answered(cluster, NULL, call, NULL);
    else if (node == NULL)
        wait_for_topology(cluster, call);
    else
        lane_submit(&node->lanes[call->about.lane], call);
}

void route_calls(struct cluster *cluster, struct call_queue *calls)
{
    for (struct call *call = call_queue_pop(calls); call != NULL; call = call_queue_pop(calls))
        route_call(cluster, call);
}

/* ---- letting in ---- */

/* One shard alone has no others whose requests it could hold up. */
static size_t places_max(const struct cluster *cluster)
{
    size_t max = (size_t)cluster->options.db.queue_max;
    return cluster->published.n_shards == 1 ? 2 * max : max;
}

/* Whether there is room for it wherever it goes. Once it is in, its calls pass, also where they are sent on to: what has been
 * executed must not be thrown away. */
static bool has_room(struct cluster *cluster, const struct call *run)
{
    for (const struct call *call = run; call != NULL && call->leader == run->leader; call = call->next) {
        const struct node *node = find_node(cluster, call);
        const struct places *places = node == NULL ? &cluster->nowhere : &node->places;
        if (atomic_load_explicit(&places->taken, memory_order_relaxed) >= places_max(cluster))
            return false;
    }
    return true;
}

void route_runs(struct cluster *cluster, struct call_queue *calls)
{
    const struct call *leader = NULL;
    bool counts = false, enters = false;
    while (calls->head != NULL) {
        if (calls->head->leader != leader) {
            leader = calls->head->leader;
            counts = !cluster->options.requests_are_fibers || call_is_of_fiber(leader);
            enters = !counts || has_room(cluster, calls->head);
        }
        struct call *call = call_queue_pop(calls);
        call->progress.counts = counts;
        if (enters)
            route_call(cluster, call);
        else
            route_fail(call, STATUS_UNAVAILABLE);
    }
}

/* ---- later ---- */

void route_later(struct cluster *cluster, struct call *call)
{
    int64_t ceiling = RETRY_BASE_MS;
    for (unsigned i = 1; i < call->progress.tries && ceiling < RETRY_MAX_MS; i++)
        ceiling *= 2;
    if (ceiling > RETRY_MAX_MS)
        ceiling = RETRY_MAX_MS;
    call->progress.due_ms = cluster->reactor->now_ms + jitter_between(&cluster->jitter, ceiling / 2, ceiling);
    call_queue_push(&cluster->retries, call);
    reactor_alarm(cluster->reactor, call->progress.due_ms);
}

void route_tick(struct cluster *cluster)
{
    struct call_queue all = cluster->retries;
    cluster->retries = (struct call_queue){ .head = NULL };
    for (struct call *call = call_queue_pop(&all); call != NULL; call = call_queue_pop(&all)) {
        if (cluster->reactor->now_ms >= call->progress.due_ms || call_is_abandoned(call)) {
            route_call(cluster, call);
            continue;
        }
        call_queue_push(&cluster->retries, call);
        reactor_alarm(cluster->reactor, call->progress.due_ms);
    }
}

void route_kick(struct cluster *cluster)
{
    struct call_queue all = cluster->retries;
    cluster->retries = (struct call_queue){ .head = NULL };
    for (struct call *call = call_queue_pop(&all); call != NULL; call = call_queue_pop(&all)) {
        if (call->progress.unrouted)
            route_call(cluster, call);
        else
            call_queue_push(&cluster->retries, call);
    }
}

/* ---- what an error reply asks for ---- */

static void log_refusal(struct cluster *cluster, const struct call *call, struct slice text)
{
    int64_t held_back = 0;
    const char *script = call->about.script == NULL ? "" : call->about.script->name;
    if (log_gate_open(cluster, &cluster->gates.error, &held_back))
        LOG(cluster->options.log, LOG_ERROR, "database_refused", LOG_STR("error", verdict_word(text)),
            LOG_CSTR("script", script), LOG_INT("held_back", held_back));
}

static void redirect(struct lane *lane, struct call *call, struct slice text, bool moved)
{
    struct cluster *cluster = lane->cluster;
    struct verdict_redirect to;
    char host[HOST_SIZE];
    struct node *node = NULL;
    atomic_fetch_add_explicit(&cluster->published.redirects, 1, memory_order_relaxed);
    if (verdict_redirect(text, &to)) {
        struct slice named = to.host.len == 0 ? slice_cstr(lane->node->peer.host) : to.host;
        if (topology_host(named, host))
            node = node_get(cluster, host, to.port, "");
    }
    if (moved || node == NULL)
        refresh_want(cluster);
    if (moved && node != NULL)
        map_move(cluster, to.slot, node);
    if (node == NULL || ++call->progress.redirects > REDIRECTS_AT_ONCE) {
        route_later(cluster, call);
    } else if (moved) {
        route_call(cluster, call);
    } else {
        call->progress.asking = true;
        lane_submit(&node->lanes[call->about.lane], call);
    }
}

static void finish_refused(struct lane *lane, struct call *call, struct reply *reply)
{
    struct slice text = reply_text(reply);
    enum status status = verdict_status(text);
    if (call->about.script != NULL && !verdict_not_executed(text))
        call_mark_in_doubt(call);
    if (status == STATUS_UNAVAILABLE || status == STATUS_RECORD_DAMAGED)
        log_refusal(lane->cluster, call, text);
    call_finish_take(call, status, reply);
}

/* Returns whether the reply went with the call. */
static bool handle_refusal(struct lane *lane, struct call *call, struct reply *reply, enum verdict verdict)
{
    struct slice text = reply_text(reply);
    switch (verdict) {
    case VERDICT_MOVED:
    case VERDICT_ASK:
        redirect(lane, call, text, verdict == VERDICT_MOVED);
        return false;
    case VERDICT_LOST:
        refresh_want(lane->cluster);
        route_later(lane->cluster, call);
        return false;
    case VERDICT_AGAIN:
        route_later(lane->cluster, call);
        return false;
    case VERDICT_RECONNECT:
        lane_resubmit(lane, call);
        return false;
    case VERDICT_NO_SCRIPT:
        if (call->about.script == NULL || call->progress.with_source)
            break;
        call->progress.with_source = true;
        lane_resubmit(lane, call);
        return false;
    default:
        break;
    }
    finish_refused(lane, call, reply);
    return true;
}

/* Without a cluster nobody tells where the new primary is. A name or a proxy leads there, but only a new connection. */
static void note_demotion(struct lane *lane, enum verdict verdict)
{
    const struct map *map = &lane->cluster->map;
    if (verdict == VERDICT_LOST && map->known && !map->cluster_mode)
        lane->node->demoted = lane->ending = true;
}

static void note_success(struct lane *lane)
{
    if (!lane->ending && lane == &lane->node->lanes[CALL_WRITE])
        lane->node->demoted = false;
}

static enum answer_action next_action(const struct lane *lane, enum verdict verdict, enum call_kind kind)
{
    if (verdict == VERDICT_RECONNECT)
        return ANSWER_DISCONNECT;
    /* A replica tells its topology, too. */
    return lane->ending || (lane->node->demoted && kind == CALL_OF_TOPOLOGY) ? ANSWER_REFUSED : ANSWER_NEXT;
}

enum answer_action route_answered(struct lane *lane, struct call *call, struct reply *reply)
{
    bool refused = reply_type(reply) == REPLY_ERROR;
    enum verdict verdict = refused ? verdict_of(reply_text(reply)) : VERDICT_FINAL;
    enum call_kind kind = call->about.kind;
    bool taken = false;
    note_demotion(lane, verdict);
    if (kind == CALL_OF_TOPOLOGY) {
        refresh_answered(lane->cluster, lane->node, call, reply);
    } else if (call_is_abandoned(call)) {
        call_drop(call);
    } else if (!refused) {
        note_success(lane);
        call_finish_take(call, STATUS_OK, reply);
        taken = true;
    } else {
        call_unmark_sent(call);
        taken = handle_refusal(lane, call, reply, verdict);
    }
    if (!taken)
        reply_free(reply);
    return next_action(lane, verdict, kind);
}
