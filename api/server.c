#include "customerd/api/server.h"

#include "customerd/api/connections.h"
#include "customerd/api/problem.h"
#include "customerd/api/route.h"

#include <ulfius.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Holds the target, the header fields and the answer's: well above what the gate lets pass, so that it is the gate that
 * answers. The library wipes the whole of it after each request, so it is not larger than that. */
#define CONNECTION_MEMORY_BYTES 65536
#define CONNECTION_STACK_BYTES (512 * 1024)
/* The watchdog's bounds come first; this one is for what it can't see. */
#define LIBRARY_TIMEOUT_SLACK_S 5

struct server {
    struct server_options options;
    int listen_fd;
    uint16_t port;
    bool quiesced;
    struct connections *connections;
    struct _u_instance instance;
};

/* A client's connection, and its request's way from the request line to the log line. */
struct client {
    struct connection connection;
    struct MHD_Connection *http;
    char *target; /* raw: the library takes escapes and parameters apart in place */
    int64_t started_us;
    const char *method;
    const char *route;
    int status;
    size_t bytes;
    char request_id[REQUEST_ID_SIZE];
};

/* The callback of the framework is not told its connection, whose raw header fields the gate must see: the framework
 * joins repeated ones by commas. One thread serves a connection from its first to its last byte, so what the thread
 * noted at the request line is still true in the callback. */
static _Thread_local struct client *current_client;

static int64_t now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- a request's stations, in the thread of its connection ---- */

