/* jitter: random numbers for delays. Not for secrets. One owner. */
#ifndef CUSTOMERD_MEMORYDB_JITTER_H
#define CUSTOMERD_MEMORYDB_JITTER_H

#include <stdint.h>

struct jitter {
    uint64_t state;
};

void jitter_init(struct jitter *j);
/* Uniform in low..high, both included; low when high is not above it. */
int64_t jitter_between(struct jitter *j, int64_t low, int64_t high);
/* Exponential backoff with full jitter: uniform in 0..min(max_ms, base_ms * 2^attempt). */
int64_t jitter_backoff_ms(struct jitter *j, unsigned attempt, int64_t base_ms, int64_t max_ms);

#endif
