#include "customerd/api/rate_limiter.h"

#include "customerd/core/crypto.h"

#include <pthread.h>
#include <stdlib.h>

#define SETS 1024
#define WAYS 8
#define LOCKS 64
#define ONE 1000 /* a request, in thousandths: at 1 a second 1 ms is one */

struct bucket {
    uint8_t key[RATE_KEY_BYTES];
    int64_t level;  /* thousandths of a request */
    int64_t at_ms;  /* when it was so */
    bool taken;
};

struct rate_limiter {
    struct rate_limit limit;
    uint64_t secret[2]; /* so that nobody can choose keys that meet */
    pthread_mutex_t locks[LOCKS];
    struct bucket sets[SETS][WAYS];
};

struct rate_limiter *rate_limiter_new(const struct rate_limit *limit)
{
    struct rate_limiter *r = calloc(1, sizeof *r);
    if (r == NULL || !random_bytes(r->secret, sizeof r->secret)) {
        free(r);
        return NULL;
    }
    r->limit = *limit;
    for (size_t i = 0; i < LOCKS; i++)
        (void)pthread_mutex_init(&r->locks[i], NULL);
    return r;
}

void rate_limiter_destroy(struct rate_limiter *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < LOCKS; i++)
        (void)pthread_mutex_destroy(&r->locks[i]);
    free(r);
}

struct rate_limit rate_limiter_limit(const struct rate_limiter *r)
{
    return r->limit;
}

/* The finalizer of splitmix64: each bit of x reaches every bit of the result. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static size_t set_of(const struct rate_limiter *r, const uint8_t key[RATE_KEY_BYTES])
{
    uint64_t halves[2];
    memcpy(halves, key, sizeof halves);
    return mix(mix(halves[0] ^ r->secret[0]) ^ halves[1] ^ r->secret[1]) % SETS;
}

static int64_t level_at(const struct rate_limiter *r, const struct bucket *b, int64_t now_ms)
{
    int64_t full = r->limit.burst * ONE;
    int64_t waited_ms = now_ms > b->at_ms ? now_ms - b->at_ms : 0;
    if (waited_ms >= full / r->limit.per_s + 1)
        return full;
    int64_t level = b->level + waited_ms * r->limit.per_s;
    return level < full ? level : full;
}

/* The caller's bucket; where there is none the fullest is taken for it. */
static struct bucket *find(struct rate_limiter *r, struct bucket *set, const uint8_t key[RATE_KEY_BYTES], int64_t now_ms)
{
    struct bucket *fullest = &set[0];
    int64_t most = -1;
    for (size_t i = 0; i < WAYS; i++) {
        struct bucket *b = &set[i];
        if (b->taken && memcmp(b->key, key, RATE_KEY_BYTES) == 0)
            return b;
        int64_t level = b->taken ? level_at(r, b, now_ms) : INT64_MAX;
        if (level > most) {
            most = level;
            fullest = b;
        }
    }
    memcpy(fullest->key, key, RATE_KEY_BYTES);
    fullest->taken = true;
    fullest->level = r->limit.burst * ONE;
    fullest->at_ms = now_ms;
    return fullest;
}

static int64_t seconds_for(const struct rate_limiter *r, int64_t amount)
{
    int64_t per_s = r->limit.per_s * ONE;
    return (amount + per_s - 1) / per_s;
}

struct rate_state rate_limiter_take(struct rate_limiter *r, const uint8_t key[RATE_KEY_BYTES], int64_t now_ms)
{
    size_t at = set_of(r, key);
    (void)pthread_mutex_lock(&r->locks[at % LOCKS]);
    struct bucket *b = find(r, r->sets[at], key, now_ms);
    int64_t level = level_at(r, b, now_ms);
    bool allowed = level >= ONE;
    if (allowed)
        level -= ONE;
    b->level = level;
    if (now_ms > b->at_ms)
        b->at_ms = now_ms;
    (void)pthread_mutex_unlock(&r->locks[at % LOCKS]);
    return (struct rate_state){
        .known = true,
        .allowed = allowed,
        .remaining = level / ONE,
        .full_s = seconds_for(r, r->limit.burst * ONE - level),
        .retry_after_s = allowed ? 0 : seconds_for(r, ONE - level),
    };
}
