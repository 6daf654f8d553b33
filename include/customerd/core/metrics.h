/* metrics: counters and histograms with bounded label sets, and their text for Prometheus.
 *
 * A family's series are the combinations of fixed label texts, so that nothing from outside can make one. A series is made
 * when it is first counted, or, where they are few, all are there from the start: what never happened is then told as 0. Counting is one or two relaxed atomic additions: any thread, never blocks. Values that some
 * module keeps anyway (gauges) are not stored here; they are written at the time of the scrape.
 * https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4) */
#ifndef CUSTOMERD_CORE_METRICS_H
#define CUSTOMERD_CORE_METRICS_H

#include <stdint.h>

#include "customerd/core/buf.h"

#define METRICS_DIMENSIONS_MAX 3
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* One dimension of a family: texts of the form name="value", or several of them with commas between; all constant for the
 * family's life, with their values escaped. */
struct metrics_dimension {
    const char *const *labels;
    size_t n;
};

/* Upper bounds of a histogram's buckets, ascending; the bucket without bound is added. */
struct metrics_bounds {
    const int64_t *micros;
    size_t n;
};

struct metrics_options {
    const char *name; /* borrowed, as all others here */
    const char *help;
    const struct metrics_bounds *bounds; /* of a histogram of durations, in a family named ..._seconds; NULL: a counter */
    struct metrics_dimension dimensions[METRICS_DIMENSIONS_MAX];
    size_t n_dimensions;
    bool from_start; /* all series are there at once */
};

struct metrics_family;

/* NULL when out of memory. */
struct metrics_family *metrics_family_new(const struct metrics_options *options);
/* Accepts NULL. */
void metrics_family_destroy(struct metrics_family *f);

/* at: for each dimension the label's index; one out of range is dropped, as is everything when memory is out. f may be
 * NULL. */
void metrics_count(struct metrics_family *f, const size_t *at, uint64_t n);
void metrics_observe_us(struct metrics_family *f, const size_t *at, int64_t micros);

/* Appends HELP, TYPE and all series that there are. */
void metrics_family_write(const struct metrics_family *f, struct buf *out);

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE };

/* ---- values that are known only at the time of the scrape ---- */

void metrics_write_head(struct buf *out, const char *name, enum metrics_type type, const char *help);
/* labels as in a dimension, "" for none. */
void metrics_write_int(struct buf *out, const char *name, const char *labels, int64_t value);
/* Milliseconds, written as seconds. */
void metrics_write_ms(struct buf *out, const char *name, const char *labels, int64_t ms);
/* Head and value of a metric without labels. */
void metrics_write_counter(struct buf *out, const char *name, const char *help, uint64_t value);
void metrics_write_gauge(struct buf *out, const char *name, const char *help, int64_t value);
void metrics_write_gauge_ms(struct buf *out, const char *name, const char *help, int64_t ms);

/* Microseconds of the machine's monotonic clock, for measuring durations. */
int64_t metrics_now_us(void);

#endif
