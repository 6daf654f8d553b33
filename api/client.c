#include "client.h"

#include "customerd/api/gate.h"
#include "customerd/api/http_metrics.h"
#include "customerd/api/problem.h"
#include "customerd/api/route.h"
#include "customerd/core/metrics.h"
#include "tls_listener.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

struct client {
    struct connection connection; /* the first member: the watchdog knows no other */
    struct tls_client tls;
    const struct client_context *context;
    struct MHD_Connection *http;
    struct connection_info_struct *framework; /* what the framework keeps of the running request */
    char *target; /* raw: the library takes escapes and parameters apart in place */
    const char *target_at; /* where the library keeps it, as long as the request runs */
    uint8_t peer[PEER_BYTES];
    struct admission admission; /* of the running request, when it was admitted before its body came */
    struct trace trace;
    struct http_measure measure; /* what will be counted and logged of it; http_status 0: not answered by the service */
    int64_t started_us;
    size_t bytes;
    bool linger;
    char request_id[REQUEST_ID_SIZE];
    atomic_bool named;             /* request_id holds the running request's, and is not changed before the next */
    char late_id[REQUEST_ID_SIZE]; /* the watchdog's, for a request that it cut before it had a name */
};

/* The callback of the framework is not told its connection, whose raw header fields the gate must see: the framework
 * joins repeated ones by commas. One thread serves a connection from its first to its last byte, so what the thread
 * noted at the request line is still true in the callback. */
static _Thread_local struct client *current_client;

static struct client *client_of(struct MHD_Connection *http)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(http, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

/* IPv4 is mapped into IPv6. Of IPv6 the network counts: whoever has one has 2^64 addresses in it. */
static void note_peer(struct MHD_Connection *http, uint8_t peer[PEER_BYTES])
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(http, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info == NULL || info->client_addr == NULL)
        return;
    if (info->client_addr->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)info->client_addr;
        peer[10] = peer[11] = 0xff;
        memcpy(peer + 12, &v4->sin_addr, 4);
    } else if (info->client_addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)info->client_addr;
        bool mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
        memcpy(peer, &v6->sin6_addr, mapped ? PEER_BYTES : PEER_BYTES / 2);
    }
}

/* The handshake is over: from here on the connection is idle, and not a request that trickles in. */
static void client_established(void *ctx)
{
    struct client *client = ctx;
    connection_restart_idle(client->context->connections, &client->connection);
}

void client_on_connection(void *context, struct MHD_Connection *http, void **slot,
                          enum MHD_ConnectionNotificationCode code)
{
    const struct client_context *shared = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        /* What the library tells is valid only until it is asked the next thing. */
        int fd = MHD_get_connection_info(http, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        struct client *client = calloc(1, sizeof *client);
        *slot = client;
        if (client != NULL)
            client->tls = (struct tls_client){ .established = client_established, .ctx = client };
        if (shared->tls != NULL)
            tls_listener_begin(shared->tls, http, client == NULL ? NULL : &client->tls);
        if (client == NULL)
            return;
        client->context = shared;
        note_peer(http, client->peer);
        if (shared->public)
            (void)atomic_fetch_add(&shared->app->connections, 1);
        connections_add(shared->connections, &client->connection, fd);
    } else if (*slot != NULL) {
        struct client *client = *slot;
        *slot = NULL;
        connections_remove(shared->connections, &client->connection, client->linger);
        if (shared->public)
            (void)atomic_fetch_sub(&shared->app->connections, 1);
        admission_clean_up(&client->admission);
        free(client->target);
        free(client);
    }
}

static void begin_request(struct client *client, struct MHD_Connection *http)
{
    client->http = http;
    client->framework = NULL;
    client->started_us = metrics_now_us();
    client->measure = (struct http_measure){ .method = "_OTHER", .route = "" };
    client->bytes = 0;
    client->request_id[0] = '\0';
    client->trace = (struct trace){ .trace_id = "" };
    admission_clean_up(&client->admission);
    client->admission = (struct admission){ .done = false };
}

/* At a NUL a target ends for us, not for others. libmicrohttpd 0.9.75 ends it by a NUL of its own, directly before the
 * version, which it has found to be there; its later versions refuse a NUL. */
static bool target_is_cut(const char *target)
{
    return MHD_VERSION < 0x01000000 && strncmp(target + strlen(target) + 1, "HTTP/", 5) != 0;
}

/* The library has no need of the query, but would keep each parameter in the connection's memory, and close the connection
 * without an answer where they don't fit. What it was handed is its own buffer, in which it is about to take the query
 * apart: it finds an empty one. */
