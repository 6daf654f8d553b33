#include "customerd/core/metrics.h"
#include "customerd/memorydb/database.h"
#include "customerd/objects/objects.h"

#include <inttypes.h>
#include <stdlib.h>

#define WAITING_PER_CONNECTION 16

struct objects_service {
    struct database cache;
    struct s3 *s3;
    struct objects *objects;
    const struct clock *clock;
};

/* What stands nowhere in the cache's own settings is as the database's: how long to connect, when to sign in again, and the like. */
static struct database_options cache_options(const struct objects_cache *cache, const struct config *config,
                                             const struct clock *clock)
{
    struct database_options o = {
        .db = config->db,
        .iam = config->iam,
        .password_setting = "CUSTOMERD_CACHE_PASSWORD_FILE",
        .ca_setting = "CUSTOMERD_CACHE_CA_FILE",
        .metrics_name = "cache",
        .clock = clock,
    };
    o.db.queue_max = config_queue_max(config);
    objects_cache_login(cache, &o.db, &o.iam);
    return o;
}

/* A password's file only: what else there is to look for may be asked of the network. */
enum status objects_service_check(const struct objects_settings *settings, struct error *err)
{
    const struct config none = { .resources = "" };
    const struct database_options cache = cache_options(&settings->cache, &none, clock_system());
    struct database d = { .cluster = NULL };
    return settings->cache.auth == DB_AUTH_PASSWORD ? database_prepare(&d, &cache, err) : STATUS_OK;
}

static enum s3_addressing addressing_of(enum object_addressing a)
{
    return a == OBJECT_ADDRESSING_PATH      ? S3_ADDRESSING_PATH
           : a == OBJECT_ADDRESSING_VIRTUAL ? S3_ADDRESSING_VIRTUAL
                                            : S3_ADDRESSING_AUTO;
}

static enum status start(struct objects_service *s, const struct objects_settings *settings, struct io_thread *io,
                         struct log *log, struct error *err)
{
    const struct s3_options s3 = {
        .addressing = addressing_of(settings->s3.addressing),
        .connections = (size_t)settings->s3.connections,
        .waiting = (size_t)settings->s3.connections * WAITING_PER_CONNECTION,
        .streams = (size_t)settings->s3.connections,
        .log = log,
    };
    enum status status = database_start(&s->cache, io, log, err);
    if (status != STATUS_OK)
        return status;
    s->s3 = s3_new(&s3, err);
    if (s->s3 == NULL)
        return err->code;
    const struct objects_options options = {
        .cluster = s->cache.cluster,
        .origin = objects_origin_s3(s->s3),
        .settings = settings,
        .clock = s->clock,
        .log = log,
    };
    s->objects = objects_new(&options, err);
    return s->objects == NULL ? err->code : STATUS_OK;
}

struct objects_service *objects_service_new(const struct objects_settings *settings, const struct config *config,
                                            struct io_thread *io, const struct clock *clock, struct log *log,
                                            struct error *err)
{
    const struct database_options cache = cache_options(&settings->cache, config, clock);
    struct objects_service *s = calloc(1, sizeof *s);
    if (s == NULL) {
        (void)error_set(err, STATUS_INTERNAL, "out of memory");
        return NULL;
    }
    s->clock = clock;
    enum status status = database_prepare(&s->cache, &cache, err);
    if (status == STATUS_OK)
        status = start(s, settings, io, log, err);
    if (status == STATUS_OK)
        return s;
    objects_service_destroy(s);
    return NULL;
}

void objects_service_destroy(struct objects_service *s)
{
    if (s == NULL)
        return;
    objects_destroy(s->objects);
    s3_destroy(s->s3);
    database_stop(&s->cache);
    free(s);
}

struct objects *objects_service_objects(struct objects_service *s)
{
    return s->objects;
}

struct cluster *objects_service_cluster(struct objects_service *s)
{
    return s->cache.cluster;
}

struct s3 *objects_service_s3(struct objects_service *s)
{
    return s->s3;
}

/* ---- what is told of it ---- */

static void write_iam(const struct objects_service *s, struct buf *out)
{
    struct iam_refresher_state state;
    if (s->cache.refresher == NULL)
        return;
    iam_refresher_state(s->cache.refresher, &state);
    metrics_write_counter(out, "customerd_cache_iam_refreshes_total", "Times that the cache's token was made anew.",
                          state.refreshes);
    metrics_write_counter(out, "customerd_cache_iam_failures_total", "Times that it could not be.", state.failures);
    if (state.token_minted_ms > 0)
        metrics_write_gauge_ms(out, "customerd_cache_iam_token_valid_seconds",
                               "Time until the cache's token ends; negative when it has.",
                               state.token_valid_until_ms - clock_realtime_ms(s->clock));
}

void objects_service_write_metrics(struct objects_service *s, struct buf *out)
{
    objects_write_metrics(s->objects, out);
    cluster_write_metrics(s->cache.cluster, out);
    write_iam(s, out);
    s3_write_metrics(s->s3, out);
}

static void append_failure(struct buf *out, const char *text)
{
    buf_append_cstr(out, ",\"last_failure\":\"");
    buf_append_json_escaped(out, slice_cstr(text));
    buf_append_cstr(out, "\"}");
}

/* Neither of the two makes the service unready: without the cache S3 is asked, and without S3 the cache is served. */
void objects_service_write_readiness(struct objects_service *s, struct buf *out)
{
    struct cluster_state state;
    struct error reason = { .detail = "" };
    cluster_state(s->cache.cluster, &state);
    bool signs = s3_ready(s->s3, &reason) == STATUS_OK;
    buf_appendf(out, ",\"cache\":{\"cluster_mode\":%s,\"shards\":%zu,\"slots_served\":%u,\"topology_age_ms\":%" PRId64,
                state.cluster_mode ? "true" : "false", state.n_shards, state.slots_served, state.topology_age_ms);
    append_failure(out, state.last_failure);
    buf_appendf(out, ",\"s3\":{\"has_credentials\":%s", signs ? "true" : "false");
    append_failure(out, signs ? "" : reason.detail);
}
