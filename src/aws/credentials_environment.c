#include "customerd/aws/provider.h"
#include "customerd/core/timestamp.h"

enum credentials_result credentials_from_environment(const struct credentials_env *env, struct credentials *out,
                                                     struct error *err)
{
    const char *id = provider_getenv(env, "AWS_ACCESS_KEY_ID");
    const char *secret = provider_getenv(env, "AWS_SECRET_ACCESS_KEY");
    const char *expires = provider_getenv(env, "AWS_CREDENTIAL_EXPIRATION");
    if (id == NULL && secret == NULL)
        return CREDENTIALS_ABSENT;
    if (id == NULL || secret == NULL)
        return provider_fail(err, "environment: %s is set without %s", id == NULL ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID",
                             id == NULL ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY");

    struct provider_keys keys = {
        .access_key_id = slice_cstr(id),
        .secret_access_key = slice_cstr(secret),
        .session_token = slice_cstr(provider_getenv(env, "AWS_SESSION_TOKEN")),
        .expires_at_ms = CREDENTIALS_NEVER_EXPIRE,
    };
    if (expires != NULL && !timestamp_parse_rfc3339(slice_cstr(expires), &keys.expires_at_ms))
        return provider_fail(err, "environment: AWS_CREDENTIAL_EXPIRATION is not an RFC 3339 time");
    return provider_fill("environment", &keys, clock_realtime_ms(env->clock), out, err);
}
