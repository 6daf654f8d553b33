#include "healer.h"

#include <stdio.h>
#include <stdlib.h>

#include "customerd/core/monitor.h"

#define SOON_MAX 256
#define BOOT_PAUSE_MS 10      /* between two looks at a database that is not reached yet: start-up waits for it */
#define BOOT_PAUSE_MAX_MS 1000

struct healer {
    struct customers *c;
    pthread_t thread;
    struct monitor monitor; /* guards all below */
    bool again; /* the database is to be checked anew */
    atomic_bool stopping; /* also read without the lock, between the steps of a scrub */
    char reason[256];
    struct customers_state state;
    size_t n_soon;
    uint8_t soon[SOON_MAX][RELEASE_BYTES];
};

static int64_t now_ms(const struct healer *h)
{
    return clock_monotonic_ms(h->c->options.clock);
}

/* Waits until something is to be done: a stop, a release, or until_ms. False when stopping. */
static bool wait_until(struct healer *h, int64_t until_ms)
{
    monitor_lock(&h->monitor);
    while (!h->stopping && h->n_soon == 0 && !h->again) {
        int64_t left_ms = until_ms - now_ms(h);
        if (left_ms <= 0)
            break;
        monitor_wait_ms(&h->monitor, left_ms);
    }
    bool go_on = !h->stopping;
    monitor_unlock(&h->monitor);
    return go_on;
}

static void note_reason(struct healer *h, const char *reason)
{
    monitor_lock(&h->monitor);
    bool news = strcmp(h->reason, reason) != 0;
    snprintf(h->reason, sizeof h->reason, "%s", reason);
    monitor_unlock(&h->monitor);
    if (news && reason[0] != '\0')
        LOG(h->c->options.log, LOG_WARN, "store_not_ready", LOG_CSTR("reason", reason));
}

static bool take_again(struct healer *h)
{
    monitor_lock(&h->monitor);
    bool again = h->again;
    h->again = false;
    monitor_unlock(&h->monitor);
    return again;
}

void healer_check_again(struct healer *h)
{
    if (h == NULL)
        return;
    monitor_lock(&h->monitor);
    atomic_store(&h->c->checked, false);
    h->again = true;
    h->state.checked = false;
    if (h->reason[0] == '\0')
        snprintf(h->reason, sizeof h->reason, "the database was restored, and is checked anew");
    monitor_notify(&h->monitor);
    monitor_unlock(&h->monitor);
}

/* False when it was told to stop before the check passed. */
static bool boot(struct healer *h)
{
    int64_t pause_ms = BOOT_PAUSE_MS;
    for (;;) {
        struct error err;
        (void)take_again(h);
        if (boot_check(h->c, now_ms(h) + HEALER_STEP_MS, &err) == STATUS_OK)
            break;
        note_reason(h, err.detail);
        if (cluster_shard_count(h->c->options.cluster) > 0 && pause_ms < BOOT_PAUSE_MAX_MS)
            pause_ms *= 2;
        if (!wait_until(h, now_ms(h) + pause_ms))
            return false;
    }
    note_reason(h, "");
    monitor_lock(&h->monitor);
    h->state.checked = true;
    monitor_unlock(&h->monitor);
    LOG(h->c->options.log, LOG_INFO, "store_ready", LOG_INT("buckets", BUCKETS));
    return true;
}

/* What can't be released now is found by the sweeper. */
static void release_waiting(struct healer *h)
{
    uint8_t waiting[STORE_RELEASES_MAX][RELEASE_BYTES];
    struct slice releases[STORE_RELEASES_MAX];
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        size_t n = 0;
        monitor_lock(&h->monitor);
        while (n < STORE_RELEASES_MAX && h->n_soon > 0 && !h->stopping) {
            memcpy(waiting[n], h->soon[--h->n_soon], RELEASE_BYTES);
            releases[n] = slice_of(waiting[n], RELEASE_BYTES);
            n++;
        }
        monitor_unlock(&h->monitor);
        if (n == 0)
            return;
        uint64_t released = 0;
        struct error err;
        status = store_release(h->c, releases, n, now_ms(h) + HEALER_STEP_MS, &released, &err);
    }
}

