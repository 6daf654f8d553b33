/* comparison: how long reads of one object take from S3 and from the cache, as a table, as JSON and as a picture. */
#ifndef CUSTOMERD_OBJECTS_COMPARISON_H
#define CUSTOMERD_OBJECTS_COMPARISON_H

#include "customerd/core/buf.h"
#include "customerd/objects/latency.h"

struct comparison_side {
    struct latency_summary latency; /* of the reads that are compared */
    size_t failures;                /* reads that gave nothing, and are not in it */
};

struct comparison {
    struct slice bucket;
    struct slice key; /* UTF-8 */
    size_t size;      /* of the object, in bytes */
    size_t requests;  /* of each side */
    struct comparison_side s3, cache;
    size_t misses;    /* reads that the cache did not answer alone, and are not in its latency */
};

/* Each appends; both sides have at least one time. Pure. */
void comparison_table(const struct comparison *c, struct buf *out);
/* One object, with a line feed. Times in microseconds. */
void comparison_json(const struct comparison *c, struct buf *out);
/* SVG 1.1: a document of its own, without scripts, links or fonts from elsewhere, that fills whatever frame it is shown in. */
void comparison_svg(const struct comparison *c, struct buf *out);

#endif
