#include "customerd/aws/credentials.h"

#include <stdlib.h>

void credentials_clean_up(struct credentials *c)
{
    if (c == NULL)
        return;
    secret_clean_up(&c->access_key_id);
    secret_clean_up(&c->secret_access_key);
    secret_clean_up(&c->session_token);
    c->expires_at_ms = 0;
    c->source = NULL;
}

static const char *process_getenv(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

/* The system's clock and client are got by calls; these make one constant object of them. */
static int64_t system_realtime_ms(void *ctx)
{
    (void)ctx;
    return clock_realtime_ms(clock_system());
}

static int64_t system_monotonic_ms(void *ctx)
{
    (void)ctx;
    return clock_monotonic_ms(clock_system());
}

static enum status system_fetch(void *ctx, const struct http_request *request, struct http_response *out,
                                struct error *err)
{
    (void)ctx;
    const struct http_client *curl = http_client_curl();
    return curl->fetch(curl->ctx, request, out, err);
}

const struct credentials_env *credentials_env_system(void)
{
    static const struct clock clock = { .realtime_ms = system_realtime_ms, .monotonic_ms = system_monotonic_ms };
    static const struct http_client http = { .fetch = system_fetch };
    static const struct credentials_env env = { .getenv = process_getenv, .clock = &clock, .http = &http };
    return &env;
}
