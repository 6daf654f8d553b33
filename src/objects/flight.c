#include "flight.h"

#include "customerd/core/monitor.h"

#include <stdlib.h>

#define CHAINS 1024 /* more than there are requests at a time */

struct flight {
    struct flight *next; /* in its chain */
    size_t chain;
    int refs;            /* guarded by the table's lock */
    struct monitor monitor; /* guards what follows */
    uint64_t questions;
    bool finished;
    struct flight_result result;
    size_t key_len;
    char key[];
};

struct flights {
    pthread_mutex_t lock;
    struct flight *chains[CHAINS];
};

struct flights *flights_new(void)
{
    struct flights *fs = calloc(1, sizeof *fs);
    if (fs != NULL)
        (void)pthread_mutex_init(&fs->lock, NULL);
    return fs;
}

void flights_destroy(struct flights *fs)
{
    if (fs == NULL)
        return;
    (void)pthread_mutex_destroy(&fs->lock);
    free(fs);
}

/* The keys begin with a hash in hexadecimal (cache.h). */
static size_t chain_of(struct slice key)
{
    size_t n = 0;
    for (size_t i = 0; i < key.len && i < 20; i++)
        n = n * 31 + (unsigned char)key.ptr[i];
    return n % CHAINS;
}

static struct flight *flight_new(struct slice key, size_t chain)
{
    struct flight *f = calloc(1, sizeof *f + key.len);
    if (f == NULL)
        return NULL;
    if (!monitor_init(&f->monitor)) {
        free(f);
        return NULL;
    }
    f->chain = chain;
    f->refs = 1;
    f->key_len = key.len;
    memcpy(f->key, key.ptr, key.len);
    return f;
}

static void flight_free(struct flight *f)
{
    object_bytes_release(f->result.bytes);
    monitor_clean_up(&f->monitor);
    free(f);
}

struct flight *flight_enter(struct flights *fs, struct slice key, bool *leads)
{
    size_t chain = chain_of(key);
    (void)pthread_mutex_lock(&fs->lock);
    struct flight *f = fs->chains[chain];
    while (f != NULL && !slice_equal(slice_of(f->key, f->key_len), key))
        f = f->next;
    *leads = f == NULL;
    if (f != NULL) {
        f->refs++;
    } else if ((f = flight_new(key, chain)) != NULL) {
        f->next = fs->chains[chain];
        fs->chains[chain] = f;
    }
    (void)pthread_mutex_unlock(&fs->lock);
    return f;
}

void flight_leave(struct flights *fs, struct flight *f)
{
    (void)pthread_mutex_lock(&fs->lock);
    bool last = --f->refs == 0;
    (void)pthread_mutex_unlock(&fs->lock);
    if (last)
        flight_free(f);
}

/* ---- the one that asks ---- */

uint64_t flight_ask(struct flight *f)
{
    monitor_lock(&f->monitor);
    uint64_t number = ++f->questions;
    monitor_unlock(&f->monitor);
    return number;
}

void flight_pause(struct flight *f, int64_t ms)
{
    monitor_lock(&f->monitor);
    monitor_wait_ms(&f->monitor, ms);
    monitor_unlock(&f->monitor);
}

void flight_finish(struct flights *fs, struct flight *f, const struct flight_result *result)
{
    (void)pthread_mutex_lock(&fs->lock);
    struct flight **at = &fs->chains[f->chain];
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    (void)pthread_mutex_unlock(&fs->lock);
    monitor_lock(&f->monitor);
    f->result = *result;
    f->finished = true;
    monitor_notify(&f->monitor);
    monitor_unlock(&f->monitor);
    flight_leave(fs, f);
}

/* ---- the others ---- */

bool flight_wait(struct flights *fs, struct flight *f, int64_t deadline_ms, struct flight_result *out, bool *again)
{
    const struct clock *clock = clock_system();
    int64_t left_ms = deadline_ms - clock_monotonic_ms(clock);
    monitor_lock(&f->monitor);
    uint64_t before = f->questions;
    while (!f->finished && left_ms > 0) {
        monitor_wait_ms(&f->monitor, left_ms);
        left_ms = deadline_ms - clock_monotonic_ms(clock);
    }
    bool mine = f->finished && before < f->result.question;
    *again = f->finished && !mine;
    if (mine) {
        *out = f->result;
        if (out->bytes != NULL)
            (void)object_bytes_acquire(out->bytes);
    }
    monitor_unlock(&f->monitor);
    flight_leave(fs, f);
    return mine;
}
