/* rate_limiter: a token bucket for each caller, in bounded memory. Any thread.
 *
 * A bucket holds `burst` requests and is filled again at `per_s`. It is this replica's alone: n replicas behind a load
 * balancer let n times as much pass. Of callers that share a place in the table the one whose bucket is fullest is
 * forgotten first; a full bucket forgotten is nothing lost. */
#ifndef CUSTOMERD_API_RATE_LIMITER_H
#define CUSTOMERD_API_RATE_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_KEY_BYTES 16

struct rate_limiter;

struct rate_limit {
    int64_t per_s; /* 1 or more */
    int64_t burst; /* 1 or more */
};

/* What the bucket says after a request, as draft-ietf-httpapi-ratelimit-headers-11 has it. */
struct rate_state {
    bool known;            /* false: there is no limit */
    bool allowed;
    int64_t remaining;     /* requests that may be made at once */
    int64_t full_s;        /* until the bucket is full again, rounded up */
    int64_t retry_after_s; /* when it is not allowed: until one is, rounded up */
};

/* NULL when out of memory. */
struct rate_limiter *rate_limiter_new(const struct rate_limit *limit);
/* Accepts NULL. */
void rate_limiter_destroy(struct rate_limiter *r);

/* Takes one request from the caller's bucket if there is one. */
struct rate_state rate_limiter_take(struct rate_limiter *r, const uint8_t key[RATE_KEY_BYTES], int64_t now_ms);

struct rate_limit rate_limiter_limit(const struct rate_limiter *r);

#endif
