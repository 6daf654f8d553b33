#include "customerd/objects/settings.h"

#include "customerd/aws/s3.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const auth_words[] = { "iam", "password", "none", NULL };
static const char *const service_words[] = { "elasticache", "memorydb", NULL };
static const char *const addressing_words[] = { "auto", "path", "virtual", NULL };

#define ROW_HOST_PORT(name, member, preset, doc) CONFIG_ROW_HOST_PORT(name, struct objects_settings, member, preset, 1, doc)
#define ROW_INT(name, member, preset, min, max, doc) \
    CONFIG_ROW_INT(name, struct objects_settings, member, preset, min, max, doc)
#define ROW_BOOL(name, member, preset, doc) CONFIG_ROW_BOOL(name, struct objects_settings, member, preset, doc)
#define ROW_WORD(name, member, preset, words, doc) \
    CONFIG_ROW_WORD(name, struct objects_settings, member, preset, words, doc)
#define ROW_TEXT(name, member, doc) CONFIG_ROW_TEXT(name, struct objects_settings, member, "", doc)

const struct config_row objects_settings_rows[OBJECTS_SETTINGS_ROWS] = {
    ROW_TEXT("OBJECT_BUCKETS", buckets, "The S3 buckets whose objects may be read and written, with commas between; `objects` needs it"),
    ROW_HOST_PORT("CACHE_ENDPOINT", cache.endpoint, "",
                  "The cache's configuration endpoint, or a single server; not the database's; `objects` needs it"),
    ROW_BOOL("CACHE_TLS", cache.tls, "on", "Reach the cache by verified TLS"),
    ROW_TEXT("CACHE_CA_FILE", cache.ca_file, "PEM file of the CAs that may sign the cache's certificates; none: the system's"),
    ROW_WORD("CACHE_AUTH", cache.auth, "iam", auth_words, "How to sign in to the cache"),
    ROW_TEXT("CACHE_USER", cache.user, "The cache's user; `iam` needs it"),
    ROW_TEXT("CACHE_PASSWORD_FILE", cache.password_file, "File that holds the user's password; `password` needs it"),
    ROW_WORD("CACHE_IAM_SERVICE", cache.iam_service, "elasticache", service_words, "The AWS service that the cache's tokens are signed for"),
    ROW_TEXT("CACHE_IAM_RESOURCE", cache.iam_resource, "The name of the cache's cluster, replication group or cache; `iam` needs it"),
    ROW_BOOL("CACHE_IAM_SERVERLESS", cache.iam_serverless, "off", "The cache is a serverless ElastiCache cache"),
    ROW_INT("CACHE_TIMEOUT_MS", cache.timeout_ms, "250", 10, 10000, "How long the cache may take before S3 is asked without it; less than `CUSTOMERD_REQUEST_TIMEOUT_MS`"),
    ROW_INT("OBJECT_CACHE_MAX_BYTES", bounds.cache_max_bytes, "1048576", 0, 8388608,
            "The longest object that is kept; longer ones stream through"),
    ROW_INT("OBJECT_PUT_MAX_BYTES", bounds.put_max_bytes, "8388608", 0, 67108864, "The longest object that can be put"),
    ROW_INT("OBJECT_TTL_S", bounds.ttl_s, "300", 1, 604800, "How long an object is served from the cache, give or take a tenth"),
    ROW_INT("OBJECT_STALE_S", bounds.stale_s, "3600", 0, 604800, 
            "And how long after that where S3 does not answer, or while another request asks it whether the object has changed"),
    ROW_INT("OBJECT_ABSENT_TTL_S", bounds.absent_ttl_s, "10", 0, 3600, "How long it is remembered that an object is absent; 0: not at all"),
    ROW_INT("OBJECT_FENCE_MS", bounds.fence_ms, "30000", 1000, 600000,
            "How long nothing of an object is kept after a write of which nobody knows how it ended; more than the time-out of S3"),
    ROW_INT("OBJECT_S3_TIMEOUT_MS", s3.timeout_ms, "2000", 50, 60000,
            "How long S3 may take for one request with its retries; less than `CUSTOMERD_REQUEST_TIMEOUT_MS`, to have time left for what is stale"),
    ROW_INT("OBJECT_S3_CONNECTIONS", s3.connections, "64", 1, 1024,
            "Connections to S3 at a time; beside them as many objects may be handed through that are too long to be kept, and one more is answered 503"),
    ROW_WORD("OBJECT_ADDRESSING", s3.addressing, "auto", addressing_words,
             "Where the bucket's name stands: in the `path` or as a `virtual` host; `auto`: virtual at AWS, path elsewhere"),
};

