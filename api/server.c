#include "customerd/api/server.h"

#include "client.h"
#include "loop.h"
#include "tls_listener.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <ulfius.h>
#include <unistd.h>

/* Holds the target, the header fields, 64 bytes more for each of them, and the answer's: above what the gate lets pass, so
 * that it is the gate that answers. The library wipes the whole of it after each request, and every connection has its
 * own, so it is not larger than that (README.md). */
#define CONNECTION_MEMORY_BYTES 18432
#define CONNECTION_STACK_BYTES (512 * 1024)
#define CONNECTIONS_SURPLUS 64 /* beyond the bound, on their way out */
/* Before 1.0 the library's stricter setting adds two checks that the gate makes itself, with a better answer; since 1.0
 * it adds some that only the library can make. */
#define LIBRARY_STRICTNESS (MHD_VERSION < 0x01000000 ? 0 : 1)
/* The watchdog's bounds come first; this one is for what it can't see. */
#define LIBRARY_TIMEOUT_SLACK_S 5

struct server {
    struct server_options options;
    struct client_context context;
    bool quiesced;
    struct _u_instance instance;
    struct loop *loop; /* NULL: a thread a connection */
};

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

#define OPTIONS_MAX (13 + TLS_LISTENER_OPTIONS)

static void collect_options(struct server *s, struct MHD_OptionItem out[OPTIONS_MAX])
{
    const struct server_options *o = &s->options;
    const struct config_http *http = &o->app->config->http;
    const struct MHD_OptionItem always[] = {
        { MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)on_library_message, s },
        { MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)client_on_completed, &s->context },
        { MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)client_on_request_line, &s->context },
        { MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)client_on_connection, &s->context },
        { MHD_OPTION_LISTEN_SOCKET, o->listen_fd, NULL },
        { MHD_OPTION_CONNECTION_LIMIT, (intptr_t)(o->connections_max + CONNECTIONS_SURPLUS), NULL },
        { MHD_OPTION_PER_IP_CONNECTION_LIMIT, (intptr_t)o->connections_per_address_max, NULL },
        { MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)(http->idle_timeout_s + LIBRARY_TIMEOUT_SLACK_S), NULL },
        { MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY_BYTES, NULL },
        { MHD_OPTION_STRICT_FOR_CLIENT, LIBRARY_STRICTNESS, NULL },
    };
    size_t n = sizeof always / sizeof *always;
    memcpy(out, always, sizeof always);
    if (s->loop == NULL)
        out[n++] = (struct MHD_OptionItem){ MHD_OPTION_THREAD_STACK_SIZE, CONNECTION_STACK_BYTES, NULL };
    if (o->tls != NULL)
        n += tls_listener_options(o->tls, out + n);
    out[n] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
}

/* Takes the place of the library's function for its one caller, the framework, whose own handler of requests copies every
 * field several times and can't wait without holding up the thread. The framework still sets the daemon up and ends it. */
__attribute__((visibility("default"))) struct MHD_Daemon *
MHD_start_daemon(unsigned int flags, uint16_t port, MHD_AcceptPolicyCallback accept, void *accept_cls,
                 MHD_AccessHandlerCallback handler, void *instance, ...)
{
    struct server *s = (struct server *)((char *)instance - offsetof(struct server, instance));
    va_list options;
    (void)handler;
    va_start(options, instance);
    struct MHD_Daemon *daemon =
        MHD_start_daemon_va(flags, port, accept, accept_cls, client_on_call, &s->context, options);
    va_end(options);
    return daemon;
}

static bool start_instance(struct server *s)
{
    struct MHD_OptionItem options[OPTIONS_MAX];
    const unsigned threads = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ITC;
    const unsigned flags = MHD_USE_ERROR_LOG | (s->loop == NULL ? threads : MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME) |
                           (s->options.tls != NULL ? MHD_USE_TLS : 0);
    if (ulfius_init_instance(&s->instance, s->options.port, NULL, NULL) != U_OK)
        return false;
    collect_options(s, options);
    return ulfius_start_framework_with_mhd_options(&s->instance, flags, options) == U_OK;
}

struct server *server_new(const struct server_options *options, struct error *err)
{
    struct server *s = calloc(1, sizeof *s);
    if (s == NULL) {
        (void)close(options->listen_fd);
        (void)error_set(err, STATUS_INTERNAL, "out of memory");
        return NULL;
    }
    s->options = *options;
    s->context = (struct client_context){
        .app = options->app,
        .routes = options->routes,
        .connections_max = options->connections_max,
        .tls = options->tls,
        .public = options->public,
    };
    const struct config_http *http = &options->app->config->http;
    const struct connections_options watch = {
        .clock = options->app->clock,
        .listen_fd = options->listen_fd,
        .receive_timeout_ms = http->request_timeout_ms,
        .idle_timeout_ms = http->idle_timeout_s * 1000,
        .run_timeout_ms = 2 * http->request_timeout_ms + http->idle_timeout_s * 1000,
        .tls = options->tls != NULL,
        .say_timeout = client_say_timeout,
        .ctx = &s->context,
    };
    s->context.connections = connections_new(&watch);
    s->loop = options->io == NULL ? NULL : loop_new(options->io);
    s->context.loop = s->loop == NULL ? NULL : loop_clients(s->loop);
    bool has_loop = options->io == NULL || s->loop != NULL;
    if (s->context.connections == NULL || !has_loop || !start_instance(s)) {
        (void)error_set(err, STATUS_INTERNAL, "the HTTP server on port %u does not start", (unsigned)options->port);
        server_stop(s);
        server_destroy(s);
        return NULL;
    }
    if (s->loop == NULL || loop_begin(s->loop, s->instance.mhd_daemon))
        return s;
    (void)error_set(err, STATUS_INTERNAL, "the HTTP server on port %u can't be polled", (unsigned)options->port);
    server_stop(s);
    server_destroy(s);
    return NULL;
}

static bool quiesce(struct server *s)
{
    return s->loop == NULL ? MHD_quiesce_daemon(s->instance.mhd_daemon) != MHD_INVALID_SOCKET : loop_quiesce(s->loop);
}

void server_drain(struct server *s)
{
    if (!s->quiesced && quiesce(s)) {
        s->quiesced = true;
        /* New clients are refused from here on; the number stays taken until the library has ended. */
        (void)shutdown(s->options.listen_fd, SHUT_RDWR);
    }
    connections_drain(s->context.connections);
}

size_t server_wait_drained(struct server *s, int64_t deadline_ms)
{
    return connections_wait_empty(s->context.connections, deadline_ms);
}

void server_stop(struct server *s)
{
    if (s == NULL)
        return;
    bool started = s->instance.mhd_daemon != NULL;
    if (s->loop != NULL)
        loop_end(s->loop);
    if (started)
        (void)ulfius_stop_framework(&s->instance);
    ulfius_clean_instance(&s->instance);
    connections_destroy(s->context.connections);
    s->context.connections = NULL;
    /* The library closes the listening socket itself unless it was told to let go of it. */
    if (s->quiesced || !started)
        (void)close(s->options.listen_fd);
}

void server_destroy(struct server *s)
{
    if (s == NULL)
        return;
    loop_destroy(s->loop);
    free(s);
}
