/* client: a client's connection, and what the HTTP library tells of it.
 *
 * The public listener's callbacks run on one thread, the loop's, and each request on a fiber of it (core/fiber.h): while one
 * waits for the database, others go on. The admin listener has a thread a connection, and no fibers. */
#ifndef CUSTOMERD_API_CLIENT_H
#define CUSTOMERD_API_CLIENT_H

#include <microhttpd.h>

#include "customerd/api/app.h"
#include "customerd/api/connections.h"
#include "customerd/api/request.h"

struct client;
struct fiber_loop;
struct route;

/* So many runs of the library may be wanted at a time. */
#define LIBRARY_RUNS_AHEAD 2

/* What is known on the loop's thread alone. */
struct client_loop {
    struct fiber_loop *fibers;
    size_t ran;    /* requests that have run, and that the library may answer, since the server last looked */
    /* Runs of the library: how many there were, and how many clients want others up to which one (client.c, want_runs). */
    uint64_t run;
    size_t wanted[LIBRARY_RUNS_AHEAD + 1];
    size_t answers; /* that are on their way */
    size_t begun; /* requests that were begun in the last one */
    bool ended;   /* some were over in it */
    bool stopping; /* no request is begun any more */
    size_t long_bodies_bytes; /* that requests hold, or will, of bodies longer than is usual */
    size_t long_answers_bytes; /* that answers hold which are not read yet */
};

/* What the clients of one listener share; outlives the listener. */
struct client_context {
    struct app *app;
    const struct route *const *routes;
    struct connections *connections;
    struct tls_listener *tls;  /* NULL: plain HTTP */
    size_t connections_max;    /* those beyond are closed at once */
    bool public;               /* callers' listener: its requests are counted and limited, the operator's are not */
    struct client_loop *loop;  /* NULL: a thread a connection */
};

/* Callbacks of the HTTP library, in the order of a request's way. Their first argument is the struct client_context. */
void client_on_connection(void *context, struct MHD_Connection *http, void **slot,
                          enum MHD_ConnectionNotificationCode code);
void *client_on_request_line(void *context, const char *uri, struct MHD_Connection *http);
enum MHD_Result client_on_call(void *context, struct MHD_Connection *http, const char *url, const char *method,
                               const char *version, const char *upload, size_t *upload_len, void **slot);
void client_on_completed(void *context, struct MHD_Connection *http, void **slot, enum MHD_RequestTerminationCode code);

/* For connections_options: the answer to a client whose request does not arrive. */
void client_say_timeout(void *context, struct connection *connection);

/* ---- for its task ---- */

void client_peer(const struct client *client, uint8_t peer[PEER_BYTES]);
/* The task has run, and the library is to ask for its answer, or for the next piece of it. */
void client_task_ran(struct client *client);
/* There is no piece yet: the library asks no more until the task has run. */
void client_pause(struct client *client);
/* A piece is on its way: there may be another at once. */
void client_sends(struct client *client);
/* The request's body may take so much longer to arrive. */
void client_allow(struct client *client, int64_t extra_ms);

#endif