static void publish(struct healer *h, const struct customers_state *state)
{
    monitor_lock(&h->monitor);
    h->state = *state;
    h->state.checked = atomic_load(&h->c->checked);
    monitor_unlock(&h->monitor);
}

static int64_t jittered(int64_t ms)
{
    uint16_t r = 0;
    if (!random_bytes(&r, sizeof r))
        r = 0;
    return ms / 2 + ms * r / UINT16_MAX;
}

static void *run(void *arg)
{
    struct healer *h = arg;
    if (!boot(h))
        return NULL;
    const struct config_store *o = &h->c->options.store;
    struct customers_state state = { .checked = true };
    int64_t sweep_at = now_ms(h) + jittered(o->sweep_interval_ms), scrub_at = now_ms(h) + jittered(o->scrub_pause_ms);
    struct scrub scrub = { .c = h->c, .state = &state, .stop = &h->stopping };
    while (wait_until(h, sweep_at < scrub_at ? sweep_at : scrub_at)) {
        struct error err;
        if (take_again(h) && !boot(h))
            return NULL;
        release_waiting(h);
        if (now_ms(h) >= sweep_at) {
            if (!boot_still_admitted(h->c, now_ms(h) + HEALER_STEP_MS))
                healer_check_again(h);
            if (sweep_buckets(h->c, &state, &err) != STATUS_OK)
                LOG(h->c->options.log, LOG_DEBUG, "sweep_incomplete", LOG_CSTR("reason", err.detail));
            sweep_at = now_ms(h) + jittered(o->sweep_interval_ms);
        }
        if (now_ms(h) >= scrub_at) {
            if (scrub_step(&scrub, &err) != STATUS_OK)
                LOG(h->c->options.log, LOG_DEBUG, "scrub_incomplete", LOG_CSTR("reason", err.detail));
            scrub_at = now_ms(h) + jittered(o->scrub_pause_ms);
        }
        publish(h, &state);
    }
    return NULL;
}

struct healer *healer_new(struct customers *c, struct error *err)
{
    struct healer *h = calloc(1, sizeof *h);
    if (h == NULL || !monitor_init(&h->monitor)) {
        free(h);
        error_set(err, STATUS_INTERNAL, "out of memory");
        return NULL;
    }
    h->c = c;
    snprintf(h->reason, sizeof h->reason, "the database has not been reached yet");
    return h;
}

enum status healer_start(struct healer *h, struct error *err)
{
    if (!monitor_start_thread(&h->thread, run, h))
        return error_set(err, STATUS_INTERNAL, "the healer's thread can't be started");
    return STATUS_OK;
}

void healer_stop(struct healer *h)
{
    monitor_lock(&h->monitor);
    h->stopping = true;
    monitor_notify(&h->monitor);
    monitor_unlock(&h->monitor);
    pthread_join(h->thread, NULL);
}

void healer_destroy(struct healer *h)
{
    if (h == NULL)
        return;
    monitor_clean_up(&h->monitor);
    free(h);
}

void healer_release_soon(struct healer *h, struct slice release)
{
    monitor_lock(&h->monitor);
    if (release.len == RELEASE_BYTES && h->n_soon < SOON_MAX) {
        memcpy(h->soon[h->n_soon++], release.ptr, RELEASE_BYTES);
        monitor_notify(&h->monitor);
    }
    monitor_unlock(&h->monitor);
}

void healer_reason(struct healer *h, char *out, size_t out_size)
{
    monitor_lock(&h->monitor);
    snprintf(out, out_size, "%s", h->reason);
    monitor_unlock(&h->monitor);
}

void healer_state(struct healer *h, struct customers_state *out)
{
    monitor_lock(&h->monitor);
    *out = h->state;
    monitor_unlock(&h->monitor);
}
