#include "customerd/aws/iam_refresher.h"

#include "customerd/aws/refresh_schedule.h"
#include "customerd/core/crypto.h"
#include "customerd/core/metrics.h"
#include "customerd/core/monitor.h"
#include "customerd/core/unconst.h"

#include <stdio.h>
#include <stdlib.h>

/* The thread waits in slices, because a jump of the realtime clock wakes nobody. */
#define WAIT_SLICE_MS 500
#define CLOCK_JUMP_MS 5000
#define FORCED_EVERY_MS 1000

/* What callers see; under the lock. */
struct snapshot {
    struct secret token;
    int64_t minted_ms;
    int64_t valid_until_ms;
    int64_t valid_until_mono_ms; /* a clock set back must not prolong a token */
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

struct iam_refresher {
    pthread_t thread;
    struct monitor monitor;
    atomic_bool stop; /* the providers look at it too, without the lock */
    bool refused;
    struct snapshot snapshot;
    struct tally tally;
    struct iam_token_options token;
    struct credentials_env env;
    struct log *log;
    void (*on_renewed)(void *ctx);
    void *ctx;
    struct worker worker;
};

static int64_t realtime_ms(const struct iam_refresher *r)
{
    return clock_realtime_ms(r->env.clock);
}

static int64_t monotonic_ms(const struct iam_refresher *r)
{
    return clock_monotonic_ms(r->env.clock);
}

static uint32_t random_bits(void)
{
    uint32_t bits = 0;
    return random_bytes(&bits, sizeof bits) ? bits : UINT32_MAX / 2;
}

static int64_t token_left_ms(const struct iam_refresher *r)
{
    if (r->snapshot.token.len == 0)
        return 0;
    int64_t left_ms = r->snapshot.valid_until_ms - realtime_ms(r);
    int64_t left_mono_ms = r->snapshot.valid_until_mono_ms - monotonic_ms(r);
    return left_ms < left_mono_ms ? left_ms : left_mono_ms;
}

/* --------------------------------------------------------------------------------------------------- refresh */

/* Mints with the kept credentials and shows the token to callers. */
static enum status mint(struct iam_refresher *r, struct error *err)
{
    const struct worker *w = &r->worker;
    int64_t now_ms = realtime_ms(r);
    /* X-Amz-Date has whole seconds: the token's life begins at the second's start. */
    struct snapshot next = { .minted_ms = now_ms / 1000 * 1000, .source = w->kept.source,
                             .credentials_expire_ms = w->kept.expires_at_ms };
    enum status status = iam_token_mint(&r->token, &w->kept, now_ms / 1000, &next.token, err);
    if (status != STATUS_OK)
        return status;
    next.valid_until_ms = next.minted_ms + r->token.ttl_s * 1000;
    if (next.valid_until_ms > w->kept.expires_at_ms)
        next.valid_until_ms = w->kept.expires_at_ms;
    next.valid_until_mono_ms = monotonic_ms(r) + (next.valid_until_ms - now_ms);

