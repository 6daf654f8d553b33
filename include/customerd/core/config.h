/* config: every setting is one row of one table: name, type, default, bounds, and what it means.
 *
 * A value comes from the flag (--listen for CUSTOMERD_LISTEN), else from the environment, else from the default. After
 * config_load the configuration does not change. The README's table is printed from the rows
 * (`customerd config --reference`). Sections keep the structs small; a row names its member by offset. */
#ifndef CUSTOMERD_CORE_CONFIG_H
#define CUSTOMERD_CORE_CONFIG_H

#include <stdint.h>
#include <stdio.h>

#include "customerd/core/buf.h"
#include "customerd/core/config_row.h"
#include "customerd/core/log.h"
#include "customerd/core/status.h"

enum db_auth { DB_AUTH_IAM, DB_AUTH_PASSWORD, DB_AUTH_NONE };

struct config_http {
    struct host_port listen;          /* CUSTOMERD_LISTEN 127.0.0.1:8080; port 0 takes a free one */
    struct host_port admin_listen;    /* CUSTOMERD_ADMIN_LISTEN 127.0.0.1:8081 */
    int64_t request_timeout_ms;       /* CUSTOMERD_REQUEST_TIMEOUT_MS 3000 (100..60000): the deadline of a request */
    int64_t idle_timeout_s;           /* CUSTOMERD_IDLE_TIMEOUT_S 75 (1..3600): a keep-alive connection without request */
    int64_t max_connections;          /* CUSTOMERD_MAX_CONNECTIONS 2000 (1..30000) */
    int64_t max_connections_per_address; /* CUSTOMERD_MAX_CONNECTIONS_PER_ADDRESS 0 (0..30000): no bound of its own */
    int64_t max_requests;             /* CUSTOMERD_MAX_REQUESTS 1000 (1..30000): at a time, before 503 */
    int64_t body_max_bytes;           /* CUSTOMERD_BODY_MAX_BYTES 131072 (65536..1048576) */
    int64_t drain_wait_ms;            /* CUSTOMERD_DRAIN_WAIT_MS 0 (0..300000): after SIGTERM, not ready, still serving */
    int64_t drain_timeout_ms;         /* CUSTOMERD_DRAIN_TIMEOUT_MS 10000 (0..300000): the bound on finishing */
    bool require_if_match;            /* CUSTOMERD_REQUIRE_IF_MATCH off */
    bool docs;                        /* CUSTOMERD_DOCS on: /openapi.json and /docs */
};

enum http_auth { HTTP_AUTH_AUTO, HTTP_AUTH_JWT, HTTP_AUTH_NONE };

/* Who may call, how much, and from where. */
struct config_access {
    enum http_auth auth;              /* CUSTOMERD_AUTH auto */
    char jwt_jwks[512];               /* CUSTOMERD_JWT_JWKS: address or path; these three are required for jwt */
    char jwt_issuer[256];             /* CUSTOMERD_JWT_ISSUER */
    char jwt_audience[256];           /* CUSTOMERD_JWT_AUDIENCE */
    char jwt_ca_file[256];            /* CUSTOMERD_JWT_CA_FILE, empty: the system's */
    int64_t rate_limit;               /* CUSTOMERD_RATE_LIMIT 0 (0..1000000): requests a second and caller; 0: no limit */
    int64_t rate_burst;               /* CUSTOMERD_RATE_BURST 0 (0..1000000): at once; 0: twice the limit */
    char cors_origins[1024];          /* CUSTOMERD_CORS_ORIGINS, comma-separated; empty: CORS is off */
};

/* Of the public listener. */
struct config_tls {
    char cert_file[256];              /* CUSTOMERD_TLS_CERT_FILE, empty: plain HTTP */
    char key_file[256];               /* CUSTOMERD_TLS_KEY_FILE */
    char client_ca_file[256];         /* CUSTOMERD_TLS_CLIENT_CA_FILE, empty: clients show no certificate */
};

