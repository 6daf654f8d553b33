/* clock: time behind a small vtable, so that tests can own it.
 *
 * Signatures and timestamps use realtime; deadlines and schedules use monotonic, which no clock change moves. */
#ifndef CUSTOMERD_CORE_CLOCK_H
#define CUSTOMERD_CORE_CLOCK_H

#include <stdint.h>

struct clock {
    int64_t (*realtime_ms)(void *ctx);  /* milliseconds since 1970-01-01T00:00:00Z */
    int64_t (*monotonic_ms)(void *ctx); /* milliseconds since some point; never goes back */
    void *ctx;
};

/* The machine's clocks. The returned object is constant and lives for ever. */
const struct clock *clock_system(void);

static inline int64_t clock_realtime_ms(const struct clock *c)
{
    return c->realtime_ms(c->ctx);
}

static inline int64_t clock_monotonic_ms(const struct clock *c)
{
    return c->monotonic_ms(c->ctx);
}

#endif
