/* inner: what the sources of objects share. */
#ifndef CUSTOMERD_OBJECTS_INNER_H
#define CUSTOMERD_OBJECTS_INNER_H

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
    } metrics;
};

void objects_count_read(struct objects *o, enum object_source source, enum read_outcome outcome);
void objects_count_fill(struct objects *o, enum fill_outcome outcome);
void objects_count_write(struct objects *o, enum write_outcome outcome);

static inline int64_t objects_now_ms(const struct objects *o)
{
    return clock_monotonic_ms(o->options.clock);
}
/* The earlier of the deadline and now + S3's time-out. */
int64_t objects_s3_deadline_ms(const struct objects *o, int64_t deadline_ms);
/* What an entry is stored with: how long it is fresh, give or take a tenth, so that what came together does not end together. */
struct entry objects_entry(const struct objects *o, enum entry_kind kind);

#endif
