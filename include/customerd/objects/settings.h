/* settings: of the resource objects: the cache's cluster, what may be read, and the bounds on what is kept. */
#ifndef CUSTOMERD_OBJECTS_SETTINGS_H
#define CUSTOMERD_OBJECTS_SETTINGS_H

#include "customerd/core/config.h"

#define OBJECT_BUCKETS_MAX_CHARS 1024

enum object_addressing { OBJECT_ADDRESSING_AUTO, OBJECT_ADDRESSING_PATH, OBJECT_ADDRESSING_VIRTUAL };

/* The cache's cluster: what CUSTOMERD_DB_... and CUSTOMERD_IAM_... say of the database. */
struct objects_cache {
    struct host_port endpoint;  /* CUSTOMERD_CACHE_ENDPOINT, required */
    bool tls;                   /* CUSTOMERD_CACHE_TLS on */
    char ca_file[256];          /* CUSTOMERD_CACHE_CA_FILE, empty: the system's */
    enum db_auth auth;          /* CUSTOMERD_CACHE_AUTH iam */
    char user[128];             /* CUSTOMERD_CACHE_USER; required for iam */
    char password_file[256];    /* CUSTOMERD_CACHE_PASSWORD_FILE; required for password */
    char iam_service[16];       /* CUSTOMERD_CACHE_IAM_SERVICE elasticache | memorydb */
    char iam_resource[128];     /* CUSTOMERD_CACHE_IAM_RESOURCE, required for iam */
    bool iam_serverless;        /* CUSTOMERD_CACHE_IAM_SERVERLESS off */
    int64_t timeout_ms;         /* CUSTOMERD_CACHE_TIMEOUT_MS 250 (10..10000): then S3 is asked without it */
};

/* What is kept, and for how long. */
struct objects_bounds {
    int64_t cache_max_bytes; /* CUSTOMERD_OBJECT_CACHE_MAX_BYTES 1048576 (0..8388608): longer ones stream through */
    int64_t put_max_bytes;   /* CUSTOMERD_OBJECT_PUT_MAX_BYTES 8388608 (0..67108864) */
    int64_t ttl_s;           /* CUSTOMERD_OBJECT_TTL_S 300 (1..604800): fresh, +-10 % */
    int64_t stale_s;         /* CUSTOMERD_OBJECT_STALE_S 3600 (0..604800): and then served while S3 does not answer */
    int64_t absent_ttl_s;    /* CUSTOMERD_OBJECT_ABSENT_TTL_S 10 (0..3600); 0: not remembered */
    int64_t fence_ms;        /* CUSTOMERD_OBJECT_FENCE_MS 30000 (1000..600000): more than s3.timeout_ms */
};

struct objects_s3 {
    int64_t timeout_ms;      /* CUSTOMERD_OBJECT_S3_TIMEOUT_MS 2000 (50..60000): the bound on one operation with its retries; less than a request has */
    int64_t connections;     /* CUSTOMERD_OBJECT_S3_CONNECTIONS 64 (1..1024) */
    enum object_addressing addressing; /* CUSTOMERD_OBJECT_ADDRESSING auto | path | virtual */
};

struct objects_settings {
    char buckets[OBJECT_BUCKETS_MAX_CHARS]; /* CUSTOMERD_OBJECT_BUCKETS: names with commas between, required */
    struct objects_cache cache;
    struct objects_bounds bounds;
    struct objects_s3 s3;
};

#define OBJECTS_SETTINGS_ROWS 20
extern const struct config_row objects_settings_rows[OBJECTS_SETTINGS_ROWS];

/* What the cache's settings say, in the database's form. What they leave out stays as it is. */
void objects_cache_login(const struct objects_cache *cache, struct config_db *db, struct config_iam *iam);
/* Whether they are all there and go together, also with CUSTOMERD_REQUEST_TIMEOUT_MS. */
enum status objects_settings_check(const struct objects_settings *settings, int64_t request_timeout_ms, struct error *err) MUST_USE;
/* Whether the bucket is one of those that may be used. */
bool objects_settings_has_bucket(const struct objects_settings *settings, struct slice bucket);

#endif
