#include "token_cache.h"

#include <pthread.h>
#include <stdlib.h>

#define LOCKS 64

struct entry {
    uint8_t hash[SHA256_BYTES];
    uint64_t generation;
    uint64_t used;         /* the set's clock at the last use */
    struct claims *claims; /* NULL: free */
};

struct set {
    uint64_t clock;
    struct entry entries[TOKEN_CACHE_WAYS];
};

struct token_cache {
    pthread_mutex_t locks[LOCKS]; /* each guards the sets whose number it divides */
    struct set sets[TOKEN_CACHE_SETS];
};

struct token_cache *token_cache_new(void)
{
    struct token_cache *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    for (size_t i = 0; i < LOCKS; i++)
        (void)pthread_mutex_init(&c->locks[i], NULL);
    return c;
}

void token_cache_destroy(struct token_cache *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < TOKEN_CACHE_SETS; i++)
        for (size_t j = 0; j < TOKEN_CACHE_WAYS; j++)
            claims_release(c->sets[i].entries[j].claims);
    for (size_t i = 0; i < LOCKS; i++)
        (void)pthread_mutex_destroy(&c->locks[i]);
    free(c);
}

/* The hash is as good as random, and its maker can't choose it freely enough to fill one set but by work. */
static size_t set_of(const uint8_t hash[SHA256_BYTES])
{
    return ((size_t)hash[0] << 8 | hash[1]) % TOKEN_CACHE_SETS;
}

static struct set *lock_set(struct token_cache *c, size_t at)
{
    (void)pthread_mutex_lock(&c->locks[at % LOCKS]);
    return &c->sets[at];
}

static void unlock_set(struct token_cache *c, size_t at)
{
    (void)pthread_mutex_unlock(&c->locks[at % LOCKS]);
}

static struct entry *find(struct set *s, const uint8_t hash[SHA256_BYTES])
{
    for (size_t i = 0; i < TOKEN_CACHE_WAYS; i++) {
        struct entry *e = &s->entries[i];
        if (e->claims != NULL && memcmp(e->hash, hash, SHA256_BYTES) == 0)
            return e;
    }
    return NULL;
}

struct claims *token_cache_get(struct token_cache *c, const uint8_t hash[SHA256_BYTES], uint64_t generation,
                               int64_t now_ms)
{
    size_t at = set_of(hash);
    struct claims *claims = NULL;
    struct set *s = lock_set(c, at);
    struct entry *e = find(s, hash);
    if (e != NULL && e->generation == generation && now_ms < claims_end_ms(e->claims)) {
        e->used = ++s->clock;
        claims = claims_acquire(e->claims);
    }
    unlock_set(c, at);
    return claims;
}

static struct entry *longest_unused(struct set *s)
{
    struct entry *oldest = &s->entries[0];
    for (size_t i = 0; i < TOKEN_CACHE_WAYS; i++) {
        struct entry *e = &s->entries[i];
        if (e->claims == NULL)
            return e;
        if (e->used < oldest->used)
            oldest = e;
    }
    return oldest;
}

void token_cache_put(struct token_cache *c, const uint8_t hash[SHA256_BYTES], uint64_t generation,
                     struct claims *claims)
{
    size_t at = set_of(hash);
    struct set *s = lock_set(c, at);
    struct entry *e = find(s, hash);
    if (e == NULL)
        e = longest_unused(s);
    struct claims *before = e->claims;
    memcpy(e->hash, hash, SHA256_BYTES);
    e->generation = generation;
    e->used = ++s->clock;
    e->claims = claims_acquire(claims);
    unlock_set(c, at);
    claims_release(before);
}
