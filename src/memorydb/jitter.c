#include "jitter.h"

#include "customerd/core/crypto.h"

/* xorshift64*: plenty for spreading delays, and no system call per number. */
static uint64_t next(struct jitter *j)
{
    j->state ^= j->state >> 12;
    j->state ^= j->state << 25;
    j->state ^= j->state >> 27;
    return j->state * UINT64_C(2685821657736338717);
}

void jitter_init(struct jitter *j)
{
    if (!random_bytes(&j->state, sizeof j->state) || j->state == 0)
        j->state = UINT64_C(0x9e3779b97f4a7c15);
}

int64_t jitter_between(struct jitter *j, int64_t low, int64_t high)
{
    if (high <= low)
        return low;
    uint64_t span = (uint64_t)(high - low) + 1;
    return low + (int64_t)(next(j) % span);
}

int64_t jitter_backoff_ms(struct jitter *j, unsigned attempt, int64_t base_ms, int64_t max_ms)
{
    int64_t ceiling = base_ms;
    for (unsigned i = 0; i < attempt && ceiling < max_ms; i++)
        ceiling *= 2;
    return jitter_between(j, 0, ceiling < max_ms ? ceiling : max_ms);
}
