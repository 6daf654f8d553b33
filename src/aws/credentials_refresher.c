#include "customerd/aws/credentials_refresher.h"

#include "customerd/aws/refresh_schedule.h"
#include "customerd/core/crypto.h"
#include "customerd/core/metrics.h"
#include "customerd/core/monitor.h"

#include <stdio.h>
#include <stdlib.h>

/* The thread waits in slices, because a jump of the realtime clock wakes nobody. */
#define WAIT_SLICE_MS 500
#define CLOCK_JUMP_MS 5000
#define FORCED_EVERY_MS 1000
/* However long it lives: a change of long-lived keys is taken up within this time. */
#define LIFE_MAX_MS (15 * 60 * 1000)

/* What callers see; under the lock. */
struct snapshot {
    void *product; /* NULL: none */
    struct credentials_life life;
    int64_t valid_until_mono_ms; /* a clock set back must not prolong it */
    int64_t credentials_expire_ms;
    const char *source;
};

struct tally {
    uint64_t refreshes;
    uint64_t failures;
    char last_failure[160];
    struct metrics_family *refreshes_by_source;
    struct metrics_family *failures_by_source;
};

/* The thread's own; no lock. */
struct worker {
    struct credentials kept; /* of the last good fetch */
    const char *asked;       /* who answered last, or failed to: a literal */
    int64_t kept_since_ms;
    int64_t due_mono_ms;
    int64_t forced_mono_ms; /* the last attempt that a refusal forced */
    int64_t clock_offset_ms; /* realtime - monotonic at the last attempt */
    unsigned failures;       /* in a row */
};

struct credentials_refresher {
    pthread_t thread;
    struct monitor monitor;
    atomic_bool stop; /* the providers look at it too, without the lock */
    bool refused;
    struct snapshot snapshot;
    struct tally tally;
    struct credentials_refresher_options options;
    struct credentials_env env;
    struct worker worker;
};

static int64_t realtime_ms(const struct credentials_refresher *r)
{
    return clock_realtime_ms(r->env.clock);
}

static int64_t monotonic_ms(const struct credentials_refresher *r)
{
    return clock_monotonic_ms(r->env.clock);
}

static uint32_t random_bits(void)
{
    uint32_t bits = 0;
    return random_bytes(&bits, sizeof bits) ? bits : UINT32_MAX / 2;
}

static int64_t product_left_ms(const struct credentials_refresher *r)
{
    const struct snapshot *now = &r->snapshot;
    if (now->product == NULL)
        return 0;
    if (now->life.valid_until_ms == CREDENTIALS_NEVER_EXPIRE)
        return INT64_MAX;
    int64_t left_ms = now->life.valid_until_ms - realtime_ms(r);
    int64_t left_mono_ms = now->valid_until_mono_ms - monotonic_ms(r);
    return left_ms < left_mono_ms ? left_ms : left_mono_ms;
}

/* --------------------------------------------------------------------------------------------------- refresh */

/* Makes the product of the kept credentials and shows it to callers. */
static enum status make(struct credentials_refresher *r, struct error *err)
{
    const struct worker *w = &r->worker;
    const struct credentials_product *product = r->options.product;
    int64_t now_ms = realtime_ms(r);
    struct snapshot next = { .source = w->kept.source, .credentials_expire_ms = w->kept.expires_at_ms };
    next.product = product->make(r->options.make_ctx, &w->kept, now_ms, &next.life, err);
    if (next.product == NULL)
        return err->code;
    if (next.life.valid_until_ms > w->kept.expires_at_ms)
        next.life.valid_until_ms = w->kept.expires_at_ms;
    if (next.life.valid_until_ms != CREDENTIALS_NEVER_EXPIRE)
        next.valid_until_mono_ms = monotonic_ms(r) + (next.life.valid_until_ms - now_ms);

    monitor_lock(&r->monitor);
    void *old = r->snapshot.product;
    r->snapshot = next;
    monitor_unlock(&r->monitor);
    product->destroy(old);
    return STATUS_OK;
}

static void fetch_take(struct credentials_refresher *r, struct credentials *fresh)
{
    credentials_clean_up(&r->worker.kept);
    r->worker.kept = *fresh;
    r->worker.kept_since_ms = realtime_ms(r);
}

/* A product of the credentials at hand comes first: it is free, and an endpoint that hangs from here on is not noticed
 * until the credentials themselves end. */
static enum status renew(struct credentials_refresher *r, bool anew, struct error *err)
{
    const struct worker *w = &r->worker;
    if (!anew && w->kept.access_key_id.len > 0 && w->kept.expires_at_ms > realtime_ms(r)) {
        enum status status = make(r, err);
        if (status != STATUS_OK || refresh_may_reuse(&w->kept, w->kept_since_ms, realtime_ms(r)))
            return status;
    }
    struct credentials fresh = { .source = NULL };
    enum status status = credentials_chain_fetch(&r->env, &fresh, err);
    r->worker.asked = fresh.source;
    if (status != STATUS_OK) {
        credentials_clean_up(&fresh);
        return status;
    }
    fetch_take(r, &fresh);
    return make(r, err);
}