static void hide_query(const char *target)
{
    char *mark = target == NULL ? NULL : strchr(target, '?');
    if (mark != NULL && mark[1] != '\0')
        mark[1] = '\0';
}

/* The framework gets a constant target: its own taking apart of the path isn't needed, and frees the response before it
 * goes on when it fails. NULL makes it refuse the request. */
void *client_on_request_line(void *context, const char *uri, struct MHD_Connection *http)
{
    const struct client_context *shared = context;
    struct client *client = client_of(http);
    current_client = client;
    if (client == NULL)
        return NULL;
    begin_request(client, http);
    client->target_at = uri;
    free(client->target);
    /* "GET" alone has none. The gate refuses an empty one. */
    client->target = strdup(uri == NULL || target_is_cut(uri) ? "" : uri);
    hide_query(uri);
    if (client->target == NULL || !connection_begin(shared->connections, &client->connection))
        return NULL;
    client->framework = ulfius_uri_logger(NULL, "/-");
    return client->framework;
}

/* The library ends names and values in its buffer, in the order of the wire. To a folded line (RFC 9112 section 5.2)
 * libmicrohttpd 0.9.75 appends the wrong string, the name: a Transfer-Encoding could hide that way. It shows in the
 * name's place: it is then a copy, behind its value. */
static bool is_displaced(const char *name, size_t name_len, const char *value)
{
    return value != NULL && (uintptr_t)value < (uintptr_t)name + name_len;
}

/* At a NUL the library ends a value without a word, and the rest of the line is lost between the value and the next
 * name: exactly CR and LF may stand there. Its later versions refuse a NUL and a lone LF, and may move values. */
static bool follows(const struct headers *h, const char *name)
{
    if (MHD_VERSION >= 0x01000000 || h->n == 0 || h->n != h->seen)
        return true;
    const struct slice last = h->items[h->n - 1].value;
    return (uintptr_t)name - ((uintptr_t)last.ptr + last.len) == sizeof "\r\n" - 1;
}

/* Behind the last field there is no name. To libmicrohttpd 0.9.75 a line whose first byte it has made or found NUL ends the
 * head, as an empty line does: a field without a name, for one. What follows would be the next request. It counts the head
 * from the method, which stands before the target. */