struct config_db {
    struct host_port endpoint;        /* CUSTOMERD_DB_ENDPOINT, required by serve */
    bool tls;                         /* CUSTOMERD_DB_TLS on */
    char ca_file[256];                /* CUSTOMERD_DB_CA_FILE, empty: the system's */
    enum db_auth auth;                /* CUSTOMERD_DB_AUTH iam */
    char user[128];                   /* CUSTOMERD_DB_USER; required for iam */
    char password_file[256];          /* CUSTOMERD_DB_PASSWORD_FILE; required for password */
    int64_t connect_timeout_ms;       /* CUSTOMERD_DB_CONNECT_TIMEOUT_MS 2000 (10..60000): resolve + TCP + TLS + AUTH */
    int64_t reauth_s;                 /* CUSTOMERD_DB_REAUTH_S 36000 (1..43000): a connection sends AUTH again, jittered */
    int64_t topology_refresh_s;       /* CUSTOMERD_DB_TOPOLOGY_REFRESH_S 60 (1..3600) */
    int64_t queue_max;                /* CUSTOMERD_DB_QUEUE_MAX 500 (1..30000): requests at a node before 503; config_queue_max */
};

struct config_iam {
    char service[16];                 /* CUSTOMERD_IAM_SERVICE memorydb | elasticache */
    char resource[128];               /* CUSTOMERD_IAM_RESOURCE, required for iam; lower-cased */
    bool resource_lowered;            /* not a setting: the given name had capitals, which is worth a warning */
    bool serverless;                  /* CUSTOMERD_IAM_SERVERLESS off: ElastiCache serverless adds ResourceType */
    int64_t token_ttl_s;              /* CUSTOMERD_IAM_TOKEN_TTL_S 900 (5..900): X-Amz-Expires */
};

struct config_store {
    int64_t sweep_interval_ms;        /* CUSTOMERD_SWEEP_INTERVAL_MS 10000 (100..600000) */
    int64_t scrub_pause_ms;           /* CUSTOMERD_SCRUB_PAUSE_MS 5000 (1..600000): pause after each of the 256 buckets */
};

struct config {
    struct config_http http;
    struct config_access access;
    struct config_tls tls;
    struct config_db db;
    struct config_iam iam;
    struct config_store store;
    char resources[128];              /* CUSTOMERD_RESOURCES customers: names with commas between; api knows which there are */
    enum log_level log_level;         /* CUSTOMERD_LOG_LEVEL info: error, warn, info, debug */
};

/* Where one effective value came from. */
enum config_source { CONFIG_DEFAULT, CONFIG_ENVIRONMENT, CONFIG_FLAG };

#define CONFIG_ROWS_MAX 128
struct config_sources {
    struct config_parts parts;
    enum config_source by_row[CONFIG_ROWS_MAX]; /* the program's own rows, then those of the parts */
};

/* What is read. */
struct config_input {
    int argc; /* flags: --listen HOST:PORT or --listen=HOST:PORT; argv[0] is a flag already */
    char *const *argv;
    char *const *environment;  /* as `environ`: NULL-terminated */
    struct config_parts parts; /* borrowed as long as the sources; their values, zero before, are filled too */
};

/* Reads flags over the environment over the defaults. A variable that is empty counts as absent. On failure err->detail is one line that names the setting, the value and
 * what was expected. An unknown flag and an unknown CUSTOMERD_ variable are failures that name the nearest known one. */
enum status config_load(const struct config_input *input, struct config *out, struct config_sources *sources,
                        struct error *err) MUST_USE;

/* What config_load can't judge row by row: the settings that `serve` needs together, with those of the database or without. */
enum status config_check_serve(const struct config *config, bool database, struct error *err) MUST_USE;

/* How many requests may wait for one node: what is set, but never more than half of all requests, so that a node that hangs does
 * not take the places of those that need another. At least one. */
int64_t config_queue_max(const struct config *config);

/* What the settings of a cluster are called: CUSTOMERD_<db>_USER, CUSTOMERD_<iam>_RESOURCE. */
struct config_cluster_names {
    const char *db;
    const char *iam;
};
/* Whether the settings for signing in to a cluster are there and go together. */
enum status config_check_login(const struct config_db *db, const struct config_iam *iam,
                               const struct config_cluster_names *names, struct error *err) MUST_USE;
/* The resource's name is part of what is signed, and AWS keeps it in lower case. config_load does it for config.iam. */
void config_lower_resource(struct config_iam *iam);

/* Whether callers must show a token: because it was said so, or, where nothing was said, because the listener can be
 * reached from elsewhere, or a setting for tokens was given. */
bool config_needs_tokens(const struct config *config);

/* The effective values with their sources, one NAME=value line each; secrets masked (none stand in the rows today). */
void config_print(const struct config *config, const struct config_sources *sources, FILE *out);
/* The README's table of settings, in Markdown. */
void config_print_reference(struct config_parts parts, FILE *out);
/* The flags, for --help. */
void config_print_flags(struct config_parts parts, FILE *out);

#endif