static const char *const source_labels[] = {
    "source=\"environment\"",  "source=\"profile\"",   "source=\"process\"", "source=\"assume-role\"",
    "source=\"web-identity\"", "source=\"container\"", "source=\"imds\"",    "source=\"none\"",
};
#define SOURCES (sizeof source_labels / sizeof *source_labels)

static void count_source(struct metrics_family *by_source, const char *source)
{
    char label[32];
    size_t at = 0;
    snprintf(label, sizeof label, "source=\"%s\"", source == NULL ? "none" : source);
    while (at < SOURCES - 1 && strcmp(source_labels[at], label) != 0)
        at++;
    metrics_count(by_source, &at, 1);
}

/* -1: it has no end. */
static int64_t shown_s(int64_t left_ms)
{
    if (left_ms == INT64_MAX)
        return -1;
    return left_ms > 0 ? left_ms / 1000 : 0;
}

static void renewed(struct credentials_refresher *r)
{
    struct worker *w = &r->worker;
    monitor_lock(&r->monitor);
    /* Before anybody can see that it went well: a clock that is moved then moves it on from here. */
    int64_t left_ms = product_left_ms(r);
    w->due_mono_ms = monotonic_ms(r) + refresh_after_ms(left_ms < LIFE_MAX_MS ? left_ms : LIFE_MAX_MS, random_bits());
    bool is_news = r->tally.refreshes == 0 || r->tally.last_failure[0] != '\0';
    r->tally.refreshes++;
    r->tally.last_failure[0] = '\0';
    monitor_notify(&r->monitor);
    monitor_unlock(&r->monitor);
    count_source(r->tally.refreshes_by_source, w->asked);
    w->failures = 0;
    LOG(r->options.log, is_news ? LOG_INFO : LOG_DEBUG, r->options.product->refreshed_event,
        LOG_CSTR("source", w->kept.source), LOG_INT("valid_for_s", shown_s(left_ms)));
    if (r->options.renewed != NULL)
        r->options.renewed(r->options.renewed_ctx);
}

static void failed(struct credentials_refresher *r, const struct error *err)
{
    struct worker *w = &r->worker;
    count_source(r->tally.failures_by_source, w->asked);
    w->failures++;
    monitor_lock(&r->monitor);
    int64_t left_ms = product_left_ms(r);
    w->due_mono_ms = monotonic_ms(r) + refresh_backoff_ms(w->failures, left_ms, random_bits());
    r->tally.failures++;
    snprintf(r->tally.last_failure, sizeof r->tally.last_failure, "%.159s", err->detail);
    monitor_notify(&r->monitor);
    monitor_unlock(&r->monitor);
    LOG(r->options.log, LOG_WARN, r->options.product->failed_event, LOG_CSTR("reason", err->detail),
        LOG_INT("failures", (int64_t)w->failures), LOG_INT("valid_for_s", shown_s(left_ms)));
}

/* ---------------------------------------------------------------------------------------------------- thread */

static bool clock_jumped(const struct credentials_refresher *r)
{
    int64_t drift_ms = realtime_ms(r) - monotonic_ms(r) - r->worker.clock_offset_ms;
    return drift_ms > CLOCK_JUMP_MS || drift_ms < -CLOCK_JUMP_MS;
}

/* Bounded by real time, whatever clock is injected. */
static void wait_slice(struct credentials_refresher *r, int64_t wait_ms)
{
    monitor_wait_ms(&r->monitor, wait_ms < WAIT_SLICE_MS ? wait_ms : WAIT_SLICE_MS);
}

/* False when it is time to end. *anew: a server refused the product, so that the credentials at hand are in doubt; a jump
 * of the clock only puts the product's date in doubt. */
static bool wait_until_due(struct credentials_refresher *r, bool *anew)
{
    monitor_lock(&r->monitor);
    for (;;) {
        int64_t now_ms = monotonic_ms(r);
        int64_t due_ms = r->worker.due_mono_ms;
        int64_t forced_ms = r->worker.forced_mono_ms + FORCED_EVERY_MS;
        *anew = r->refused && now_ms >= forced_ms;
        if (atomic_load(&r->stop) || *anew || now_ms >= due_ms || clock_jumped(r))
            break;
        int64_t next_ms = r->refused && forced_ms < due_ms ? forced_ms : due_ms;
        wait_slice(r, next_ms - now_ms);
    }
    if (*anew)
        r->refused = false;
    bool goes_on = !atomic_load(&r->stop);
    monitor_unlock(&r->monitor);
    return goes_on;
}

static void *run(void *arg)
{
    struct credentials_refresher *r = arg;
    bool anew;
    while (wait_until_due(r, &anew)) {
        struct error err = { .code = STATUS_OK };
        int64_t now_ms = monotonic_ms(r);
        if (anew)
            r->worker.forced_mono_ms = now_ms;
        r->worker.clock_offset_ms = realtime_ms(r) - now_ms;
        if (renew(r, anew, &err) == STATUS_OK)
            renewed(r);
        else if (!atomic_load(&r->stop))
            failed(r, &err);
    }
    return NULL;
}

/* ------------------------------------------------------------------------------------------------- lifecycle */

