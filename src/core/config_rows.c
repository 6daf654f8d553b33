#include "config_rows.h"

#include <stdio.h>

#define ROW_HOST_PORT(name, member, preset, min_port, doc) \
    CONFIG_ROW_HOST_PORT(name, struct config, member, preset, min_port, doc)
#define ROW_INT(name, member, preset, min, max, doc) CONFIG_ROW_INT(name, struct config, member, preset, min, max, doc)
#define ROW_BOOL(name, member, preset, doc) CONFIG_ROW_BOOL(name, struct config, member, preset, doc)
#define ROW_WORD(name, member, preset, words, doc) CONFIG_ROW_WORD(name, struct config, member, preset, words, doc)
#define ROW_TEXT(name, member, preset, doc) CONFIG_ROW_TEXT(name, struct config, member, preset, doc)

static const char *const auth_words[] = {
    [DB_AUTH_IAM] = "iam", [DB_AUTH_PASSWORD] = "password", [DB_AUTH_NONE] = "none", [DB_AUTH_NONE + 1] = NULL
};
static const char *const http_auth_words[] = {
    [HTTP_AUTH_AUTO] = "auto", [HTTP_AUTH_JWT] = "jwt", [HTTP_AUTH_NONE] = "none", [HTTP_AUTH_NONE + 1] = NULL
};
static const char *const level_words[] = {
    [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug", [LOG_DEBUG + 1] = NULL
};
static const char *const service_words[] = { "memorydb", "elasticache", NULL };

static const struct config_row rows[] = {
    ROW_HOST_PORT("LISTEN", http.listen, "127.0.0.1:8080", 0, "Where customers are served; port 0 takes a free one"),
    ROW_HOST_PORT("ADMIN_LISTEN", http.admin_listen, "127.0.0.1:8081", 0,
                  "Where `/livez`, `/readyz`, `/metrics` and `/version` are served; port 0 takes a free one"),
    ROW_TEXT("RESOURCES", resources, "customers", "The resources that are served, separated by commas"),
    ROW_INT("REQUEST_TIMEOUT_MS", http.request_timeout_ms, "3000", 100, 60000, "The deadline of a request"),
    ROW_INT("IDLE_TIMEOUT_S", http.idle_timeout_s, "75", 1, 3600,
            "How long a connection may stay open without a request"),
    ROW_INT("MAX_CONNECTIONS", http.max_connections, "2000", 1, 30000, "Client connections at a time"),
    ROW_INT("MAX_CONNECTIONS_PER_ADDRESS", http.max_connections_per_address, "0", 0, 30000,
            "Those of one client address, be it IPv4 or IPv6; 0: no bound of its own (a load balancer is one address)"),
    ROW_INT("MAX_REQUESTS", http.max_requests, "1000", 1, 30000,
            "Requests at a time; one more is answered 503 `overloaded` at once"),
    ROW_INT("BODY_MAX_BYTES", http.body_max_bytes, "131072", 65536, 1048576, "The longest request body"),
    ROW_INT("DRAIN_WAIT_MS", http.drain_wait_ms, "0", 0, 300000,
            "After SIGTERM: how long to serve on while not ready"),
    ROW_INT("DRAIN_TIMEOUT_MS", http.drain_timeout_ms, "10000", 0, 300000,
            "After that: how long running requests may take to finish"),
    ROW_BOOL("REQUIRE_IF_MATCH", http.require_if_match, "off", "Refuse PUT, PATCH and DELETE of customers without `If-Match` (428)"),
    ROW_BOOL("DOCS", http.docs, "on", "Serve `/openapi.json` and the page made from it, `/docs`"),
    ROW_WORD("AUTH", access.auth, "auto", http_auth_words,
             "Who may call: bearers of a JWT, or anybody; `auto` is `jwt` when listening beyond the loopback or where a `JWT` setting is given, else `none`"),
    ROW_TEXT("JWT_JWKS", access.jwt_jwks, "",
             "The keys that tokens are verified with: an https address (http on the loopback), or a file's path; `jwt` needs it"),
    ROW_TEXT("JWT_ISSUER", access.jwt_issuer, "", "The `iss` of a token; `jwt` needs it"),
    ROW_TEXT("JWT_AUDIENCE", access.jwt_audience, "", "The `aud` of a token, or one of them; `jwt` needs it"),
    ROW_TEXT("JWT_CA_FILE", access.jwt_ca_file, "",
             "PEM file of the CAs that may sign the certificate of the keys' server; none: the system's"),
    ROW_INT("RATE_LIMIT", access.rate_limit, "0", 0, 1000000,
            "Requests a second that one caller may make in the long run, of this replica; 0: no limit"),
    ROW_INT("RATE_BURST", access.rate_burst, "0", 0, 1000000, "How many of them at once, at least the limit; 0: twice the limit"),
    ROW_TEXT("CORS_ORIGINS", access.cors_origins, "",
             "Origins of web pages that may call, separated by commas (https://app.example.com); none: no page may"),
    ROW_TEXT("TLS_CERT_FILE", tls.cert_file, "",
             "PEM file of the listener's certificate and its chain; with it customers are served by TLS only. Read again when it changes"),
    ROW_TEXT("TLS_KEY_FILE", tls.key_file, "", "PEM file of its key"),
    ROW_TEXT("TLS_CLIENT_CA_FILE", tls.client_ca_file, "",
             "PEM file of the CAs one of which must have signed a client's certificate; none: clients need no certificate"),
    ROW_HOST_PORT("DB_ENDPOINT", db.endpoint, "", 1,
                  "The cluster's configuration endpoint, or a single server; `serve` needs it"),
    ROW_BOOL("DB_TLS", db.tls, "on", "Reach the database by verified TLS"),
    ROW_TEXT("DB_CA_FILE", db.ca_file, "", "PEM file of the CAs that may sign the database's certificates; none: the system's"),
    ROW_WORD("DB_AUTH", db.auth, "iam", auth_words, "How to sign in to the database"),
    ROW_TEXT("DB_USER", db.user, "", "The database user; `iam` needs it"),
    ROW_TEXT("DB_PASSWORD_FILE", db.password_file, "", "File that holds the user's password; `password` needs it"),
    ROW_INT("DB_CONNECT_TIMEOUT_MS", db.connect_timeout_ms, "2000", 10, 60000,
            "The bound on resolving, connecting, the TLS handshake and signing in together"),
    ROW_INT("DB_REAUTH_S", db.reauth_s, "36000", 1, 43000, "The age at which a connection signs in again, jittered"),
    ROW_INT("DB_TOPOLOGY_REFRESH_S", db.topology_refresh_s, "60", 1, 3600, "How often to ask for the cluster's shards"),
    ROW_INT("DB_QUEUE_MAX", db.queue_max, "500", 1, 30000,
            "Requests that may wait for one node before 503, but never more than half of `CUSTOMERD_MAX_REQUESTS`: a node that hangs leaves the others the rest. Twice as many where there is one shard alone"),
    ROW_WORD("IAM_SERVICE", iam.service, "memorydb", service_words, "The AWS service that tokens are signed for"),
    ROW_TEXT("IAM_RESOURCE", iam.resource, "", "The name of the cluster, replication group or cache; `iam` needs it"),
    ROW_BOOL("IAM_SERVERLESS", iam.serverless, "off", "The resource is a serverless ElastiCache cache"),
    ROW_INT("IAM_TOKEN_TTL_S", iam.token_ttl_s, "900", 5, 900, "How long a token is valid"),
    ROW_INT("SWEEP_INTERVAL_MS", store.sweep_interval_ms, "10000", 100, 600000,
            "How often to look for unfinished e-mail changes"),
    ROW_INT("SCRUB_PAUSE_MS", store.scrub_pause_ms, "5000", 1, 600000, "The pause after each of the 256 buckets checked"),
    ROW_WORD("LOG_LEVEL", log_level, "info", level_words, "The least severe level that is logged"),
};

#define OWN_ROWS (sizeof rows / sizeof *rows)

_Static_assert(OWN_ROWS <= CONFIG_ROWS_MAX, "struct config_sources holds every row");

bool config_place(struct config *config, struct config_parts parts, size_t at, struct config_place *out)
{
    if (at >= CONFIG_ROWS_MAX)
        return false;
    if (at < OWN_ROWS) {
        *out = (struct config_place){ .row = &rows[at], .values = config };
        return true;
    }
    at -= OWN_ROWS;
    for (size_t i = 0; i < parts.n; i++) {
        if (at < parts.items[i].n_rows) {
            *out = (struct config_place){ .row = &parts.items[i].rows[at], .values = parts.items[i].values };
            return true;
        }
        at -= parts.items[i].n_rows;
    }
    return false;
}

void config_flag_of(const struct config_row *row, char out[CONFIG_FLAG_SIZE])
{
    snprintf(out, CONFIG_FLAG_SIZE, "--%s", row->name + sizeof CONFIG_NAME_PREFIX - 1);
    for (char *at = out; *at != '\0'; at++) {
        if (*at == '_')
            *at = '-';
        else if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    }
}
