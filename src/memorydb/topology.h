/* topology: what CLUSTER SLOTS says, one range at a time, with nothing believed.
 *
 * Only each range's first node, the primary, is read. Its address is the preferred endpoint: a name, an IP, or empty or
 * nil, which means the host that was asked. An IP may come with a host name in its metadata, which the certificate is
 * then checked for.
 *
 * https://redis.io/docs/latest/commands/cluster-slots/ */
#ifndef CUSTOMERD_MEMORYDB_TOPOLOGY_H
#define CUSTOMERD_MEMORYDB_TOPOLOGY_H

#include "customerd/core/attributes.h"
#include "customerd/memorydb/reply.h"

#define HOST_SIZE 256

struct topology_range {
    uint16_t first, last;
    char host[HOST_SIZE];     /* to dial */
    uint16_t port;
    char tls_name[HOST_SIZE]; /* "" when nothing better than the host is known */
};

/* How many ranges there are; 0 when the reply is no topology, or an empty or absurd one. */
size_t topology_count(const struct reply *reply);
/* The i-th range. False when it is malformed; then the whole reply is not to be believed. */
bool topology_range(const struct reply *reply, size_t i, const char *asked_host, struct topology_range *out) MUST_USE;
/* Whether the reply is a server's refusal because it runs without cluster mode. */
bool topology_is_standalone(const struct reply *reply);
/* Copies a host as the network names it; false when it is empty, too long or holds foreign bytes. */
bool topology_host(struct slice text, char out[HOST_SIZE]) MUST_USE;

#endif
