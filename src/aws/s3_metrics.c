#include "s3_metrics.h"

static const char *const operations[S3_OPERATIONS] = {
    [S3_OP_GET] = "operation=\"get\"",       [S3_OP_HEAD] = "operation=\"head\"", [S3_OP_PUT] = "operation=\"put\"",
    [S3_OP_DELETE] = "operation=\"delete\"", [S3_OP_LIST] = "operation=\"list\"",
};

enum outcome { DONE, NOT_FOUND, NOT_MATCHED, TIMED_OUT, OVERLOADED, FAILED, OUTCOMES };
static const char *const outcomes[OUTCOMES] = {
    [DONE] = "outcome=\"ok\"",
    [NOT_FOUND] = "outcome=\"not-found\"",
    [NOT_MATCHED] = "outcome=\"not-matched\"",
    [TIMED_OUT] = "outcome=\"timed-out\"",
    [OVERLOADED] = "outcome=\"overloaded\"",
    [FAILED] = "outcome=\"failed\"",
};

enum direction { RECEIVED, SENT, DIRECTIONS };
static const char *const directions[DIRECTIONS] = { [RECEIVED] = "direction=\"received\"", [SENT] = "direction=\"sent\"" };

static const int64_t bounds_us[] = { 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000 };
static const struct metrics_bounds bounds = { bounds_us, sizeof bounds_us / sizeof *bounds_us };

bool s3_metrics_init(struct s3_metrics *m)
{
    const struct metrics_options requests = { .name = "customerd_s3_requests_total",
                                              .help = "Requests to S3, by operation and outcome; retries are within one.",
                                              .dimensions = { { operations, S3_OPERATIONS }, { outcomes, OUTCOMES } },
                                              .n_dimensions = 2 };
    const struct metrics_options durations = { .name = "customerd_s3_request_duration_seconds",
                                               .help = "How long requests to S3 took, with their retries; of a stream, until its head.",
                                               .bounds = &bounds,
                                               .dimensions = { { operations, S3_OPERATIONS } },
                                               .n_dimensions = 1 };
    const struct metrics_options retries = { .name = "customerd_s3_retries_total",
                                             .help = "Tries after the first one.",
                                             .dimensions = { { operations, S3_OPERATIONS } },
                                             .n_dimensions = 1,
                                             .from_start = true };
    const struct metrics_options bytes = { .name = "customerd_s3_bytes_total",
                                           .help = "Bytes of objects that were received from S3 and sent to it.",
                                           .dimensions = { { directions, DIRECTIONS } },
                                           .n_dimensions = 1,
                                           .from_start = true };
    *m = (struct s3_metrics){ .requests = metrics_family_new(&requests), .durations = metrics_family_new(&durations),
                              .retries = metrics_family_new(&retries), .bytes = metrics_family_new(&bytes) };
    return m->requests != NULL && m->durations != NULL && m->retries != NULL && m->bytes != NULL;
}

void s3_metrics_clean_up(struct s3_metrics *m)
{
    metrics_family_destroy(m->requests);
    metrics_family_destroy(m->durations);
    metrics_family_destroy(m->retries);
    metrics_family_destroy(m->bytes);
}

static enum outcome outcome_of(enum status status, int http_status)
{
    if (status == STATUS_S3_TIMED_OUT)
        return TIMED_OUT;
    if (status == STATUS_OVERLOADED)
        return OVERLOADED;
    if (status == STATUS_BAD_REQUEST) /* a digest that does not fit */
        return NOT_MATCHED;
    if (status != STATUS_OK)
        return FAILED;
    switch (http_status) {
    case 404:
        return NOT_FOUND;
    case 409:
    case 412:
    case 416:
        return NOT_MATCHED;
    default:
        return DONE;
    }
}

void s3_metrics_ended(struct s3_metrics *m, enum s3_operation operation, enum status status, int http_status,
                      int64_t took_us)
{
    const size_t at[] = { operation, outcome_of(status, http_status) };
    metrics_count(m->requests, at, 1);
    metrics_observe_us(m->durations, at, took_us);
}

void s3_metrics_retried(struct s3_metrics *m, enum s3_operation operation)
{
    const size_t at = operation;
    metrics_count(m->retries, &at, 1);
}

void s3_metrics_received(struct s3_metrics *m, uint64_t bytes)
{
    const size_t at = RECEIVED;
    metrics_count(m->bytes, &at, bytes);
}

void s3_metrics_sent(struct s3_metrics *m, uint64_t bytes)
{
    const size_t at = SENT;
    metrics_count(m->bytes, &at, bytes);
}

void s3_metrics_write(const struct s3_metrics *m, struct buf *out)
{
    metrics_family_write(m->requests, out);
    metrics_family_write(m->durations, out);
    metrics_family_write(m->retries, out);
    metrics_family_write(m->bytes, out);
}
