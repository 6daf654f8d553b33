#include "customerd/aws/refresh_schedule.h"

#define AFTER_MIN_MS 200
#define BACKOFF_BASE_MS 200
#define BACKOFF_CAP_MS 10000
#define BACKOFF_CAP_WITHOUT_TOKEN_MS 2000
#define BACKOFF_FLOOR_MS 50
#define REUSE_LEFT_MIN_MS (5 * 60 * 1000)

int64_t refresh_after_ms(int64_t life_ms, uint32_t random)
{
    int64_t after_ms = life_ms / 10 * 6 + life_ms / 10 * random / UINT32_MAX;
    return after_ms < AFTER_MIN_MS ? AFTER_MIN_MS : after_ms;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t refresh_backoff_ms(unsigned failures, int64_t token_left_ms, uint32_t random)
{
    unsigned doublings = failures > 6 ? 6 : failures - (failures > 0);
    int64_t cap_ms = smaller((int64_t)BACKOFF_BASE_MS << doublings, BACKOFF_CAP_MS);
    cap_ms = smaller(cap_ms, token_left_ms > 0 ? token_left_ms / 4 : BACKOFF_CAP_WITHOUT_TOKEN_MS);
    int64_t delay_ms = cap_ms * random / UINT32_MAX;
    return delay_ms < BACKOFF_FLOOR_MS ? BACKOFF_FLOOR_MS : delay_ms;
}

static bool is_cheap(const char *source)
{
    return strcmp(source, "environment") == 0 || strcmp(source, "profile") == 0 || strcmp(source, "container") == 0;
}

bool refresh_may_reuse(const struct credentials *c, int64_t fetched_at_ms, int64_t now_ms)
{
    if (c->access_key_id.len == 0 || c->source == NULL || is_cheap(c->source))
        return false;
    if (c->expires_at_ms == CREDENTIALS_NEVER_EXPIRE)
        return true;
    int64_t left_ms = c->expires_at_ms - now_ms;
    return left_ms > REUSE_LEFT_MIN_MS && left_ms > (c->expires_at_ms - fetched_at_ms) / 3;
}
