#include "inner.h"

#define PAUSE_MIN_MS 150 /* between two questions, however many redirects ask for one */
#define PAUSE_MAX_MS 250
#define FAILURE_PAUSE_MAX_MS 2000
#define READY_NODE_TIMEOUT_MS 1000 /* a node that hangs is not waited for as long as a connection may take */
#define SEED_EVERY 3

void refresh_want(struct cluster *cluster)
{
    cluster->refresh.wanted = true;
    reactor_alarm(cluster->reactor, cluster->refresh.not_before_ms);
}

static void again_at_once(struct cluster *cluster, int64_t pause_ms)
{
    cluster->refresh.wanted = true;
    cluster->refresh.not_before_ms = cluster->reactor->now_ms + pause_ms;
    reactor_alarm(cluster->reactor, cluster->refresh.not_before_ms);
}

static void failed(struct cluster *cluster)
{
    struct refresh *refresh = &cluster->refresh;
    if (refresh->failing_since_ms == 0)
        refresh->failing_since_ms = cluster->reactor->now_ms;
    int64_t pause = PAUSE_MIN_MS + jitter_backoff_ms(&cluster->jitter, refresh->failures, PAUSE_MIN_MS,
                                                     FAILURE_PAUSE_MAX_MS);
    refresh->failures++;
    again_at_once(cluster, pause);
}

static void succeeded(struct cluster *cluster)
{
    struct refresh *refresh = &cluster->refresh;
    int64_t now = cluster->reactor->now_ms, period_ms = cluster->options.db.topology_refresh_s * 1000;
    refresh->failures = 0;
    refresh->failing_since_ms = 0;
    refresh->not_before_ms = now + jitter_between(&cluster->jitter, PAUSE_MIN_MS, PAUSE_MAX_MS);
    refresh->periodic_ms = now + jitter_between(&cluster->jitter, period_ms * 3 / 4, period_ms * 5 / 4);
}

/* The lane to ask a node through; NULL when it is not to be asked. A node that owns nothing is on its way out. */
static struct lane *ready_lane_of(struct node *node)
{
    if (atomic_load(&node->slots) == 0)
        return NULL;
    if (lane_is_ready(&node->lanes[CALL_READ]))
        return &node->lanes[CALL_READ];
    return lane_is_ready(&node->lanes[CALL_WRITE]) ? &node->lanes[CALL_WRITE] : NULL;
}

/* The next lane in turn that is ready; NULL when none is, and every few failures, to hear another opinion. */
static struct lane *ready_lane(struct cluster *cluster)
{
    struct refresh *refresh = &cluster->refresh;
    size_t n = 0;
    if (refresh->failures % SEED_EVERY == SEED_EVERY - 1)
        return NULL;
    for (struct node *node = cluster->nodes; node != NULL; node = node->next)
        n += ready_lane_of(node) != NULL;
    if (n == 0)
        return NULL;
    size_t skip = refresh->turn++ % n;
    for (struct node *node = cluster->nodes; node != NULL; node = node->next) {
        struct lane *lane = ready_lane_of(node);
        if (lane != NULL && skip-- == 0)
            return lane;
    }
    return NULL;
}

static void ask(struct cluster *cluster)
{
    static const struct slice words[] = { SLICE("CLUSTER"), SLICE("SLOTS") };
    struct refresh *refresh = &cluster->refresh;
    struct lane *lane = ready_lane(cluster);
    int64_t timeout_ms = lane == NULL ? cluster->options.db.connect_timeout_ms : READY_NODE_TIMEOUT_MS;
    if (lane == NULL) {
        struct node *seed = node_seed(cluster);
        lane = seed == NULL ? NULL : &seed->lanes[CALL_READ];
    }
    struct call *call = lane == NULL ? NULL : call_new_internal(CALL_OF_TOPOLOGY, words, 2);
    if (call == NULL) {
        failed(cluster);
        return;
    }
    refresh->wanted = false;
    refresh->question = call;
    refresh->deadline_ms = cluster->reactor->now_ms + timeout_ms;
    call->progress.submitted_ms = cluster->reactor->now_ms;
    call->progress.deadline_ms = refresh->deadline_ms;
    reactor_alarm(cluster->reactor, refresh->deadline_ms);
    lane_submit(lane, call);
}

void refresh_tick(struct cluster *cluster)
{
    struct refresh *refresh = &cluster->refresh;
    int64_t now = cluster->reactor->now_ms;
    if (refresh->question != NULL && now >= refresh->deadline_ms) {
        call_abandon(refresh->question); /* its queue drops it */
        refresh->question = NULL;
        failed(cluster);
    }
    if (refresh->question == NULL && now >= refresh->not_before_ms && (refresh->wanted || now >= refresh->periodic_ms))
        ask(cluster);
    if (refresh->question != NULL)
        reactor_alarm(cluster->reactor, refresh->deadline_ms);
    else
        reactor_alarm(cluster->reactor, refresh->wanted ? refresh->not_before_ms : refresh->periodic_ms);
}

static bool apply(struct cluster *cluster, struct node *node, const struct reply *reply)
{
    if (topology_is_standalone(reply)) {
        if (cluster->map.known && cluster->map.cluster_mode)
            return false;
        map_apply_standalone(cluster, node);
        return true;
    }
    return map_apply(cluster, reply, node);
}

void refresh_answered(struct cluster *cluster, struct node *node, struct call *call, const struct reply *reply)
{
    bool expected = call == cluster->refresh.question;
    call_drop(call);
    if (!expected)
        return;
    cluster->refresh.question = NULL;
    if (reply != NULL && apply(cluster, node, reply))
        succeeded(cluster);
    else
        failed(cluster);
}
