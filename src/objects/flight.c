#include "flight.h"

#include "customerd/core/monitor.h"

#include <stdlib.h>

#define CHAINS 1024 /* more than there are requests at a time */

struct flight {
    struct flight *next; /* in its chain, as these two guarded by the table's lock */
    bool listed;
    int refs;
    size_t chain;
    struct monitor monitor; /* guards what follows; taken behind the table's lock */
    uint64_t questions;
    uint64_t last_entered; /* questions that had been asked when the last one came */
    bool leaderless;
    struct flight_result result; /* of the last one that led; question 0 before */
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

static struct flight *find(const struct flights *fs, struct slice key, size_t chain)
{
    struct flight *f = fs->chains[chain];
    while (f != NULL && !slice_equal(slice_of(f->key, f->key_len), key))
        f = f->next;
    return f;
}

static struct flight *add(struct flights *fs, struct slice key, size_t chain)
{
    struct flight *f = flight_new(key, chain);
    if (f == NULL)
        return NULL;
    f->next = fs->chains[chain];
    f->listed = true;
    fs->chains[chain] = f;
    return f;
}

static void unlist(struct flights *fs, struct flight *f)
{
    struct flight **at = &fs->chains[f->chain];
    if (!f->listed)
        return;
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    f->listed = false;
}

bool flight_enter(struct flights *fs, struct slice key, struct seat *out)
{
    size_t chain = chain_of(key);
    (void)pthread_mutex_lock(&fs->lock);
    struct flight *f = find(fs, key, chain);
    bool leads = f == NULL;
    if (leads)
        f = add(fs, key, chain);
    *out = (struct seat){ .flight = f, .leads = leads };
    if (f != NULL) {
        f->refs++;
        monitor_lock(&f->monitor);
        out->entered = f->last_entered = f->questions;
        monitor_unlock(&f->monitor);
    }
    (void)pthread_mutex_unlock(&fs->lock);
    return f != NULL;
}

void flight_leave(struct flights *fs, struct flight *f)
{
    (void)pthread_mutex_lock(&fs->lock);
    bool last = --f->refs == 0;
    if (last)
        unlist(fs, f);
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
    monitor_lock(&f->monitor);
    struct object_bytes *before = f->result.bytes;
    f->result = *result;
    /* Some may have come too late for it; they have left, or one of them leads on. */
    f->leaderless = f->refs > 1 && f->last_entered >= result->question;
    if (!f->leaderless)
        unlist(fs, f);
    monitor_notify(&f->monitor);
    monitor_unlock(&f->monitor);
    (void)pthread_mutex_unlock(&fs->lock);
    object_bytes_release(before);
    flight_leave(fs, f);
}

/* ---- the others ---- */

static enum flight_wait look(struct flight *f, const struct seat *seat, struct flight_result *out)
{
    if (seat->entered < f->result.question) {
        *out = f->result;
        if (out->bytes != NULL)
            (void)object_bytes_acquire(out->bytes);
        return FLIGHT_RESULT;
    }
    if (!f->leaderless)
        return FLIGHT_LATE;
    f->leaderless = false;
    return FLIGHT_LEAD;
}

enum flight_wait flight_wait(struct flights *fs, const struct seat *seat, int64_t deadline_ms, struct flight_result *out)
{
    const struct clock *clock = clock_system();
    struct flight *f = seat->flight;
    monitor_lock(&f->monitor);
    enum flight_wait came = look(f, seat, out);
    for (int64_t left_ms; came == FLIGHT_LATE && (left_ms = deadline_ms - clock_monotonic_ms(clock)) > 0; came = look(f, seat, out))
        monitor_wait_ms(&f->monitor, left_ms);
    monitor_unlock(&f->monitor);
    if (came != FLIGHT_LEAD)
        flight_leave(fs, f);
    return came;
}
