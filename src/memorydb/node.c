#include "inner.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#define NODES_MAX 1024 /* twice the shards that any of these clusters can have */
#define IDLE_MS 5000

static bool is_address(const char *host)
{
    unsigned char scratch[16];
    return inet_pton(AF_INET, host, scratch) == 1 || inet_pton(AF_INET6, host, scratch) == 1;
}

/* The certificate is for the name that was dialled. Of a node that is known by its IP alone, it is for the name that
 * the operator configured, if he gave one. */
static const char *name_to_verify(const struct cluster *cluster, const char *host, const char *tls_name)
{
    if (tls_name[0] != '\0')
        return tls_name;
    return is_address(host) && !is_address(cluster->options.db.endpoint.host) ? cluster->options.db.endpoint.host : host;
}

/* A session was verified for one name; another name needs another handshake. */
static void set_name(struct node *node, const char *name)
{
    if (strcmp(node->peer.tls_name, name) == 0)
        return;
    tls_session_clean_up(&node->peer.tls_session);
    snprintf(node->peer.tls_name, sizeof node->peer.tls_name, "%s", name);
}

static struct node *create(struct cluster *cluster, const char *host, uint16_t port)
{
    struct node *node = calloc(1, sizeof *node);
    if (node == NULL)
        return NULL;
    snprintf(node->peer.host, sizeof node->peer.host, "%s", host);
    node->peer.port = port;
    node->used_ms = cluster->reactor->now_ms;
    node->shard = CALL_SHARD_UNKNOWN;
    for (size_t i = 0; i < LANES; i++)
        lane_init(&node->lanes[i], cluster, node);
    node->next = cluster->nodes;
    cluster->nodes = node;
    return node;
}

struct node *node_get(struct cluster *cluster, const char *host, uint16_t port, const char *tls_name)
{
    size_t count = 0;
    struct node *node = cluster->nodes;
    for (; node != NULL; node = node->next, count++) {
        if (node->peer.port == port && strcasecmp(node->peer.host, host) == 0)
            break;
    }
    bool known = node != NULL;
    if (!known && count < NODES_MAX)
        node = create(cluster, host, port);
    /* A redirect doesn't repeat the name that a topology gave. */
    if (node != NULL && (!known || tls_name[0] != '\0'))
        set_name(node, name_to_verify(cluster, host, tls_name));
    return node;
}

struct node *node_seed(struct cluster *cluster)
{
    return node_get(cluster, cluster->options.db.endpoint.host, cluster->options.db.endpoint.port, "");
}

static void destroy(struct node *node)
{
    for (size_t i = 0; i < LANES; i++)
        lane_clean_up(&node->lanes[i]);
    tls_session_clean_up(&node->peer.tls_session);
    free(node);
}

static bool is_left(const struct cluster *cluster, const struct node *node)
{
    return atomic_load(&node->slots) == 0 && atomic_load(&node->places.taken) == 0 && cluster->reactor->now_ms - node->used_ms > IDLE_MS &&
           lane_is_idle(&node->lanes[CALL_READ]) && lane_is_idle(&node->lanes[CALL_WRITE]) &&
           !node->lanes[CALL_READ].dirty && !node->lanes[CALL_WRITE].dirty;
}

void node_sweep(struct cluster *cluster)
{
    struct node **at = &cluster->nodes;
    while (*at != NULL) {
        struct node *node = *at;
        if (!is_left(cluster, node)) {
            at = &node->next;
            continue;
        }
        *at = node->next;
        destroy(node);
    }
}

void node_destroy_all(struct cluster *cluster)
{
    while (cluster->nodes != NULL) {
        struct node *node = cluster->nodes;
        cluster->nodes = node->next;
        destroy(node);
    }
}