static bool last_is_cut(const struct client *client, const struct headers *h, size_t method_len)
{
    if (MHD_VERSION >= 0x01000000 || h->n == 0 || h->n != h->seen || client->target_at == NULL)
        return false;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(client->http, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    const char *method_end = client->target_at - 1;
    while (*method_end == ' ')
        method_end--;
    const struct slice last = h->items[h->n - 1].value;
    uintptr_t head = (uintptr_t)method_end - method_len;
    uintptr_t last_end = (uintptr_t)last.ptr + last.len;
    return info == NULL || head + info->header_size - last_end != sizeof "\r\n\r\n" - 1;
}

static enum MHD_Result add_header(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                  const char *value, size_t value_len)
{
    struct headers *headers = cls;
    (void)kind;
    headers->cut = headers->cut || !follows(headers, name);
    headers_add(headers, slice_of(name, name_len), slice_of(value == NULL ? "" : value, value_len));
    headers->folded = headers->folded || is_displaced(name, name_len, value);
    return MHD_YES;
}

static void begin_exchange(const struct client *client, const struct _u_request *from, struct exchange *x)
{
    struct app *app = client->context->app;
    struct request *out = &x->request;
    exchange_init(x, app);
    x->public = client->context->public;
    out->method = slice_cstr(from->http_verb);
    out->http_1_0 = from->http_protocol != NULL && strcmp(from->http_protocol, "HTTP/1.0") == 0;
    request_set_target(out, slice_cstr(client->target));
    (void)MHD_get_connection_values_n(client->http, MHD_HEADER_KIND, add_header, &out->headers);
    out->headers.cut = out->headers.cut || last_is_cut(client, &out->headers, out->method.len);
    out->body = slice_of(from->binary_body == NULL ? "" : from->binary_body, from->binary_body_length);
    out->body_cut = from->binary_body_length > (size_t)app->config->http.body_max_bytes;
    memcpy(out->peer, client->peer, sizeof out->peer);
    out->deadline_ms = clock_monotonic_ms(app->clock) + app->config->http.request_timeout_ms;
}

/* The request's name is chosen while its body may still be on the way, which it may stay. */
static void name_request(struct client *client, struct request *request)
{
    if (atomic_load(&client->named)) {
        memcpy(request->id, client->request_id, sizeof request->id);
        request->trace = client->trace;
        return;
    }
    request_identify(request);
    client->measure.method = route_method_label(request->method);
    client->trace = request->trace;
    memcpy(client->request_id, request->id, sizeof client->request_id);
    atomic_store(&client->named, true);
}

/* Finishes the exchange and notes what will be counted and logged. */
static void finish(struct client *client, struct exchange *x, enum status status, const struct error *err)
{
    exchange_finish(x, status, err);
    if (atomic_load(&x->app->draining))
        x->response.close = true;
    bool body_sent = !slice_is(x->request.method, "HEAD") && x->response.status != 304;
    client->measure.route = x->match.label == NULL ? "" : x->match.label;
    client->measure.http_status = x->response.status;
    client->measure.outcome = x->outcome;
    client->bytes = body_sent ? x->response.body.len : 0;
    client->linger = x->response.close;
}

/* More requests at once than the service was told to take are shed at once: a queue would only make all of them late. */
static enum status run(struct client *client, struct exchange *x, struct error *err)
{
    const struct client_context *shared = client->context;
    struct app *app = shared->app;
    if (shared->public)
        x->shed = http_metrics_begin(app->metrics) > app->config->http.max_requests;
    enum status status = exchange_admit(x, shared->routes, err);
    if (status == STATUS_OK)
        status = exchange_handle(x, err);
    finish(client, x, status, err);
    if (shared->public)
        http_metrics_end(app->metrics);
    return status;
}

/* The body's memory is handed over: both sides take it from malloc. */
static void write_response(struct response *from, struct _u_response *to)
{
    to->status = from->status;
    for (size_t i = 0; i < from->n_headers; i++)
        (void)u_map_put(to->map_header, from->headers[i].name, from->headers[i].value);
    if (from->content_type != NULL)
        (void)u_map_put(to->map_header, "Content-Type", from->content_type);
    if (from->close)
        (void)u_map_put(to->map_header, "Connection", "close");
    to->binary_body_length = from->body.len;
    to->binary_body = buf_steal(&from->body);
}

int client_on_request(const struct _u_request *request, struct _u_response *response, void *context)
{
    const struct client_context *shared = context;
    struct client *client = current_client;
    if (client == NULL || !connection_run(shared->connections, &client->connection))
        return U_CALLBACK_ERROR;
    struct exchange x;
    struct error err = { .code = STATUS_OK };
    begin_exchange(client, request, &x);
    name_request(client, &x.request);
    x.admission = client->admission; /* moves */
    client->admission = (struct admission){ .done = false };
    (void)!run(client, &x, &err);
    write_response(&x.response, response);
    exchange_clean_up(&x);
    return U_CALLBACK_COMPLETE;
}

/* ---- before the body ---- */

static void queue_response(struct client *client, struct response *from)
{
    size_t len = from->body.len;
    char *body = buf_steal(&from->body);
    struct MHD_Response *to =
        MHD_create_response_from_buffer(body == NULL ? 0 : len, body, body == NULL ? MHD_RESPMEM_PERSISTENT
                                                                                   : MHD_RESPMEM_MUST_FREE);
    if (to == NULL) {
        free(body);
        return;
    }
    for (size_t i = 0; i < from->n_headers; i++)
        (void)MHD_add_response_header(to, from->headers[i].name, from->headers[i].value);
    if (from->content_type != NULL)
        (void)MHD_add_response_header(to, "Content-Type", from->content_type);
    (void)MHD_add_response_header(to, "Connection", "close");
    (void)MHD_queue_response(client->http, (unsigned)from->status, to);
    MHD_destroy_response(to);
}

/* Whether a body is on its way; of what is refused for its framing nobody knows. */
static bool brings_body(const struct request *r)
{
    struct slice length;
    if (headers_get(&r->headers, "Transfer-Encoding", NULL) > 0)
        return true;
    return headers_get(&r->headers, "Content-Length", &length) > 0 && !slice_is(headers_trim(length), "0");
}

/* What can be told after the body as well, so that the connection may go on: what anybody may be told, and what is told to
 * somebody who is known. Whoever is not let in is not listened to. */
static bool can_wait(enum status status)
{
    return status == STATUS_NOT_FOUND || status == STATUS_METHOD_NOT_ALLOWED || status == STATUS_RATE_LIMITED;
}

/* Answers a head that is refused; the library then takes no body and closes the connection. A request without a body can
 * wait for its turn: there its connection may go on. */
static void on_head(struct client *client)
{
    struct exchange x;
    struct error err = { .code = STATUS_OK };
    const struct client_context *shared = client->context;
    begin_exchange(client, client->framework->request, &x);
    name_request(client, &x.request);
    enum status status = STATUS_OK;
    bool early = brings_body(&x.request);
    if (early)
        status = exchange_admit(&x, shared->routes, &err);
    else
        status = gate_check_message(&x, &err);
    if (status != STATUS_OK && !can_wait(status) && connection_run(shared->connections, &client->connection)) {
        finish(client, &x, status, &err);
        client->linger = true;
        queue_response(client, &x.response);
    } else if (early) {
        client->admission = x.admission; /* moves */
        x.admission = (struct admission){ .done = false };
    }
    exchange_clean_up(&x);
}

/* Takes the place of the library's function for its one caller, the framework, which calls it when the head of a request
 * is complete and before any of the body is taken, in order to copy the fields into maps. The service reads them by
 * MHD_get_connection_values_n instead, and this is the only moment at which a body that must not be read can be refused:
 * one of unknown coding has no end, and one over the limit need not be waited for. Should a later framework not come by
 * here, the same checks are still made after the body. */
__attribute__((visibility("default"))) int MHD_get_connection_values(struct MHD_Connection *connection,
                                                                     enum MHD_ValueKind kind,
                                                                     MHD_KeyValueIterator iterator, void *iterator_cls)
{
    struct client *client = current_client;
    (void)iterator;
    (void)iterator_cls;
    if (kind == MHD_HEADER_KIND && client != NULL && client->http == connection && client->framework != NULL)
        on_head(client);
    return 0;
}

/* ---- the end ---- */

static void log_request(const struct client *client)
{
    const struct http_measure *m = &client->measure;
    LOG(client->context->app->log, LOG_INFO, "request", LOG_CSTR("method", m->method), LOG_CSTR("route", m->route),
        LOG_INT("status", m->http_status), LOG_MICROS("duration_ms", m->duration_us),
        LOG_CSTR("request_id", client->request_id), LOG_CSTR("trace_id", client->trace.trace_id),
        LOG_CSTR("span_id", client->trace.span_id), LOG_CSTR("parent_id", client->trace.parent_id),
        LOG_INT("bytes", (int64_t)client->bytes));
}

static void note_end(struct client *client)
{
    client->measure.duration_us = metrics_now_us() - client->started_us;
    if (client->context->public)
        http_metrics_observe(client->context->app->metrics, &client->measure);
    log_request(client);
}

void client_on_completed(void *context, struct MHD_Connection *http, void **slot, enum MHD_RequestTerminationCode code)
{
    const struct client_context *shared = context;
    struct client *client = client_of(http);
    mhd_request_completed(NULL, http, slot, code);
    current_client = NULL;
    if (client == NULL)
        return;
    bool was_cut = connection_end(shared->connections, &client->connection);
    if (client->measure.http_status == 0 && was_cut) {
        client->measure.http_status = status_http(STATUS_BAD_REQUEST);
        client->measure.outcome = STATUS_BAD_REQUEST;
        if (!atomic_load(&client->named))
            memcpy(client->request_id, client->late_id, sizeof client->request_id);
    }
    if (client->measure.http_status != 0)
        note_end(client);
    atomic_store(&client->named, false);
}

/* In the watchdog's thread, while the connection's own may still be at work. */
static void name_timeout(struct client *client, char id[REQUEST_ID_SIZE])
{
    if (atomic_load(&client->named)) {
        memcpy(id, client->request_id, REQUEST_ID_SIZE);
        return;
    }
    request_new_id(client->late_id);
    memcpy(id, client->late_id, REQUEST_ID_SIZE);
}

/* Within TLS nothing can be said from another thread: there the connection ends without a word. */
void client_say_timeout(void *context, struct connection *connection)
{
    const struct client_context *shared = context;
    if (shared->tls != NULL)
        return;
    struct client *client = (struct client *)connection;
    struct error err;
    struct response response;
    char id[REQUEST_ID_SIZE];
    name_timeout(client, id);
    (void)error_set(&err, STATUS_BAD_REQUEST, "The request did not arrive as a whole within %" PRId64 " ms",
                    shared->app->config->http.request_timeout_ms);
    response_init(&response);
    problem_render(&(struct problem){ .error = &err, .request_id = id }, &response);
    struct buf message = BUF_INIT(4096);
    buf_appendf(&message,
                "HTTP/1.1 400 Bad Request\r\nContent-Type: " CONTENT_TYPE_PROBLEM "\r\nContent-Length: %zu\r\n"
                "Cache-Control: no-store\r\nX-Request-Id: %s\r\nX-Content-Type-Options: nosniff\r\n"
                "Connection: close\r\n\r\n",
                response.body.len, id);
    buf_append(&message, buf_slice(&response.body));
    if (buf_ok(&message))
        (void)!send(connection->fd, message.data, message.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    buf_clean_up(&message);
    response_clean_up(&response);
}
