#include "inner.h"

#include <stdlib.h>

static int by_lowest_slot(const void *a, const void *b)
{
    const struct node *const *left = a, *const *right = b;
    return (int)(*left)->lowest_slot - (int)(*right)->lowest_slot;
}

static size_t count_slots(struct cluster *cluster)
{
    size_t n = 0;
    for (struct node *node = cluster->nodes; node != NULL; node = node->next)
        atomic_store(&node->slots, 0);
    for (size_t slot = 0; slot < CLUSTER_SLOTS; slot++) {
        struct node *node = cluster->map.owner[slot];
        if (node != NULL && atomic_fetch_add_explicit(&node->slots, 1, memory_order_relaxed) == 0) {
            node->lowest_slot = (uint16_t)slot;
            n++;
        }
    }
    return n;
}

/* The nodes that own slots, by their lowest; returns their number. */
static size_t list_owners(struct cluster *cluster, struct node **shards)
{
    size_t n = 0;
    for (struct node *node = cluster->nodes; node != NULL; node = node->next) {
        node->shard = CALL_SHARD_UNKNOWN;
        if (atomic_load(&node->slots) > 0)
            shards[n++] = node;
    }
    qsort(shards, n, sizeof *shards, by_lowest_slot);
    for (size_t i = 0; i < n; i++)
        shards[i]->shard = (unsigned)i;
    return n;
}

/* Shows the owners to other threads as an ordered list. When memory is out the list is empty: the old one may name
 * nodes that are about to be freed. */
static void publish(struct cluster *cluster)
{
    struct published *published = &cluster->published;
    pthread_mutex_lock(&published->lock);
    size_t n = count_slots(cluster);
    struct node **shards = n == 0 ? NULL : calloc(n, sizeof *shards);
    struct node **before = published->shards;
    published->shards = shards;
    published->n_shards = shards == NULL ? 0 : list_owners(cluster, shards);
    published->known = cluster->map.known;
    published->cluster_mode = cluster->map.cluster_mode;
    pthread_mutex_unlock(&published->lock);
    free(before);
}

/* Opens what is new, and takes back what waits where it would wait in vain. */
static void settle(struct cluster *cluster)
{
    struct call_queue stranded = { .head = NULL };
    publish(cluster);
    for (struct node *node = cluster->nodes; node != NULL; node = node->next) {
        bool serves = atomic_load(&node->slots) > 0;
        for (size_t i = 0; i < LANES; i++) {
            struct lane *lane = &node->lanes[i];
            if (serves)
                lane_open(lane);
            if (serves && lane_is_ready(lane))
                continue;
            call_queue_prepend(&stranded, &lane->waiting);
        }
    }
    route_calls(cluster, &stranded);
    route_kick(cluster);
}

static bool read_owners(struct cluster *cluster, const struct reply *reply, const struct node *asked,
                        struct node **owner)
{
    struct topology_range range;
    size_t n = topology_count(reply);
    for (size_t i = 0; i < n; i++) {
        if (!topology_range(reply, i, asked->peer.host, &range))
            return false;
    }
    for (size_t i = 0; i < n; i++) {
        struct node *node = NULL;
        if (topology_range(reply, i, asked->peer.host, &range))
            node = node_get(cluster, range.host, range.port, range.tls_name);
        if (node == NULL)
            return false;
        for (size_t slot = range.first; slot <= range.last; slot++)
            owner[slot] = node;
    }
    return n > 0;
}

static void learnt(struct cluster *cluster, bool cluster_mode, bool changed)
{
    cluster->map.known = true;
    cluster->map.cluster_mode = cluster_mode;
    pthread_mutex_lock(&cluster->published.lock);
    cluster->published.learnt_ms = cluster->reactor->now_ms;
    pthread_mutex_unlock(&cluster->published.lock);
    settle(cluster);
    if (changed)
        LOG(cluster->options.log, LOG_INFO, "database_topology", LOG_BOOL("cluster_mode", cluster_mode),
            LOG_INT("shards", (int64_t)cluster->published.n_shards));
}

bool map_apply(struct cluster *cluster, const struct reply *reply, const struct node *asked)
{
    struct map *map = &cluster->map;
    struct node **owner = calloc(CLUSTER_SLOTS, sizeof *owner);
    bool ok = owner != NULL && read_owners(cluster, reply, asked, owner);
    if (ok) {
        bool changed = !map->known || memcmp(map->owner, owner, sizeof map->owner) != 0;
        memcpy(map->owner, owner, sizeof map->owner);
        learnt(cluster, true, changed);
    }
    free(owner);
    return ok;
}

void map_apply_standalone(struct cluster *cluster, struct node *node)
{
    struct map *map = &cluster->map;
    bool changed = !map->known || map->owner[0] != node;
    for (size_t slot = 0; slot < CLUSTER_SLOTS; slot++)
        map->owner[slot] = node;
    learnt(cluster, false, changed);
}

void map_move(struct cluster *cluster, uint16_t slot, struct node *to)
{
    struct node *from = cluster->map.owner[slot];
    if (from == to)
        return;
    cluster->map.owner[slot] = to;
    bool first = atomic_fetch_add(&to->slots, 1) == 0;
    bool last = from != NULL && atomic_fetch_sub(&from->slots, 1) == 1;
    /* The list of shards changes only when one comes or goes. */
    if (first || last)
        settle(cluster);
}
