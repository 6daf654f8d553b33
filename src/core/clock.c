#include "customerd/core/clock.h"

#include <time.h>

static int64_t read_ms(clockid_t id)
{
    struct timespec now = { 0 };
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t system_realtime_ms(void *ctx)
{
    (void)ctx;
    return read_ms(CLOCK_REALTIME);
}

static int64_t system_monotonic_ms(void *ctx)
{
    (void)ctx;
    return read_ms(CLOCK_MONOTONIC);
}

const struct clock *clock_system(void)
{
    static const struct clock machine = { system_realtime_ms, system_monotonic_ms, NULL };
    return &machine;
}
