#include "key_source.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "customerd/core/file.h"
#include "customerd/core/monitor.h"

#define PERIOD_MS (5 * 60 * 1000)
#define FILE_PERIOD_MS 2000
#define MISSED_EVERY_MS 10000
#define FILE_MISSED_EVERY_MS 1000
#define WAITERS_MAX 16 /* tokens with a made-up key must not hold up many requests */
#define BACKOFF_MIN_MS 500
#define BACKOFF_MAX_MS 30000
#define CONNECT_TIMEOUT_MS 2000
#define FETCH_TIMEOUT_MS 5000

struct key_source {
    struct key_source_options options;
    char *from;
    bool is_file;
    pthread_t thread;
    struct monitor monitor; /* guards all below but the thread's own */
    atomic_bool stopping;   /* also read by a fetch */
    bool wanted;            /* somebody misses a key */
    bool fetching;
    unsigned waiters;
    uint64_t finished;      /* fetches, for those who wait for one */
    int64_t begun_ms;       /* the last fetch */
    struct key_set *keys;
    int64_t good_ms;        /* when the last good fetch ended */
    uint64_t refreshes, failures;
    _Atomic(uint64_t) withdrawals; /* also read without the lock, at every token */
    char last_failure[160];
    struct file_stamp stamp; /* the thread's own, as what follows */
    unsigned failures_in_a_row;
};

static int64_t now_ms(const struct key_source *s)
{
    return clock_monotonic_ms(s->options.clock);
}

/* ---- one fetch ---- */

static enum status read_url(struct key_source *s, struct buf *out, struct error *err)
{
    static const char *const headers[] = { "Accept: application/jwk-set+json, application/json" };
    const struct http_request request = {
        .method = "GET",
        .url = s->from,
        .headers = headers,
        .n_headers = 1,
        .ca_file = s->options.ca_file,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .timeout_ms = FETCH_TIMEOUT_MS,
        .cancelled = &s->stopping,
    };
    struct http_response response = { .status = 0, .body = *out };
    enum status status = s->options.http->fetch(s->options.http->ctx, &request, &response, err);
    *out = response.body;
    if (status == STATUS_OK && response.status != 200)
        return error_set(err, STATUS_UNAVAILABLE, "the key set's server answered %d", response.status);
    return status;
}

static struct key_set *fetch(struct key_source *s, struct error *err)
{
    struct buf text = BUF_INIT(KEY_SET_MAX_BYTES);
    enum status status = s->is_file ? file_read(s->from, &text, &s->stamp, err) : read_url(s, &text, err);
    struct key_set *keys = status == STATUS_OK ? key_set_parse(buf_slice(&text), err) : NULL;
    buf_clean_up(&text);
    return keys;
}

/* ---- what came of it ---- */

/* With the monitor locked. */
static void finish(struct key_source *s)
{
    s->fetching = false;
    s->finished++;
    monitor_notify(&s->monitor);
}

static void take(struct key_source *s, struct key_set *keys)
{
    monitor_lock(&s->monitor);
    struct key_set *before = s->keys;
    bool withdrawn = before != NULL && !key_set_is_within(before, keys);
    bool news = before == NULL || withdrawn || !key_set_is_within(keys, before);
    s->keys = keys;
    s->good_ms = now_ms(s);
    s->refreshes++;
    if (withdrawn)
        (void)atomic_fetch_add(&s->withdrawals, 1);
    s->last_failure[0] = '\0';
    finish(s);
    monitor_unlock(&s->monitor);
    s->failures_in_a_row = 0;
    if (news)
        LOG(s->options.log, LOG_INFO, "token_keys", LOG_INT("keys", (int64_t)key_set_count(keys)),
            LOG_BOOL("withdrawn", withdrawn));
    key_set_release(before);
}

static void note_failure(struct key_source *s, const struct error *err)
{
    monitor_lock(&s->monitor);
    s->failures++;
    snprintf(s->last_failure, sizeof s->last_failure, "%.159s", err->detail);
    finish(s);
    monitor_unlock(&s->monitor);
    s->failures_in_a_row++;
    LOG(s->options.log, LOG_WARN, "token_keys_failed", LOG_CSTR("reason", err->detail));
}

static void refresh(struct key_source *s)
{
    struct error err;
    monitor_lock(&s->monitor);
    s->wanted = false;
    s->fetching = true;
    s->begun_ms = now_ms(s);
    monitor_unlock(&s->monitor);
    struct key_set *keys = fetch(s, &err);
    if (keys != NULL)
        take(s, keys);
    else if (!atomic_load(&s->stopping))
        note_failure(s, &err);
}

/* ---- the thread ---- */

static int64_t pause_ms(const struct key_source *s)
{
    int64_t backoff_ms = BACKOFF_MIN_MS;
    if (s->failures_in_a_row == 0)
        return s->is_file ? FILE_PERIOD_MS : PERIOD_MS;
    for (unsigned i = 1; i < s->failures_in_a_row && backoff_ms < BACKOFF_MAX_MS; i++)
        backoff_ms *= 2;
    return backoff_ms < BACKOFF_MAX_MS ? backoff_ms : BACKOFF_MAX_MS;
}

