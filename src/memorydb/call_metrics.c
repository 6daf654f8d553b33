#include "call_metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "customerd/core/metrics.h"

/* Operations are the commands and scripts that the service's own code runs: far fewer. What comes beyond counts as the
 * last one. */
#define OPERATIONS_MAX 64
/* A shard serves at least one of the 256 buckets. The last one stands for what never reached a shard, or one beyond. */
#define SHARDS_MAX 257
#define LABEL_SIZE 64

/* How a call can end; the first with its reply, the second with its caller's patience, the others with a failure. */
enum { ENDED_WELL, ENDED_BY_DEADLINE, ENDED_BY_FAILURE };
static const enum status failures[] = { STATUS_UNAVAILABLE,    STATUS_OUTCOME_UNKNOWN, STATUS_STORAGE_FULL,
                                        STATUS_RECORD_DAMAGED, STATUS_NOT_READY,       STATUS_INTERNAL };
#define FAILURES (sizeof failures / sizeof *failures)
#define ENDINGS (ENDED_BY_FAILURE + FAILURES)

struct operation {
    char name[24];
    size_t len;
    char label[LABEL_SIZE];
};

struct call_metrics {
    struct metrics_family *durations;
    pthread_mutex_t mutex; /* of whoever adds an operation */
    atomic_size_t n_operations;
    struct operation operations[OPERATIONS_MAX];
    char shards[SHARDS_MAX][16];
    char endings[ENDINGS][LABEL_SIZE];
    const char *operation_labels[OPERATIONS_MAX];
    const char *shard_labels[SHARDS_MAX];
    const char *ending_labels[ENDINGS];
};

/* OpenTelemetry's advice for db.client.operation.duration. */
static const int64_t bounds_us[] = { 1000, 5000, 10000, 50000, 100000, 500000, 1000000, 5000000, 10000000 };
static const struct metrics_bounds bounds = { bounds_us, sizeof bounds_us / sizeof *bounds_us };

static void name_operation(struct operation *o, struct slice name)
{
    o->len = name.len < sizeof o->name ? name.len : sizeof o->name - 1;
    memcpy(o->name, name.ptr, o->len);
    snprintf(o->label, sizeof o->label, "db_system_name=\"redis\",db_operation_name=\"%.*s\"", (int)o->len, o->name);
}

static void name_labels(struct call_metrics *m)
{
    for (size_t i = 0; i < OPERATIONS_MAX; i++)
        m->operation_labels[i] = m->operations[i].label;
    for (size_t i = 0; i < SHARDS_MAX; i++) {
        snprintf(m->shards[i], sizeof m->shards[i], "shard=\"%zu\"", i);
        m->shard_labels[i] = m->shards[i];
    }
    m->shard_labels[SHARDS_MAX - 1] = "shard=\"\"";
    for (size_t i = 0; i < ENDINGS; i++) {
        const char *why = i == ENDED_WELL          ? ""
                          : i == ENDED_BY_DEADLINE ? "deadline"
                                                   : status_slug(failures[i - ENDED_BY_FAILURE]);
        snprintf(m->endings[i], sizeof m->endings[i], "error_type=\"%.40s\"", why);
        m->ending_labels[i] = m->endings[i];
    }
}

struct call_metrics *call_metrics_new(const char *family)
{
    struct call_metrics *m = calloc(1, sizeof *m);
    if (m == NULL)
        return NULL;
    name_labels(m);
    name_operation(&m->operations[OPERATIONS_MAX - 1], slice_cstr("other"));
    const struct metrics_options options = {
        .name = family == NULL ? "db_client_operation_duration_seconds" : family,
        .help = "Time from handing an operation over until its answer, retries and redirects included.",
        .bounds = &bounds,
        .dimensions = { { m->operation_labels, OPERATIONS_MAX }, { m->shard_labels, SHARDS_MAX },
                        { m->ending_labels, ENDINGS } },
        .n_dimensions = 3,
    };
    m->durations = metrics_family_new(&options);
    if (m->durations == NULL) {
        free(m);
        return NULL;
    }
    pthread_mutex_init(&m->mutex, NULL);
    return m;
}

void call_metrics_destroy(struct call_metrics *m)
{
    if (m == NULL)
        return;
    pthread_mutex_destroy(&m->mutex);
    metrics_family_destroy(m->durations);
    free(m);
}

/* Among the first n; n itself when it is not there. */
static size_t find_operation(const struct call_metrics *m, struct slice name, size_t n)
{
    size_t i = 0;
    while (i < n && !slice_equal(slice_of(m->operations[i].name, m->operations[i].len), name))
        i++;
    return i;
}

/* An operation is complete before it is counted in, and never changes. */
static size_t operation_of(struct call_metrics *m, struct slice name)
{
    size_t n = atomic_load_explicit(&m->n_operations, memory_order_acquire);
    size_t at = find_operation(m, name, n);
    if (at < n || name.len >= sizeof m->operations[0].name)
        return at < n ? at : OPERATIONS_MAX - 1;
    pthread_mutex_lock(&m->mutex);
    n = atomic_load_explicit(&m->n_operations, memory_order_relaxed);
    at = find_operation(m, name, n);
    if (at == n && n < OPERATIONS_MAX - 1) {
        name_operation(&m->operations[n], name);
        atomic_store_explicit(&m->n_operations, n + 1, memory_order_release);
    }
    pthread_mutex_unlock(&m->mutex);
    return at;
}

static size_t ending_of(const struct call *call)
{
    bool answered = (atomic_load_explicit(&call->flags, memory_order_acquire) & CALL_DONE) != 0;
    if (call->outcome == STATUS_OK)
        return ENDED_WELL;
    if (!answered)
        return ENDED_BY_DEADLINE;
    size_t i = 0;
    while (i < FAILURES - 1 && failures[i] != call->outcome)
        i++;
    return ENDED_BY_FAILURE + i;
}

void call_metrics_observe(struct call_metrics *m, const struct call *call)
{
    size_t ending = ending_of(call);
    unsigned shard = atomic_load_explicit(&call->shard, memory_order_relaxed);
    const size_t at[] = { operation_of(m, call_operation(call)), shard < SHARDS_MAX - 1 ? shard : SHARDS_MAX - 1,
                          ending };
    int64_t ended_us = ending == ENDED_BY_DEADLINE ? metrics_now_us() : call->progress.answered_us;
    metrics_observe_us(m->durations, at, ended_us - call->submitted_us);
}

void call_metrics_write(const struct call_metrics *m, struct buf *out)
{
    metrics_family_write(m->durations, out);
}