/* ---- buckets ---- */

bool objects_settings_has_bucket(const struct objects_settings *settings, struct slice bucket)
{
    struct slice rest = slice_cstr(settings->buckets);
    while (rest.len > 0)
        if (slice_equal(slice_take(&rest, ','), bucket))
            return true;
    return false;
}

static enum status check_buckets(const struct objects_settings *settings, struct error *err)
{
    struct slice rest = slice_cstr(settings->buckets);
    if (rest.len == 0)
        return error_set(err, STATUS_BAD_PARAMETER, "CUSTOMERD_OBJECT_BUCKETS: not set; name the S3 buckets that may be used");
    bool more = true;
    while (more) {
        more = memchr(rest.ptr, ',', rest.len) != NULL;
        struct slice name = slice_take(&rest, ',');
        if (!s3_is_bucket_name(name))
            return error_set(err, STATUS_BAD_PARAMETER,
                             "CUSTOMERD_OBJECT_BUCKETS: \"%.*s\" is not a bucket's name: 3 to 63 small letters, digits, hyphens "
                             "and single dots",
                             (int)(name.len < 80 ? name.len : 80), name.ptr);
    }
    return STATUS_OK;
}

/* ---- the cache and the bounds ---- */

void objects_cache_login(const struct objects_cache *cache, struct config_db *db, struct config_iam *iam)
{
    db->endpoint = cache->endpoint;
    db->tls = cache->tls;
    db->auth = cache->auth;
    (void)snprintf(db->ca_file, sizeof db->ca_file, "%s", cache->ca_file);
    (void)snprintf(db->user, sizeof db->user, "%s", cache->user);
    (void)snprintf(db->password_file, sizeof db->password_file, "%s", cache->password_file);
    (void)snprintf(iam->service, sizeof iam->service, "%s", cache->iam_service);
    (void)snprintf(iam->resource, sizeof iam->resource, "%s", cache->iam_resource);
    config_lower_resource(iam);
    iam->serverless = cache->iam_serverless;
}

static enum status check_cache(const struct objects_cache *cache, struct error *err)
{
    static const struct config_cluster_names names = { "CACHE", "CACHE_IAM" };
    struct config_db db = { .tls = false };
    struct config_iam iam = { .serverless = false };
    if (cache->endpoint.host[0] == '\0')
        return error_set(err, STATUS_BAD_PARAMETER, "CUSTOMERD_CACHE_ENDPOINT: not set; give the cache's host:port");
    objects_cache_login(cache, &db, &iam);
    return config_check_login(&db, &iam, &names, err);
}

/* A request that ends before the cache or S3 is given up can't go on to S3 without the cache, nor serve what is stale. */
static enum status check_times(const struct objects_settings *settings, int64_t request_timeout_ms, struct error *err)
{
    const struct {
        const char *name;
        int64_t ms;
        const char *what;
    } times[] = {
        { "CUSTOMERD_CACHE_TIMEOUT_MS", settings->cache.timeout_ms, "S3 could be asked without the cache" },
        { "CUSTOMERD_OBJECT_S3_TIMEOUT_MS", settings->s3.timeout_ms, "what is stale could be served" },
    };
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (times[i].ms >= request_timeout_ms)
            return error_set(err, STATUS_BAD_PARAMETER,
                             "%s: \"%" PRId64 "\" is not less than CUSTOMERD_REQUEST_TIMEOUT_MS, which is %" PRId64
                             ": a request would be over before %s",
                             times[i].name, times[i].ms, request_timeout_ms, times[i].what);
    return STATUS_OK;
}

enum status objects_settings_check(const struct objects_settings *settings, int64_t request_timeout_ms, struct error *err)
{
    enum status status = check_buckets(settings, err);
    if (status == STATUS_OK)
        status = check_cache(&settings->cache, err);
    if (status == STATUS_OK)
        status = check_times(settings, request_timeout_ms, err);
    if (status == STATUS_OK && settings->bounds.fence_ms <= settings->s3.timeout_ms)
        status = error_set(err, STATUS_BAD_PARAMETER,
                           "CUSTOMERD_OBJECT_FENCE_MS: \"%" PRId64 "\" is not more than CUSTOMERD_OBJECT_S3_TIMEOUT_MS, after "
                           "which a write may still arrive",
                           settings->bounds.fence_ms);
    return status;
}
