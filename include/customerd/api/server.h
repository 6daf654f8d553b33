/* server: one listener: its socket, its connections and their threads. */
#ifndef CUSTOMERD_API_SERVER_H
#define CUSTOMERD_API_SERVER_H

#include "customerd/api/app.h"
#include "customerd/core/attributes.h"
#include "customerd/core/status.h"

struct route;
struct server;

struct server_options {
    struct app *app;
    const char *setting;                /* the setting's name, for messages */
    struct host_port listen;            /* port 0 takes a free one */
    const struct route *const *routes;  /* NULL-terminated tables */
    size_t connections_max;
};

/* Serves until it is drained or destroyed. NULL and err when it can't listen. */
struct server *server_new(const struct server_options *options, struct error *err);
/* The port that it listens on. */
uint16_t server_port(const struct server *s);
/* Stops accepting, closes idle connections; answers say Connection: close. Does not wait. */
void server_drain(struct server *s);
/* After server_drain: waits until all connections are closed, or until the deadline (monotonic). How many are left. */
size_t server_wait_drained(struct server *s, int64_t deadline_ms);
/* Cuts what is left, joins all threads. Accepts NULL. */
void server_destroy(struct server *s);

/* A listening socket for the address; *port gets the real port. -1 and err (naming the setting) when it can't be had. */
int server_listen(const char *setting, const struct host_port *address, uint16_t *port, struct error *err) MUST_USE;

#endif
