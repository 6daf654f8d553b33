/* s3_metrics: what is counted of the requests to S3. Any thread. */
#ifndef CUSTOMERD_AWS_S3_METRICS_H
#define CUSTOMERD_AWS_S3_METRICS_H

#include "customerd/core/metrics.h"
#include "customerd/core/status.h"
#include "s3_verdict.h"

struct s3_metrics {
    struct metrics_family *requests;
    struct metrics_family *durations;
    struct metrics_family *retries;
    struct metrics_family *bytes;
};

/* False when memory is out; to be cleaned up in any case. */
bool s3_metrics_init(struct s3_metrics *m) MUST_USE;
void s3_metrics_clean_up(struct s3_metrics *m);
/* A request has come to its end, retries included: with an answer of http_status, or a failure. */
void s3_metrics_ended(struct s3_metrics *m, enum s3_operation operation, enum status status, int http_status,
                      int64_t took_us);
void s3_metrics_retried(struct s3_metrics *m, enum s3_operation operation);
void s3_metrics_received(struct s3_metrics *m, uint64_t bytes);
void s3_metrics_sent(struct s3_metrics *m, uint64_t bytes);
void s3_metrics_write(const struct s3_metrics *m, struct buf *out);

#endif
