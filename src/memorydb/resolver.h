/* resolver: host names to addresses, on a thread of its own, since getaddrinfo blocks as long as it likes.
 *
 * Questions and answers belong to one other thread (the I/O thread), which is told by `notify` when there are answers. */
#ifndef CUSTOMERD_MEMORYDB_RESOLVER_H
#define CUSTOMERD_MEMORYDB_RESOLVER_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "customerd/core/status.h"

#define ADDRESSES_MAX 8

struct address {
    struct sockaddr_storage storage;
    socklen_t len;
};

struct addresses {
    struct address at[ADDRESSES_MAX];
    size_t count;
};

struct resolver;

/* One question. `owner` is the asker's; NULL once it was forgotten. */
struct question {
    struct question *next;
    void *owner;
    char host[256];
    uint16_t port;
    struct addresses answer; /* count is 0 when the name did not resolve */
};

struct resolver *resolver_new(void (*notify)(void *ctx), void *ctx);
/* Waits for a running look-up for a moment only; a longer one ends by itself, unheard. Accepts NULL. */
void resolver_destroy(struct resolver *r);
/* NULL when out of memory. The question belongs to the resolver until resolver_take hands it back. */
struct question *resolver_ask(struct resolver *r, const char *host, uint16_t port, void *owner);
/* An answered question, which the caller frees with free(); NULL when there is none. */
struct question *resolver_take(struct resolver *r);

/* An IPv4 or IPv6 literal needs no look-up. False when host is a name. */
bool resolver_literal(const char *host, uint16_t port, struct addresses *out);

#endif