static void note_unchanged(struct key_source *s)
{
    monitor_lock(&s->monitor);
    s->good_ms = now_ms(s);
    monitor_unlock(&s->monitor);
}

/* False when it is time to end; *wanted: somebody waits. */
static bool wait_until(struct key_source *s, int64_t due_ms, bool *wanted)
{
    monitor_lock(&s->monitor);
    for (int64_t left_ms; !atomic_load(&s->stopping) && !s->wanted && (left_ms = due_ms - now_ms(s)) > 0;)
        monitor_wait_ms(&s->monitor, left_ms);
    *wanted = s->wanted;
    bool go_on = !atomic_load(&s->stopping);
    monitor_unlock(&s->monitor);
    return go_on;
}

static void *run(void *arg)
{
    struct key_source *s = arg;
    int64_t due_ms = s->is_file ? now_ms(s) + pause_ms(s) : now_ms(s);
    bool wanted;
    while (wait_until(s, due_ms, &wanted)) {
        if (wanted || !s->is_file || s->failures_in_a_row > 0 || file_has_changed(s->from, &s->stamp))
            refresh(s);
        else
            note_unchanged(s);
        due_ms = now_ms(s) + pause_ms(s);
    }
    return NULL;
}

/* ---- life ---- */

static void release(struct key_source *s)
{
    monitor_clean_up(&s->monitor);
    key_set_release(s->keys);
    free(s->from);
    free(s);
}

/* A file is there before the program starts or it is a mistake; a server may come up later. */
static enum status begin(struct key_source *s, struct error *err)
{
    if (s->is_file) {
        struct key_set *keys = fetch(s, err);
        if (keys == NULL)
            return err->code;
        size_t n = key_set_count(keys);
        take(s, keys);
        if (n == 0)
            return error_set(err, STATUS_UNAVAILABLE, "%.120s has no key that can verify RS256, PS256, ES256 or EdDSA "
                             "(each needs a kid)", s->from);
    }
    if (!monitor_start_thread(&s->thread, run, s))
        return error_set(err, STATUS_INTERNAL, "the thread that fetches keys can't be started");
    return STATUS_OK;
}

struct key_source *key_source_new(const struct key_source_options *options, struct error *err)
{
    struct key_source *s = calloc(1, sizeof *s);
    if (s == NULL || !monitor_init(&s->monitor)) {
        free(s);
        (void)error_set(err, STATUS_INTERNAL, "out of memory");
        return NULL;
    }
    s->options = *options;
    s->from = strdup(options->from);
    s->begun_ms = INT64_MIN / 2;
    if (s->from == NULL) {
        (void)error_set(err, STATUS_INTERNAL, "out of memory");
        release(s);
        return NULL;
    }
    s->is_file = strstr(s->from, "://") == NULL;
    if (begin(s, err) != STATUS_OK) {
        release(s);
        return NULL;
    }
    return s;
}

void key_source_destroy(struct key_source *s)
{
    if (s == NULL)
        return;
    monitor_lock(&s->monitor);
    atomic_store(&s->stopping, true);
    monitor_notify(&s->monitor);
    monitor_unlock(&s->monitor);
    (void)pthread_join(s->thread, NULL);
    release(s);
}

/* ---- callers ---- */

static struct key_set *acquire(struct key_source *s)
{
    return s->keys == NULL ? NULL : key_set_acquire(s->keys);
}

struct key_set *key_source_get(struct key_source *s)
{
    monitor_lock(&s->monitor);
    struct key_set *keys = acquire(s);
    monitor_unlock(&s->monitor);
    return keys;
}

struct key_set *key_source_get_newer(struct key_source *s, const struct key_set *known, int64_t deadline_ms,
                                     bool *certain)
{
    int64_t every_ms = s->is_file ? FILE_MISSED_EVERY_MS : MISSED_EVERY_MS;
    monitor_lock(&s->monitor);
    uint64_t finished = s->finished;
    bool coming = s->wanted || s->fetching;
    if (!coming && s->keys == known && now_ms(s) - s->begun_ms >= every_ms) {
        s->wanted = coming = true;
        monitor_notify(&s->monitor);
    }
    bool waits = coming && s->waiters < WAITERS_MAX;
    s->waiters += waits;
    for (int64_t left_ms; waits && s->finished == finished && !atomic_load(&s->stopping) &&
                          (left_ms = deadline_ms - now_ms(s)) > 0;)
        monitor_wait_ms(&s->monitor, left_ms);
    s->waiters -= waits;
    *certain = (!coming || s->finished != finished) && s->last_failure[0] == '\0';
    struct key_set *keys = acquire(s);
    monitor_unlock(&s->monitor);
    return keys;
}

void key_source_state(struct key_source *s, struct key_source_state *out)
{
    monitor_lock(&s->monitor);
    *out = (struct key_source_state){
        .n_keys = s->keys == NULL ? 0 : key_set_count(s->keys),
        .age_ms = s->keys == NULL ? -1 : now_ms(s) - s->good_ms,
        .refreshes = s->refreshes,
        .failures = s->failures,
    };
    snprintf(out->last_failure, sizeof out->last_failure, "%s", s->last_failure);
    monitor_unlock(&s->monitor);
}

uint64_t key_source_withdrawals(struct key_source *s)
{
    return atomic_load(&s->withdrawals);
}
