#include "customerd/aws/provider.h"
#include "customerd/core/crypto.h"

#include <time.h>

#define ATTEMPTS 3
#define ATTEMPT_TIMEOUT_MS 2000
#define CONNECT_TIMEOUT_MS 1000
#define DEADLINE_MS 9000
#define PAUSE_BASE_MS 100

struct provider_bounds provider_bounds(const struct credentials_env *env)
{
    return (struct provider_bounds){ .attempts = ATTEMPTS,
                                     .attempt_timeout_ms = ATTEMPT_TIMEOUT_MS,
                                     .deadline_ms = clock_monotonic_ms(env->clock) + DEADLINE_MS };
}

/* 100 to 200 ms, then 200 to 400: callers that failed together don't come back together. */
static void pause_before(int attempt)
{
    uint16_t random = 0;
    if (!random_bytes(&random, sizeof random))
        random = 0;
    long base_ms = (long)PAUSE_BASE_MS << (attempt - 1);
    long pause_ms = base_ms + base_ms * random / UINT16_MAX;
    struct timespec pause = { .tv_sec = pause_ms / 1000, .tv_nsec = pause_ms % 1000 * 1000000L };
    nanosleep(&pause, NULL);
}

bool provider_is_cancelled(const struct credentials_env *env)
{
    return env->cancelled != NULL && atomic_load(env->cancelled);
}

static bool is_worth_retrying(enum status status, int http_status)
{
    return status != STATUS_OK || http_status == 429 || http_status >= 500;
}

enum status provider_send(const struct credentials_env *env, const struct http_request *request,
                          const struct provider_bounds *bounds, struct http_response *out, struct error *err)
{
    enum status status = STATUS_OK;
    buf_init(&out->body, PROVIDER_REPLY_MAX_BYTES);
    for (int attempt = 0; attempt < bounds->attempts; attempt++) {
        if (attempt > 0)
            pause_before(attempt);
        if (provider_is_cancelled(env))
            return error_set(err, STATUS_UNAVAILABLE, "the request was given up");
        int64_t left_ms = bounds->deadline_ms - clock_monotonic_ms(env->clock);
        if (left_ms <= 0)
            return attempt == 0 ? error_set(err, STATUS_UNAVAILABLE, "no time is left to ask") : status;
        struct http_request bounded = *request;
        bounded.timeout_ms = left_ms < bounds->attempt_timeout_ms ? (int)left_ms : bounds->attempt_timeout_ms;
        bounded.cancelled = env->cancelled;
        bounded.connect_timeout_ms = bounded.timeout_ms < CONNECT_TIMEOUT_MS ? bounded.timeout_ms : CONNECT_TIMEOUT_MS;
        buf_clean_up_secure(&out->body);
        out->status = 0;
        status = env->http->fetch(env->http->ctx, &bounded, out, err);
        if (!is_worth_retrying(status, out->status))
            break;
    }
    return status;
}
