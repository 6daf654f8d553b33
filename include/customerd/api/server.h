/* server: one listener: its socket, its connections, and what they run on. */
#ifndef CUSTOMERD_API_SERVER_H
#define CUSTOMERD_API_SERVER_H

#include "customerd/api/app.h"
#include "customerd/core/attributes.h"
#include "customerd/core/status.h"

/* So many may watch the service at once. */
#define ADMIN_CONNECTIONS_MAX 64

struct route;
struct server;
struct tls_listener;

struct server_options {
    struct app *app;
    int listen_fd;                      /* listening, non-blocking; the server closes it, also when it can't start */
    uint16_t port;                      /* of listen_fd */
    const struct route *const *routes;  /* NULL-terminated tables */
    size_t connections_max;
    size_t connections_per_address_max; /* 0: no bound of its own */
    struct tls_listener *tls;           /* NULL: plain HTTP */
    bool public;                        /* callers' listener: requests are counted, limited and shed */
    struct io_thread *io;               /* the thread that the listener runs on; NULL: a thread a connection */
};

/* Serves until it is drained or destroyed. NULL and err when it can't start. */
struct server *server_new(const struct server_options *options, struct error *err);
/* Stops accepting, closes idle connections; answers say Connection: close. Does not wait. */
void server_drain(struct server *s);
/* After server_drain: waits until all connections are closed, or until the deadline (monotonic). How many are left. */
size_t server_wait_drained(struct server *s, int64_t deadline_ms);
/* Cuts what is left, and waits until no request runs. Accepts NULL. */
void server_stop(struct server *s);
/* After server_stop, and after the threads that answer requests from elsewhere have ended: one may still be at waking a fiber that
 * had no need of it any more. Accepts NULL. */
void server_destroy(struct server *s);

/* A listening socket for the address (port 0 takes a free one); *port gets the real port. -1 and err, which names the
 * setting, when it can't be had. */
int server_listen(const char *setting, const struct host_port *address, uint16_t *port, struct error *err) MUST_USE;

#endif
