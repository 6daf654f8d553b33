/* inner: what the sources of objects share. */
#ifndef CUSTOMERD_OBJECTS_INNER_H
#define CUSTOMERD_OBJECTS_INNER_H

#include <stdatomic.h>

#include "customerd/core/metrics.h"

#include "flight.h"

/* How a read ended, and where what it gave came from. */
enum read_outcome { READ_OBJECT, READ_ABSENT, READ_FAILED, READ_OUTCOMES };
#define OBJECT_SOURCES 4
/* What came of S3's answers: kept; not kept, since a write or an event came between; not kept, since the cache failed. */
enum fill_outcome { FILL_KEPT, FILL_LOST, FILL_FAILED, FILL_OUTCOMES };
enum write_outcome { WRITE_KEPT, WRITE_DROPPED, WRITE_FENCED, WRITE_REFUSED, WRITE_FAILED, WRITE_UNKNOWN, WRITE_OUTCOMES };

struct objects {
    struct objects_options options;
    struct cache cache;
    struct flights *flights;
    struct {
        struct metrics_family *reads;  /* source, outcome */
        struct metrics_family *fills;
        struct metrics_family *writes;
        struct metrics_family *events;
        atomic_ullong damaged;
    } metrics;
    _Atomic int64_t log_after_ms; /* what is damaged is logged once a second */
    atomic_int unlogged;
};

void objects_count_read(struct objects *o, enum object_source source, enum read_outcome outcome);
void objects_count_fill(struct objects *o, enum fill_outcome outcome);
void objects_count_write(struct objects *o, enum write_outcome outcome);

/* After RECORD_DAMAGED: what lies there is counted, logged and dropped. Whether the cache can be asked again. */
bool objects_mend(struct objects *o, const struct cache_key *key, int64_t deadline_ms);

static inline int64_t objects_now_ms(const struct objects *o)
{
    return clock_monotonic_ms(o->options.clock);
}
/* The earlier of the deadline and now + S3's time-out. */
int64_t objects_s3_deadline_ms(const struct objects *o, int64_t deadline_ms);
/* What an entry is stored with: how long it is fresh, give or take a tenth, so that what came together does not end together. */
struct entry objects_entry(const struct objects *o, enum entry_kind kind);

#endif
