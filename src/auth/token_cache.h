/* token_cache: claims of verified tokens, found by the token's SHA-256. Bounded; any thread. */
#ifndef CUSTOMERD_AUTH_TOKEN_CACHE_H
#define CUSTOMERD_AUTH_TOKEN_CACHE_H

#include "customerd/core/crypto.h"

#include "claims.h"

/* So many tokens at most; of those whose hashes meet in one place the longest unused goes first. */
#define TOKEN_CACHE_SETS 1024
#define TOKEN_CACHE_WAYS 4

struct token_cache;

/* NULL when out of memory. */
struct token_cache *token_cache_new(void);
/* Accepts NULL. */
void token_cache_destroy(struct token_cache *c);

/* The claims, to be released, when they were put under this generation and are still to be believed; else NULL. */
struct claims *token_cache_get(struct token_cache *c, const uint8_t hash[SHA256_BYTES], uint64_t generation,
                               int64_t now_ms);
/* Keeps a reference of its own. */
void token_cache_put(struct token_cache *c, const uint8_t hash[SHA256_BYTES], uint64_t generation,
                     struct claims *claims);

#endif
