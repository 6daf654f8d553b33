#include "customerd/api/service.h"

#include "customerd/api/docs_contract.h"
#include "customerd/api/http_metrics.h"
#include "customerd/api/server.h"
#include "customerd/auth/authenticator.h"
#include "customerd/core/http_client.h"
#include "customerd/core/json_memory.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tls_listener.h"

/* ---- the database ---- */

static enum status prepare_database(struct service *s, struct error *err)
{
    struct database_options options = {
        .db = s->config.db,
        .iam = s->config.iam,
        .password_setting = "CUSTOMERD_DB_PASSWORD_FILE",
        .ca_setting = "CUSTOMERD_DB_CA_FILE",
        .clock = s->app.clock,
    };
    options.db.queue_max = config_queue_max(&s->config);
    return resources_use_database(&s->resources) ? database_prepare(&s->database, &options, err) : STATUS_OK;
}

static enum status start_database(struct service *s, struct error *err)
{
    if (!resources_use_database(&s->resources))
        return STATUS_OK;
    enum status status = database_start(&s->database, s->app.io, s->app.log, err);
    s->app.cluster = s->database.cluster;
    s->app.refresher = s->database.refresher;
    return status;
}

/* What is allowed, and hardly ever meant. */
static void warn(const struct service *s)
{
    bool database = resources_use_database(&s->resources);
    if (database && !s->config.db.tls)
        LOG(s->app.log, LOG_WARN, "database_without_tls",
            LOG_CSTR("meaning", "customers and passwords cross the network in the clear"));
    if (!config_needs_tokens(&s->config))
        LOG(s->app.log, s->config.access.auth == HTTP_AUTH_NONE ? LOG_WARN : LOG_INFO, "anybody_may_call",
            LOG_CSTR("meaning", "no token is asked for"));
    if (database && s->config.db.auth == DB_AUTH_IAM && s->config.iam.resource_lowered)
        LOG(s->app.log, LOG_WARN, "iam_resource_lowered", LOG_CSTR("resource", s->config.iam.resource));
}

/* ---- who may call ---- */

static enum status start_authenticator(struct service *s, struct error *err)
{
    const struct config_access *access = &s->config.access;
    const struct authenticator_options options = {
        .jwks = access->jwt_jwks,
        .ca_file = access->jwt_ca_file,
        .issuer = access->jwt_issuer,
        .audience = access->jwt_audience,
        .clock = s->app.clock,
        .log = s->app.log,
    };
    if (!config_needs_tokens(&s->config))
        return STATUS_OK;
    struct error reason;
    s->app.authenticator = authenticator_new(&options, &reason);
    return s->app.authenticator != NULL ? STATUS_OK
                                        : error_set(err, reason.code, "CUSTOMERD_JWT_JWKS: %.220s", reason.detail);
}

static enum status start_rate_limiter(struct service *s, struct error *err)
{
    const struct config_access *access = &s->config.access;
    struct rate_limit limit = { .per_s = access->rate_limit, .burst = access->rate_burst };
    if (limit.per_s == 0)
        return STATUS_OK;
    if (limit.burst == 0)
        limit.burst = 2 * limit.per_s;
    s->app.rate_limiter = rate_limiter_new(&limit);
    return s->app.rate_limiter != NULL ? STATUS_OK : error_set(err, STATUS_INTERNAL, "out of memory");
}

/* The certificate is read before anything runs, so that a wrong file is all that is told. */
static enum status read_certificate(struct service *s, struct error *err)
{
    if (s->config.tls.cert_file[0] == '\0')
        return STATUS_OK;
    s->app.tls = tls_listener_new(&s->config.tls, s->app.clock, s->app.log, err);
    return s->app.tls != NULL ? STATUS_OK : err->code;
}

static enum status start_access(struct service *s, struct error *err)
{
    enum status status = read_certificate(s, err);
    if (status != STATUS_OK)
        return status;
    resources_routes(&s->resources, s->config.http.docs, s->routes);
    if (s->config.http.docs)
        s->app.docs = docs_contract_new(&s->resources);
    if (s->config.http.docs && s->app.docs == NULL)
        return error_set(err, STATUS_INTERNAL, "out of memory");
    s->app.metrics = http_metrics_new(s->routes, s->app.tls != NULL);
    if (s->app.metrics == NULL)
        return error_set(err, STATUS_INTERNAL, "out of memory");
    status = start_rate_limiter(s, err);
    return status == STATUS_OK ? start_authenticator(s, err) : status;
}

/* ---- the listeners ---- */

