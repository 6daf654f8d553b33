#include "customerd/core/crypto.h"

#include <stdlib.h>

#include "inner.h"

#define LOG_EVERY_MS 1000

static const char *const source_labels[OBJECT_SOURCES] = {
    [OBJECT_HIT] = "source=\"hit\"",
    [OBJECT_MISS] = "source=\"miss\"",
    [OBJECT_STALE] = "source=\"stale\"",
    [OBJECT_BYPASS] = "source=\"bypass\"",
};
static const char *const read_labels[READ_OUTCOMES] = {
    [READ_OBJECT] = "outcome=\"object\"",
    [READ_ABSENT] = "outcome=\"absent\"",
    [READ_FAILED] = "outcome=\"failed\"",
};
static const char *const fill_labels[FILL_OUTCOMES] = {
    [FILL_KEPT] = "outcome=\"kept\"",
    [FILL_LOST] = "outcome=\"lost\"",
    [FILL_FAILED] = "outcome=\"failed\"",
};
static const char *const write_labels[WRITE_OUTCOMES] = {
    [WRITE_KEPT] = "outcome=\"kept\"",       [WRITE_DROPPED] = "outcome=\"dropped\"", [WRITE_FENCED] = "outcome=\"fenced\"",
    [WRITE_REFUSED] = "outcome=\"refused\"", [WRITE_FAILED] = "outcome=\"failed\"",   [WRITE_UNKNOWN] = "outcome=\"unknown\"",
};
static const char *const event_labels[CACHE_DROPS] = {
    [CACHE_DROP_DROPPED] = "outcome=\"dropped\"",
    [CACHE_DROP_NONE] = "outcome=\"none\"",
    [CACHE_DROP_SAME] = "outcome=\"same\"",
    [CACHE_DROP_FENCED] = "outcome=\"fenced\"",
};

static bool make_families(struct objects *o)
{
    const struct metrics_options reads = {
        .name = "customerd_objects_reads_total",
        .help = "Reads of objects, by where what they gave came from.",
        .dimensions = { { source_labels, OBJECT_SOURCES }, { read_labels, READ_OUTCOMES } },
        .n_dimensions = 2,
        .from_start = true,
    };
    const struct metrics_options fills = {
        .name = "customerd_objects_fills_total",
        .help = "Answers of S3 that were to be kept; lost: a write or an event came between.",
        .dimensions = { { fill_labels, FILL_OUTCOMES } },
        .n_dimensions = 1,
        .from_start = true,
    };
    const struct metrics_options writes = {
        .name = "customerd_objects_writes_total",
        .help = "Writes of objects: kept or dropped in the cache, still fenced, refused by S3, failed, or not known.",
        .dimensions = { { write_labels, WRITE_OUTCOMES } },
        .n_dimensions = 1,
        .from_start = true,
    };
    const struct metrics_options events = {
        .name = "customerd_objects_events_total",
        .help = "What S3's events did to the cache.",
        .dimensions = { { event_labels, CACHE_DROPS } },
        .n_dimensions = 1,
        .from_start = true,
    };
    o->metrics.reads = metrics_family_new(&reads);
    o->metrics.fills = metrics_family_new(&fills);
    o->metrics.writes = metrics_family_new(&writes);
    o->metrics.events = metrics_family_new(&events);
    return o->metrics.reads != NULL && o->metrics.fills != NULL && o->metrics.writes != NULL && o->metrics.events != NULL;
}

struct objects *objects_new(const struct objects_options *options, struct error *err)
{
    struct objects *o = calloc(1, sizeof *o);
    if (o != NULL) {
        o->options = *options;
        o->cache = (struct cache){ options->cluster, options->clock, options->settings->cache.timeout_ms };
        o->flights = flights_new();
    }
    if (o == NULL || o->flights == NULL || !make_families(o)) {
        objects_destroy(o);
        (void)error_set(err, STATUS_INTERNAL, "out of memory");
        return NULL;
    }
    return o;
}