    monitor_lock(&r->monitor);
    struct secret old = r->snapshot.token;
    r->snapshot = next;
    monitor_unlock(&r->monitor);
    secret_clean_up(&old);
    return STATUS_OK;
}

static void fetch_take(struct iam_refresher *r, struct credentials *fresh)
{
    credentials_clean_up(&r->worker.kept);
    r->worker.kept = *fresh;
    r->worker.kept_since_ms = realtime_ms(r);
}

/* A token of the credentials at hand comes first: it is free, and an endpoint that hangs from here on is not noticed
 * until the credentials themselves end. */
static enum status renew(struct iam_refresher *r, bool anew, struct error *err)
{
    const struct worker *w = &r->worker;
    if (!anew && w->kept.access_key_id.len > 0 && w->kept.expires_at_ms > realtime_ms(r)) {
        enum status status = mint(r, err);
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
    return mint(r, err);
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

static void renewed(struct iam_refresher *r)
{
    struct worker *w = &r->worker;
    monitor_lock(&r->monitor);
    /* Before anybody can see that it went well: a clock that is moved then moves it on from here. */
    int64_t left_ms = token_left_ms(r);
    w->due_mono_ms = monotonic_ms(r) + refresh_after_ms(left_ms, random_bits());
    bool is_news = r->tally.refreshes == 0 || r->tally.last_failure[0] != '\0';
    r->tally.refreshes++;
    r->tally.last_failure[0] = '\0';
    monitor_unlock(&r->monitor);
    count_source(r->tally.refreshes_by_source, w->asked);
    w->failures = 0;
    LOG(r->log, is_news ? LOG_INFO : LOG_DEBUG, "iam_token_refreshed", LOG_CSTR("source", w->kept.source),
        LOG_INT("valid_for_s", left_ms / 1000));
    if (r->on_renewed != NULL)
        r->on_renewed(r->ctx);
}

static void failed(struct iam_refresher *r, const struct error *err)
{
    struct worker *w = &r->worker;
    count_source(r->tally.failures_by_source, w->asked);
    w->failures++;
    monitor_lock(&r->monitor);
    int64_t left_ms = token_left_ms(r);
    w->due_mono_ms = monotonic_ms(r) + refresh_backoff_ms(w->failures, left_ms, random_bits());
    r->tally.failures++;
    snprintf(r->tally.last_failure, sizeof r->tally.last_failure, "%.159s", err->detail);
    monitor_unlock(&r->monitor);
    LOG(r->log, LOG_WARN, "iam_token_refresh_failed", LOG_CSTR("reason", err->detail),
        LOG_INT("failures", (int64_t)w->failures), LOG_INT("valid_for_s", left_ms > 0 ? left_ms / 1000 : 0));
}

/* ---------------------------------------------------------------------------------------------------- thread */

static bool clock_jumped(const struct iam_refresher *r)
{
    int64_t drift_ms = realtime_ms(r) - monotonic_ms(r) - r->worker.clock_offset_ms;
    return drift_ms > CLOCK_JUMP_MS || drift_ms < -CLOCK_JUMP_MS;
}

/* Bounded by real time, whatever clock is injected. */
static void wait_slice(struct iam_refresher *r, int64_t wait_ms)
{
    monitor_wait_ms(&r->monitor, wait_ms < WAIT_SLICE_MS ? wait_ms : WAIT_SLICE_MS);
}

/* False when it is time to end. *anew: a server refused the token, so that the credentials at hand are in doubt; a jump
 * of the clock only puts the token's date in doubt. */
static bool wait_until_due(struct iam_refresher *r, bool *anew)
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
    struct iam_refresher *r = arg;
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

static const char *copy(const char *text)
{
    return strdup(text == NULL ? "" : text);
}

static bool token_options_copy(struct iam_token_options *to, const struct iam_token_options *from)
{
    *to = *from;
    to->service = copy(from->service);
    to->resource = copy(from->resource);
    to->user = copy(from->user);
    to->region = copy(from->region);
    return to->service != NULL && to->resource != NULL && to->user != NULL && to->region != NULL;
}

static bool metrics_init(struct iam_refresher *r)
{
    struct metrics_options options = { .name = "customerd_iam_refreshes_total",
                                       .help = "Tokens made, by the source of their credentials.",
                                       .dimensions = { { source_labels, SOURCES } },
                                       .n_dimensions = 1,
                                       .from_start = true };
    r->tally.refreshes_by_source = metrics_family_new(&options);
    options.name = "customerd_iam_refresh_failures_total";
    options.help = "Refreshes that failed, by the source that was asked.";
    r->tally.failures_by_source = metrics_family_new(&options);
    return r->tally.refreshes_by_source != NULL && r->tally.failures_by_source != NULL;
}

static void release(struct iam_refresher *r)
{
    metrics_family_destroy(r->tally.refreshes_by_source);
    metrics_family_destroy(r->tally.failures_by_source);
    monitor_clean_up(&r->monitor);
    secret_clean_up(&r->snapshot.token);
    credentials_clean_up(&r->worker.kept);
    free(unconst(r->token.service));
    free(unconst(r->token.resource));
    free(unconst(r->token.user));
    free(unconst(r->token.region));
    free(r);
}

struct iam_refresher *iam_refresher_new(const struct iam_refresher_options *options, struct error *err)
{
    struct iam_refresher *r = calloc(1, sizeof *r);
    if (r == NULL || !monitor_init(&r->monitor)) {
        free(r);
        (void)error_set(err, STATUS_INTERNAL, "out of memory");
        return NULL;
    }
    atomic_init(&r->stop, false);
    r->env = *(options->env != NULL ? options->env : credentials_env_system());
    r->env.cancelled = &r->stop;
    r->log = options->log;
    r->on_renewed = options->renewed;
    r->ctx = options->ctx;
    r->worker.due_mono_ms = monotonic_ms(r);
    r->worker.clock_offset_ms = realtime_ms(r) - r->worker.due_mono_ms;
    if (!metrics_init(r) || !token_options_copy(&r->token, &options->token))
        (void)error_set(err, STATUS_INTERNAL, "out of memory");
    else if (!monitor_start_thread(&r->thread, run, r))
        (void)error_set(err, STATUS_INTERNAL, "the IAM refresher's thread can't be started");
    else
        return r;
    release(r);
    return NULL;
}

void iam_refresher_destroy(struct iam_refresher *r)
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

enum status iam_refresher_token(struct iam_refresher *r, struct secret *out, struct error *err)
{
    enum status status = STATUS_OK;
    monitor_lock(&r->monitor);
    const char *why = r->tally.last_failure[0] != '\0' ? r->tally.last_failure : "the next one is being fetched";
    if (r->snapshot.token.len == 0)
        status = error_set(err, STATUS_UNAVAILABLE, "there is no IAM token yet: %s", why);
    else if (token_left_ms(r) <= 0)
        status = error_set(err, STATUS_UNAVAILABLE, "the IAM token has expired: %s", why);
    else if (!secret_set(out, secret_slice(&r->snapshot.token)))
        status = error_set(err, STATUS_INTERNAL, "out of memory");
    monitor_unlock(&r->monitor);
    return status;
}

void iam_refresher_refused(struct iam_refresher *r)
{
    monitor_lock(&r->monitor);
    r->refused = true;
    monitor_notify(&r->monitor);
    monitor_unlock(&r->monitor);
}

void iam_refresher_state(struct iam_refresher *r, struct iam_refresher_state *out)
{
    monitor_lock(&r->monitor);
    *out = (struct iam_refresher_state){
        .token_minted_ms = r->snapshot.token.len == 0 ? 0 : r->snapshot.minted_ms,
        .token_valid_until_ms = r->snapshot.valid_until_ms,
        .credentials_expire_ms = r->snapshot.credentials_expire_ms,
        .source = r->snapshot.source == NULL ? "" : r->snapshot.source,
        .refreshes = r->tally.refreshes,
        .failures = r->tally.failures,
    };
    snprintf(out->last_failure, sizeof out->last_failure, "%s", r->tally.last_failure);
    monitor_unlock(&r->monitor);
}

void iam_refresher_write_metrics(struct iam_refresher *r, struct buf *out)
{
    struct iam_refresher_state state;
    iam_refresher_state(r, &state);
    int64_t now_ms = realtime_ms(r);
    metrics_family_write(r->tally.refreshes_by_source, out);
    metrics_family_write(r->tally.failures_by_source, out);
    if (state.token_minted_ms == 0)
        return;
    metrics_write_gauge_ms(out, "customerd_iam_token_age_seconds", "Age of the newest token.",
                           now_ms - state.token_minted_ms);
    metrics_write_gauge_ms(out, "customerd_iam_token_valid_seconds", "Time until the newest token ends; negative when it has.",
                           state.token_valid_until_ms - now_ms);
    if (state.credentials_expire_ms != CREDENTIALS_NEVER_EXPIRE)
        metrics_write_gauge_ms(out, "customerd_iam_credentials_valid_seconds",
                               "Time until the credentials that signed it end; negative when they have.",
                               state.credentials_expire_ms - now_ms);
}