static enum status open_sockets(struct service *s, struct error *err)
{
    s->admin_listen_fd = server_listen("CUSTOMERD_ADMIN_LISTEN", &s->config.http.admin_listen, &s->admin_port, err);
    if (s->admin_listen_fd < 0)
        return err->code;
    s->listen_fd = server_listen("CUSTOMERD_LISTEN", &s->config.http.listen, &s->port, err);
    return s->listen_fd < 0 ? err->code : STATUS_OK;
}

/* The servers take their sockets over. */
static enum status start_servers(struct service *s, struct error *err)
{
    const struct server_options admin = {
        .app = &s->app,
        .listen_fd = s->admin_listen_fd,
        .port = s->admin_port,
        .routes = routes_admin,
        .connections_max = ADMIN_CONNECTIONS_MAX,
    };
    const struct server_options public = {
        .app = &s->app,
        .listen_fd = s->listen_fd,
        .port = s->port,
        .routes = s->routes,
        .connections_max = (size_t)s->config.http.max_connections,
        .connections_per_address_max = (size_t)s->config.http.max_connections_per_address,
        .tls = s->app.tls,
        .public = true,
        .io = s->app.io,
    };
    s->admin_listen_fd = -1;
    s->admin = server_new(&admin, err);
    if (s->admin == NULL)
        return err->code;
    s->listen_fd = -1;
    s->public = server_new(&public, err);
    return s->public == NULL ? err->code : STATUS_OK;
}

enum status service_configure(struct service *s, int argc, char *const *argv, struct error *err)
{
    struct config_sources sources;
    resources_init(&s->resources);
    const struct config_input input = { argc - 1, argv + 1, environ, resources_parts(&s->resources) };
    enum status status = config_load(&input, &s->config, &sources, err);
    if (status == STATUS_OK)
        status = resources_choose(&s->resources, s->config.resources, err);
    if (status == STATUS_OK)
        status = config_check_serve(&s->config, resources_use_database(&s->resources), err);
    return status == STATUS_OK ? resources_check(&s->resources, &s->config, err) : status;
}

void service_print_flags(FILE *out)
{
    struct resources resources;
    resources_init(&resources);
    config_print_flags(resources_parts(&resources), out);
}

static enum status start_threads(struct service *s, int log_fd, struct error *err)
{
    s->app.log = log_new(log_fd, s->config.log_level, s->app.clock);
    if (s->app.log == NULL)
        return error_set(err, STATUS_INTERNAL, "the log does not start");
    s->app.io = io_thread_new(s->app.clock, err);
    return s->app.io == NULL ? err->code : STATUS_OK;
}

/* Before any thread. */
static enum status begin(struct service *s, struct error *err)
{
    s->app.config = &s->config;
    s->app.resources = &s->resources;
    s->app.clock = clock_system();
    s->listen_fd = -1;
    s->admin_listen_fd = -1;
    json_memory_init(NULL);
    return http_client_global_init(err);
}

enum status service_build(struct service *s, struct error *err)
{
    enum status status = begin(s, err);
    if (status == STATUS_OK)
        status = prepare_database(s, err);
    if (status == STATUS_OK)
        status = open_sockets(s, err);
    if (status == STATUS_OK)
        status = start_threads(s, STDOUT_FILENO, err);
    if (status != STATUS_OK)
        return status;
    warn(s);
    status = start_access(s, err);
    if (status == STATUS_OK)
        status = start_database(s, err);
    if (status == STATUS_OK)
        status = resources_start(&s->resources, &s->app, err);
    return status == STATUS_OK ? start_servers(s, err) : status;
}

enum status service_build_database(struct service *s, int log_fd, struct error *err)
{
    enum status status = begin(s, err);
    if (status == STATUS_OK)
        status = prepare_database(s, err);
    if (status == STATUS_OK)
        status = start_threads(s, log_fd, err);
    return status == STATUS_OK ? start_database(s, err) : status;
}

void service_protect_process(void)
{
    const struct rlimit none = { .rlim_cur = 0, .rlim_max = 0 };
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)setrlimit(RLIMIT_CORE, &none);
}

void service_clean_up(struct service *s)
{
    server_stop(s->public);
    server_stop(s->admin);
    tls_listener_destroy(s->app.tls);
    authenticator_destroy(s->app.authenticator);
    rate_limiter_destroy(s->app.rate_limiter);
    http_metrics_destroy(s->app.metrics);
    docs_contract_destroy(s->app.docs);
    resources_stop(&s->resources);
    server_destroy(s->public);
    server_destroy(s->admin);
    database_stop(&s->database);
    io_thread_destroy(s->app.io);
    log_destroy(s->app.log);
    http_client_global_clean_up();
    if (s->listen_fd >= 0)
        (void)close(s->listen_fd);
    if (s->admin_listen_fd >= 0)
        (void)close(s->admin_listen_fd);
}