static bool metrics_init(struct credentials_refresher *r)
{
    struct metrics_options options = { .name = r->options.product->refreshes_metric,
                                       .help = r->options.product->refreshes_help,
                                       .dimensions = { { source_labels, SOURCES } },
                                       .n_dimensions = 1,
                                       .from_start = true };
    r->tally.refreshes_by_source = metrics_family_new(&options);
    options.name = r->options.product->failures_metric;
    options.help = r->options.product->failures_help;
    r->tally.failures_by_source = metrics_family_new(&options);
    return r->tally.refreshes_by_source != NULL && r->tally.failures_by_source != NULL;
}

static void release(struct credentials_refresher *r)
{
    metrics_family_destroy(r->tally.refreshes_by_source);
    metrics_family_destroy(r->tally.failures_by_source);
    monitor_clean_up(&r->monitor);
    r->options.product->destroy(r->snapshot.product);
    credentials_clean_up(&r->worker.kept);
    free(r);
}

struct credentials_refresher *credentials_refresher_new(const struct credentials_refresher_options *options,
                                                        struct error *err)
{
    struct credentials_refresher *r = calloc(1, sizeof *r);
    if (r == NULL || !monitor_init(&r->monitor)) {
        free(r);
        (void)error_set(err, STATUS_INTERNAL, "out of memory");
        return NULL;
    }
    atomic_init(&r->stop, false);
    r->env = *(options->env != NULL ? options->env : credentials_env_system());
    r->env.cancelled = &r->stop;
    r->options = *options;
    r->worker.due_mono_ms = monotonic_ms(r);
    r->worker.clock_offset_ms = realtime_ms(r) - r->worker.due_mono_ms;
    if (!metrics_init(r))
        (void)error_set(err, STATUS_INTERNAL, "out of memory");
    else if (!monitor_start_thread(&r->thread, run, r))
        (void)error_set(err, STATUS_INTERNAL, "the credentials' thread can't be started");
    else
        return r;
    release(r);
    return NULL;
}

void credentials_refresher_destroy(struct credentials_refresher *r)
{
    if (r == NULL)
        return;
    monitor_lock(&r->monitor);
    atomic_store(&r->stop, true);
    monitor_notify(&r->monitor);
    monitor_unlock(&r->monitor);
    pthread_join(r->thread, NULL);
    release(r);
}

/* --------------------------------------------------------------------------------------------------- callers */

enum status credentials_refresher_read(struct credentials_refresher *r, bool (*copy)(void *to, const void *product),
                                       void *to, struct error *err)
{
    enum status status = STATUS_OK;
    const char *name = r->options.product->name;
    monitor_lock(&r->monitor);
    const char *why = r->tally.last_failure[0] != '\0' ? r->tally.last_failure : "the next one is being fetched";
    if (r->snapshot.product == NULL)
        status = error_set(err, STATUS_UNAVAILABLE, "there is no %s yet: %s", name, why);
    else if (product_left_ms(r) <= 0)
        status = error_set(err, STATUS_UNAVAILABLE, "the %s has expired: %s", name, why);
    else if (!copy(to, r->snapshot.product))
        status = error_set(err, STATUS_INTERNAL, "out of memory");
    monitor_unlock(&r->monitor);
    return status;
}

uint64_t credentials_refresher_rounds(struct credentials_refresher *r)
{
    monitor_lock(&r->monitor);
    uint64_t rounds = r->tally.refreshes + r->tally.failures;
    monitor_unlock(&r->monitor);
    return rounds;
}

void credentials_refresher_wait(struct credentials_refresher *r, uint64_t rounds, int64_t until_ms)
{
    monitor_lock(&r->monitor);
    while (r->tally.refreshes + r->tally.failures <= rounds) {
        int64_t left_ms = until_ms - clock_monotonic_ms(clock_system());
        if (left_ms <= 0)
            break;
        monitor_wait_ms(&r->monitor, left_ms);
    }
    monitor_unlock(&r->monitor);
}

void credentials_refresher_refused(struct credentials_refresher *r)
{
    monitor_lock(&r->monitor);
    r->refused = true;
    monitor_notify(&r->monitor);
    monitor_unlock(&r->monitor);
}

void credentials_refresher_state(struct credentials_refresher *r, struct credentials_refresher_state *out)
{
    monitor_lock(&r->monitor);
    *out = (struct credentials_refresher_state){
        .made_ms = r->snapshot.product == NULL ? 0 : r->snapshot.life.made_ms,
        .valid_until_ms = r->snapshot.life.valid_until_ms,
        .credentials_expire_ms = r->snapshot.credentials_expire_ms,
        .source = r->snapshot.source == NULL ? "" : r->snapshot.source,
        .refreshes = r->tally.refreshes,
        .failures = r->tally.failures,
    };
    snprintf(out->last_failure, sizeof out->last_failure, "%s", r->tally.last_failure);
    monitor_unlock(&r->monitor);
}

void credentials_refresher_write_metrics(const struct credentials_refresher *r, struct buf *out)
{
    metrics_family_write(r->tally.refreshes_by_source, out);
    metrics_family_write(r->tally.failures_by_source, out);
}