void objects_destroy(struct objects *o)
{
    if (o == NULL)
        return;
    flights_destroy(o->flights);
    metrics_family_destroy(o->metrics.reads);
    metrics_family_destroy(o->metrics.fills);
    metrics_family_destroy(o->metrics.writes);
    metrics_family_destroy(o->metrics.events);
    free(o);
}

void objects_write_metrics(struct objects *o, struct buf *out)
{
    metrics_family_write(o->metrics.reads, out);
    metrics_family_write(o->metrics.fills, out);
    metrics_family_write(o->metrics.writes, out);
    metrics_family_write(o->metrics.events, out);
    metrics_write_counter(out, "customerd_objects_damaged_total", "Times that what the cache had could not be read; it was dropped.",
                          atomic_load(&o->metrics.damaged));
}

void objects_count_read(struct objects *o, enum object_source source, enum read_outcome outcome)
{
    metrics_count(o->metrics.reads, (const size_t[]){ source, outcome }, 1);
}

void objects_count_fill(struct objects *o, enum fill_outcome outcome)
{
    metrics_count(o->metrics.fills, (const size_t[]){ outcome }, 1);
}

void objects_count_write(struct objects *o, enum write_outcome outcome)
{
    metrics_count(o->metrics.writes, (const size_t[]){ outcome }, 1);
}

/* ---- what can't be read ---- */

/* The log names no object. The tag leads to the key, and is how the object's id in the audit begins. */
static void tell_damaged(struct objects *o, const struct cache_key *key)
{
    int64_t at_ms = objects_now_ms(o);
    int64_t after_ms = atomic_load(&o->log_after_ms);
    if (at_ms < after_ms || !atomic_compare_exchange_strong(&o->log_after_ms, &after_ms, at_ms + LOG_EVERY_MS)) {
        (void)atomic_fetch_add(&o->unlogged, 1);
        return;
    }
    LOG(o->options.log, LOG_WARN, "cached_object_damaged", LOG_STR("tag", cache_key_tag(key)),
        LOG_INT("unlogged", atomic_exchange(&o->unlogged, 0)));
}

bool objects_mend(struct objects *o, const struct cache_key *key, int64_t deadline_ms)
{
    struct error ignored;
    (void)atomic_fetch_add(&o->metrics.damaged, 1);
    tell_damaged(o, key);
    return cache_mend(&o->cache, key, deadline_ms, &ignored) == STATUS_OK;
}

/* ---- times ---- */

int64_t objects_s3_deadline_ms(const struct objects *o, int64_t deadline_ms)
{
    int64_t own_ms = objects_now_ms(o) + o->options.settings->s3.timeout_ms;
    return own_ms < deadline_ms ? own_ms : deadline_ms;
}

struct entry objects_entry(const struct objects *o, enum entry_kind kind)
{
    const struct objects_bounds *b = &o->options.settings->bounds;
    uint32_t bits = 0;
    int64_t ms = 1000 * (kind == ENTRY_ABSENT ? b->absent_ttl_s : b->ttl_s);
    if (random_ids(&bits, sizeof bits))
        ms += ms / 5 * (int64_t)(bits % 1001) / 1000 - ms / 10;
    return (struct entry){
        .kind = kind,
        .fresh_ms = ms,
        .life_ms = kind == ENTRY_OBJECT ? ms + 1000 * b->stale_s : ms,
    };
}

/* ---- S3 ---- */

static enum status s3_origin_get(void *ctx, const struct s3_get *get, struct s3_reply *out, struct error *err)
{
    return s3_get(ctx, get, out, err);
}

static enum status s3_origin_put(void *ctx, const struct s3_put *put, struct s3_reply *out, struct error *err)
{
    return s3_put(ctx, put, out, err);
}

static enum status s3_origin_remove(void *ctx, const struct s3_delete *what, struct s3_reply *out, struct error *err)
{
    return s3_delete(ctx, what, out, err);
}

struct objects_origin objects_origin_s3(struct s3 *s3)
{
    return (struct objects_origin){ s3_origin_get, s3_origin_put, s3_origin_remove, s3 };
}
