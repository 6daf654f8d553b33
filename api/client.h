/* client: a client's connection and its requests' stations, from the request line to the log line.
 *
 * All but client_on_connection run in the connection's own thread. */
#ifndef CUSTOMERD_API_CLIENT_H
#define CUSTOMERD_API_CLIENT_H

#include <ulfius.h>

#include "customerd/api/app.h"
#include "customerd/api/connections.h"

struct route;

/* What the stations of one listener share; outlives the listener's threads. */
struct client_context {
    struct app *app;
    const struct route *const *routes;
    struct connections *connections;
    struct tls_listener *tls; /* NULL: plain HTTP */
    bool public;              /* callers' listener: its requests are counted and limited, the operator's are not */
};

/* Callbacks of the HTTP library and of the framework, in the order of a request's way. Their first or last argument of
 * type void * is the struct client_context. */
void client_on_connection(void *context, struct MHD_Connection *http, void **slot,
                          enum MHD_ConnectionNotificationCode code);
void *client_on_request_line(void *context, const char *uri, struct MHD_Connection *http);
int client_on_request(const struct _u_request *request, struct _u_response *response, void *context);
void client_on_completed(void *context, struct MHD_Connection *http, void **slot, enum MHD_RequestTerminationCode code);

/* For connections_options: the answer to a client whose request does not arrive. */
void client_say_timeout(void *context, struct connection *connection);

#endif
