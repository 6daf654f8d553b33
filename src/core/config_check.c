/* What settings need of each other, which no row can judge alone. */
#include "customerd/core/config.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>

/* The most usual slip is to give the endpoint; a token for it would only ever be refused. */
static bool is_resource_name(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    return text[strspn(text, letters)] == '\0';
}

static enum status check_iam(const struct config_iam *iam, const struct config_cluster_names *names, struct error *err)
{
    if (iam->resource[0] == '\0')
        return error_set(err, STATUS_BAD_PARAMETER,
                         "CUSTOMERD_%s_RESOURCE: not set; CUSTOMERD_%s_AUTH=iam needs the name of the cluster, "
                         "replication group or cache",
                         names->iam, names->db);
    if (!is_resource_name(iam->resource))
        return error_set(err, STATUS_BAD_PARAMETER,
                         "CUSTOMERD_%s_RESOURCE: \"%.80s\" is not a name of letters, digits and hyphens; give that of "
                         "the cluster, replication group or cache, not its endpoint",
                         names->iam, iam->resource);
    if (iam->serverless && strcmp(iam->service, "elasticache") != 0)
        return error_set(err, STATUS_BAD_PARAMETER,
                         "CUSTOMERD_%s_SERVERLESS: \"on\" goes with CUSTOMERD_%s_SERVICE=elasticache only", names->iam,
                         names->iam);
    return STATUS_OK;
}

enum status config_check_login(const struct config_db *db, const struct config_iam *iam,
                               const struct config_cluster_names *names, struct error *err)
{
    if (db->auth == DB_AUTH_PASSWORD && db->password_file[0] == '\0')
        return error_set(err, STATUS_BAD_PARAMETER,
                         "CUSTOMERD_%s_PASSWORD_FILE: not set; CUSTOMERD_%s_AUTH=password needs it", names->db, names->db);
    if (db->auth != DB_AUTH_IAM)
        return STATUS_OK;
    if (db->user[0] == '\0')
        return error_set(err, STATUS_BAD_PARAMETER, "CUSTOMERD_%s_USER: not set; CUSTOMERD_%s_AUTH=iam needs it", names->db,
                         names->db);
    if (!db->tls)
        return error_set(err, STATUS_BAD_PARAMETER,
                         "CUSTOMERD_%s_TLS: \"off\" does not go with CUSTOMERD_%s_AUTH=iam, whose tokens must not "
                         "travel in plain text",
                         names->db, names->db);
    return check_iam(iam, names, err);
}

static bool is_loopback(const char *host)
{
    unsigned char v4[4];
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, v4) == 1)
        return v4[0] == 127;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return strcasecmp(host, "localhost") == 0;
}

bool config_needs_tokens(const struct config *config)
{
    const struct config_access *a = &config->access;
    if (a->auth == HTTP_AUTH_AUTO)
        return !is_loopback(config->http.listen.host) || a->jwt_jwks[0] != '\0' || a->jwt_issuer[0] != '\0' ||
               a->jwt_audience[0] != '\0';
    return a->auth == HTTP_AUTH_JWT;
}

/* Keys that came in plain text could be anybody's: plain http is for this machine alone. */
static bool is_key_source(const char *text)
{
    struct slice rest = slice_cstr(text);
    if (slice_starts_with(rest, "https://") || slice_starts_with(rest, "/"))
        return true;
    char host[64];
    if (!slice_starts_with(rest, "http://"))
        return false;
    rest = slice_from(rest, 7);
    bool v6 = slice_starts_with(rest, "[");
    size_t len = strcspn(rest.ptr, v6 ? "]" : ":/");
    if (len >= sizeof host)
        return false;
    (void)snprintf(host, sizeof host, "%.*s", (int)(len - v6), rest.ptr + v6);
    return is_loopback(host);
}

