/* What settings need of each other, which no row can judge alone. */
#include "customerd/core/config.h"

/* The most usual slip is to give the endpoint; a token for it would only ever be refused. */
static bool is_resource_name(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    return text[strspn(text, letters)] == '\0';
}

static enum status check_iam(const struct config_iam *iam, struct error *err)
{
    if (iam->resource[0] == '\0')
        return error_set(err, STATUS_BAD_PARAMETER,
                         "CUSTOMERD_IAM_RESOURCE: not set; CUSTOMERD_DB_AUTH=iam needs the name of the cluster, "
                         "replication group or cache");
    if (!is_resource_name(iam->resource))
        return error_set(err, STATUS_BAD_PARAMETER,
                         "CUSTOMERD_IAM_RESOURCE: \"%.80s\" is not a name of letters, digits and hyphens; give that of "
                         "the cluster, replication group or cache, not its endpoint",
                         iam->resource);
    if (iam->serverless && strcmp(iam->service, "elasticache") != 0)
        return error_set(err, STATUS_BAD_PARAMETER,
                         "CUSTOMERD_IAM_SERVERLESS: \"on\" goes with CUSTOMERD_IAM_SERVICE=elasticache only");
    return STATUS_OK;
}

bool config_needs_tokens(const struct config *config)
{
    const char *host = config->http.listen.host;
    bool loopback = strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 || strncmp(host, "127.", 4) == 0;
    if (config->door.auth == HTTP_AUTH_AUTO)
        return !loopback;
    return config->door.auth == HTTP_AUTH_JWT;
}

static enum status check_tokens(const struct config *config, struct error *err)
{
    const struct config_door *door = &config->door;
    const struct {
        const char *name;
        const char *value;
    } needed[] = {
        { "CUSTOMERD_JWT_JWKS", door->jwt_jwks },
        { "CUSTOMERD_JWT_ISSUER", door->jwt_issuer },
        { "CUSTOMERD_JWT_AUDIENCE", door->jwt_audience },
    };
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (needed[i].value[0] == '\0')
            return error_set(err, STATUS_BAD_PARAMETER, "%s: not set; %s needs it (CUSTOMERD_AUTH=none lets anybody call)",
                             needed[i].name,
                             door->auth == HTTP_AUTH_JWT ? "CUSTOMERD_AUTH=jwt"
                                                         : "listening beyond the loopback, without CUSTOMERD_AUTH,");
    struct slice jwks = slice_cstr(door->jwt_jwks);
    if (!slice_starts_with(jwks, "https://") && !slice_starts_with(jwks, "http://") && !slice_starts_with(jwks, "/"))
        return error_set(err, STATUS_BAD_PARAMETER,
                         "CUSTOMERD_JWT_JWKS: \"%.80s\" is neither an https address nor an absolute path",
                         door->jwt_jwks);
    return STATUS_OK;
}

static enum status check_tls(const struct config_door *door, struct error *err)
{
    bool cert = door->tls_cert_file[0] != '\0';
    if (cert != (door->tls_key_file[0] != '\0'))
        return error_set(err, STATUS_BAD_PARAMETER, "CUSTOMERD_TLS_%s_FILE: not set; CUSTOMERD_TLS_%s_FILE needs it",
                         cert ? "KEY" : "CERT", cert ? "CERT" : "KEY");
    if (!cert && door->tls_client_ca_file[0] != '\0')
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

static enum status check_origins(const struct config_door *door, struct error *err)
{
    struct slice rest = slice_cstr(door->cors_origins);
    while (rest.len > 0) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        struct slice origin = slice_of(rest.ptr, comma == NULL ? rest.len : (size_t)(comma - rest.ptr));
        rest = slice_from(rest, origin.len + 1);
        if (!is_origin(origin))
            return error_set(err, STATUS_BAD_PARAMETER,
                             "CUSTOMERD_CORS_ORIGINS: \"%.*s\" is not an origin as browsers send it, in lower case and "
                             "without a path (for example https://app.example.com)",
                             (int)(origin.len < 80 ? origin.len : 80), origin.ptr);
    }
    return STATUS_OK;
}

static enum status check_door(const struct config *config, struct error *err)
{
    enum status status = config_needs_tokens(config) ? check_tokens(config, err) : STATUS_OK;
    if (status == STATUS_OK)
        status = check_tls(&config->door, err);
    return status == STATUS_OK ? check_origins(&config->door, err) : status;
}

static enum status check_db(const struct config *config, struct error *err)
{
    const struct config_db *db = &config->db;
    if (db->endpoint.host[0] == '\0')
        return error_set(err, STATUS_BAD_PARAMETER,
                         "CUSTOMERD_DB_ENDPOINT: not set; give the database's host:port (for example "
                         "clustercfg.example.com:6379)");
    if (db->auth == DB_AUTH_PASSWORD && db->password_file[0] == '\0')
        return error_set(err, STATUS_BAD_PARAMETER,
                         "CUSTOMERD_DB_PASSWORD_FILE: not set; CUSTOMERD_DB_AUTH=password needs it");
    if (db->auth != DB_AUTH_IAM)
        return STATUS_OK;
    if (db->user[0] == '\0')
        return error_set(err, STATUS_BAD_PARAMETER, "CUSTOMERD_DB_USER: not set; CUSTOMERD_DB_AUTH=iam needs it");
    if (!db->tls)
        return error_set(err, STATUS_BAD_PARAMETER,
                         "CUSTOMERD_DB_TLS: \"off\" does not go with CUSTOMERD_DB_AUTH=iam, whose tokens must not "
                         "travel in plain text");
    return check_iam(&config->iam, err);
}

enum status config_check_serve(const struct config *config, struct error *err)
{
    enum status status = check_db(config, err);
    return status == STATUS_OK ? check_door(config, err) : status;
}