static struct client *client_of(struct MHD_Connection *http)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(http, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

static void on_connection(void *cls, struct MHD_Connection *http, void **context, enum MHD_ConnectionNotificationCode code)
{
    struct server *s = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(http, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct client *client = calloc(1, sizeof *client);
        *context = client;
        if (client != NULL)
            connections_add(s->connections, &client->connection, info->connect_fd);
    } else if (*context != NULL) {
        struct client *client = *context;
        *context = NULL;
        connections_remove(s->connections, &client->connection);
        free(client->target);
        free(client);
    }
}

/* The framework gets a constant target: its own taking apart of the path isn't needed, and frees the response before it
 * goes on when it fails. NULL makes it refuse the request. */
static void *on_request_line(void *cls, const char *uri, struct MHD_Connection *http)
{
    struct server *s = cls;
    struct client *client = client_of(http);
    current_client = client;
    if (client == NULL)
        return NULL;
    client->http = http;
    client->started_us = now_us();
    client->method = "_OTHER";
    client->route = "";
    client->status = 0;
    client->bytes = 0;
    client->request_id[0] = '\0';
    free(client->target);
    client->target = strdup(uri);
    if (client->target == NULL || !connection_begin(s->connections, &client->connection))
        return NULL;
    return ulfius_uri_logger(NULL, "/-");
}

static enum MHD_Result add_header(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                  const char *value, size_t value_len)
{
    (void)kind;
    headers_add(cls, slice_of(name, name_len), slice_of(value == NULL ? "" : value, value_len));
    return MHD_YES;
}

static void read_request(const struct server *s, const struct _u_request *from, const struct client *client,
                         struct request *out)
{
    const struct config_http *http = &s->options.app->config->http;
    out->method = slice_cstr(from->http_verb);
    out->http_1_0 = from->http_protocol != NULL && strcmp(from->http_protocol, "HTTP/1.0") == 0;
    request_set_target(out, slice_cstr(client->target));
    (void)MHD_get_connection_values_n(client->http, MHD_HEADER_KIND, add_header, &out->headers);
    out->body = slice_of(from->binary_body == NULL ? "" : from->binary_body, from->binary_body_length);
    out->body_cut = from->binary_body_length > (size_t)http->body_max_bytes;
    out->deadline_ms = clock_monotonic_ms(s->options.app->clock) + http->request_timeout_ms;
    request_choose_id(out);
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

static void note_for_log(struct client *client, const struct exchange *x, const char *route)
{
    client->method = route_method_label(x->request.method);
    client->route = route;
    client->status = x->response.status;
    client->bytes = slice_is(x->request.method, "HEAD") ? 0 : x->response.body.len;
    memcpy(client->request_id, x->request.id, sizeof client->request_id);
}

static int on_request(const struct _u_request *request, struct _u_response *response, void *user_data)
{
    struct server *s = user_data;
    struct client *client = current_client;
    if (client == NULL || !connection_run(s->connections, &client->connection))
        return U_CALLBACK_ERROR;
    struct exchange x;
    exchange_init(&x, s->options.app);
    read_request(s, request, client, &x.request);
    const char *route = exchange_run(&x, s->options.routes);
    if (atomic_load(&s->options.app->draining))
        x.response.close = true;
    note_for_log(client, &x, route);
    write_response(&x.response, response);
    exchange_clean_up(&x);
    return U_CALLBACK_COMPLETE;
}

static void log_request(const struct server *s, const struct client *client)
{
    LOG(s->options.app->log, LOG_INFO, "request", LOG_CSTR("method", client->method), LOG_CSTR("route", client->route),
        LOG_INT("status", client->status), LOG_MICROS("duration_ms", now_us() - client->started_us),
        LOG_CSTR("request_id", client->request_id), LOG_INT("bytes", (int64_t)client->bytes));
}

static void on_completed(void *cls, struct MHD_Connection *http, void **context, enum MHD_RequestTerminationCode code)
{
    struct server *s = cls;
    struct client *client = client_of(http);
    mhd_request_completed(NULL, http, context, code);
    current_client = NULL;
    if (client == NULL)
        return;
    bool was_cut = connection_end(s->connections, &client->connection);
    if (client->status == 0 && was_cut)
        client->status = status_http(STATUS_BAD_REQUEST);
    if (client->status != 0)
        log_request(s, client);
}

/* ---- beside the requests ---- */

static void say_timeout(void *ctx, int fd)
{
    const struct server *s = ctx;
    struct error err;
    struct response response;
    char id[REQUEST_ID_SIZE];
    request_new_id(id);
    (void)error_set(&err, STATUS_BAD_REQUEST,
                    "The request did not arrive as a whole within %" PRId64 " ms, or its Transfer-Encoding is unknown",
                    s->options.app->config->http.request_timeout_ms);
    response_init(&response);
    problem_render(&(struct problem){ .error = &err, .request_id = id }, &response);
    struct buf message = BUF_INIT(4096);
    buf_appendf(&message,
                "HTTP/1.1 400 Bad Request\r\nContent-Type: " CONTENT_TYPE_PROBLEM "\r\nContent-Length: %zu\r\n"
                "Cache-Control: no-store\r\nX-Request-Id: %s\r\nConnection: close\r\n\r\n",
                response.body.len, id);
    buf_append(&message, buf_slice(&response.body));
    if (buf_ok(&message))
        (void)!send(fd, message.data, message.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    buf_clean_up(&message);
    response_clean_up(&response);
}

__attribute__((format(printf, 2, 0))) static void on_library_message(void *cls, const char *format, va_list args)
{
    const struct server *s = cls;
    char text[256];
    int n = vsnprintf(text, sizeof text, format, args);
    if (n <= 0)
        return;
    size_t len = strcspn(text, "\n");
    LOG(s->options.app->log, LOG_DEBUG, "http_library", LOG_STR("message", slice_of(text, len)));
}

static bool start_instance(struct server *s)
{
    const struct config_http *http = &s->options.app->config->http;
    struct MHD_OptionItem options[] = {
        { MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)on_library_message, s },
        { MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, s },
        { MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_request_line, s },
        { MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, s },
        { MHD_OPTION_LISTEN_SOCKET, s->listen_fd, NULL },
        { MHD_OPTION_CONNECTION_LIMIT, (intptr_t)s->options.connections_max, NULL },
        { MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)(http->idle_timeout_s + LIBRARY_TIMEOUT_SLACK_S), NULL },
        { MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY_BYTES, NULL },
        { MHD_OPTION_THREAD_STACK_SIZE, CONNECTION_STACK_BYTES, NULL },
        { MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
        { MHD_OPTION_END, 0, NULL },
    };
    const unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_INTERNAL_POLLING_THREAD |
                           MHD_USE_ITC | MHD_USE_ERROR_LOG;
    if (ulfius_init_instance(&s->instance, s->port, NULL, NULL) != U_OK)
        return false;
    s->instance.check_utf8 = 0;
    s->instance.allowed_post_processor = U_POST_PROCESS_NONE;
    /* Over its limit the framework drops bytes without a word: one byte more than the limit shows that it did. */
    s->instance.max_post_body_size = (size_t)http->body_max_bytes + 1;
    return ulfius_set_default_endpoint(&s->instance, on_request, s) == U_OK &&
           ulfius_start_framework_with_mhd_options(&s->instance, flags, options) == U_OK;
}

struct server *server_new(const struct server_options *options, struct error *err)
{
    struct server *s = calloc(1, sizeof *s);
    if (s == NULL) {
        (void)error_set(err, STATUS_INTERNAL, "Out of memory");
        return NULL;
    }
    s->options = *options;
    s->listen_fd = server_listen(options->setting, &options->listen, &s->port, err);
    if (s->listen_fd < 0) {
        server_destroy(s);
        return NULL;
    }
    const struct config_http *http = &options->app->config->http;
    const struct connections_options watch = {
        .clock = options->app->clock,
        .receive_timeout_ms = http->request_timeout_ms,
        .idle_timeout_ms = http->idle_timeout_s * 1000,
        .run_timeout_ms = 2 * http->request_timeout_ms + http->idle_timeout_s * 1000,
        .say_timeout = say_timeout,
        .ctx = s,
    };
    s->connections = connections_new(&watch);
    if (s->connections == NULL || !start_instance(s)) {
        (void)error_set(err, STATUS_INTERNAL, "%s: the HTTP server does not start", options->setting);
        server_destroy(s);
        return NULL;
    }
    return s;
}

uint16_t server_port(const struct server *s)
{
    return s->port;
}

void server_drain(struct server *s)
{
    if (!s->quiesced && MHD_quiesce_daemon(s->instance.mhd_daemon) != MHD_INVALID_SOCKET) {
        s->quiesced = true;
        /* New clients are refused from here on; the number stays taken until the library's threads are gone. */
        (void)shutdown(s->listen_fd, SHUT_RDWR);
    }
    connections_drain(s->connections);
}

size_t server_wait_drained(struct server *s, int64_t deadline_ms)
{
    return connections_wait_empty(s->connections, deadline_ms);
}

void server_destroy(struct server *s)
{
    if (s == NULL)
        return;
    bool started = s->instance.mhd_daemon != NULL;
    if (started)
        (void)ulfius_stop_framework(&s->instance);
    ulfius_clean_instance(&s->instance);
    /* The library closes the listening socket itself unless it was told to let go of it. */
    if (s->listen_fd >= 0 && (s->quiesced || !started))
        (void)close(s->listen_fd);
    connections_destroy(s->connections);
    free(s);
}