static enum status check_tokens(const struct config_access *a, struct error *err)
{
    const struct {
        const char *name;
        const char *value;
    } needed[] = {
        { "CUSTOMERD_JWT_JWKS", a->jwt_jwks },
        { "CUSTOMERD_JWT_ISSUER", a->jwt_issuer },
        { "CUSTOMERD_JWT_AUDIENCE", a->jwt_audience },
    };
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (needed[i].value[0] == '\0')
            return error_set(err, STATUS_BAD_PARAMETER, "%s: not set; %s needs it (CUSTOMERD_AUTH=none lets anybody call)",
                             needed[i].name,
                             a->auth == HTTP_AUTH_JWT ? "CUSTOMERD_AUTH=jwt" : "CUSTOMERD_AUTH=auto, which means jwt here,");
    if (!is_key_source(a->jwt_jwks))
        return error_set(err, STATUS_BAD_PARAMETER,
                         "CUSTOMERD_JWT_JWKS: \"%.80s\" is neither an https address (http on the loopback) nor an absolute "
                         "path",
                         a->jwt_jwks);
    return STATUS_OK;
}

static enum status check_rate(const struct config_access *a, struct error *err)
{
    if (a->rate_burst > 0 && a->rate_limit == 0)
        return error_set(err, STATUS_BAD_PARAMETER, "CUSTOMERD_RATE_LIMIT: not set; CUSTOMERD_RATE_BURST needs it");
    if (a->rate_burst > 0 && a->rate_burst < a->rate_limit)
        return error_set(err, STATUS_BAD_PARAMETER,
                         "CUSTOMERD_RATE_BURST: \"%" PRId64 "\" is less than CUSTOMERD_RATE_LIMIT, which could then never be "
                         "reached",
                         a->rate_burst);
    return STATUS_OK;
}

static enum status check_tls(const struct config_tls *tls, struct error *err)
{
    bool cert = tls->cert_file[0] != '\0';
    if (cert != (tls->key_file[0] != '\0'))
        return error_set(err, STATUS_BAD_PARAMETER, "CUSTOMERD_TLS_%s_FILE: not set; CUSTOMERD_TLS_%s_FILE needs it",
                         cert ? "KEY" : "CERT", cert ? "CERT" : "KEY");
    if (!cert && tls->client_ca_file[0] != '\0')
        return error_set(err, STATUS_BAD_PARAMETER,
                         "CUSTOMERD_TLS_CERT_FILE: not set; CUSTOMERD_TLS_CLIENT_CA_FILE needs it");
    return STATUS_OK;
}

/* scheme://host or scheme://host:port, as a browser sends it: nothing behind it. */
static bool is_origin(struct slice text)
{
    struct slice host = slice_starts_with(text, "https://")  ? slice_from(text, 8)
                        : slice_starts_with(text, "http://") ? slice_from(text, 7)
                                                             : slice_of("", 0);
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c != '\0' && strchr("-._:[]", c) != NULL);
        if (!fits)
            return false;
    }
    return host.len > 0;
}

static enum status check_origins(const struct config_access *a, struct error *err)
{
    struct slice rest = slice_cstr(a->cors_origins);
    while (rest.len > 0) {
        struct slice origin = slice_take(&rest, ',');
        if (!is_origin(origin))
            return error_set(err, STATUS_BAD_PARAMETER,
                             "CUSTOMERD_CORS_ORIGINS: \"%.*s\" is not an origin as browsers send it, in lower case and "
                             "without a path (for example https://app.example.com)",
                             (int)(origin.len < 80 ? origin.len : 80), origin.ptr);
    }
    return STATUS_OK;
}

static enum status check_db(const struct config *config, struct error *err)
{
    static const struct config_cluster_names names = { "DB", "IAM" };
    const struct config_db *db = &config->db;
    if (db->endpoint.host[0] == '\0')
        return error_set(err, STATUS_BAD_PARAMETER,
                         "CUSTOMERD_DB_ENDPOINT: not set; give the database's host:port (for example "
                         "clustercfg.example.com:6379)");
    return config_check_login(db, &config->iam, &names, err);
}

enum status config_check_serve(const struct config *config, bool database, struct error *err)
{
    enum status status = database ? check_db(config, err) : STATUS_OK;
    if (status == STATUS_OK && config_needs_tokens(config))
        status = check_tokens(&config->access, err);
    if (status == STATUS_OK)
        status = check_rate(&config->access, err);
    if (status == STATUS_OK)
        status = check_tls(&config->tls, err);
    return status == STATUS_OK ? check_origins(&config->access, err) : status;
}

int64_t config_queue_max(const struct config *config)
{
    int64_t half = config->http.max_requests / 2;
    int64_t most = config->db.queue_max < half ? config->db.queue_max : half;
    return most < 1 ? 1 : most;
}
