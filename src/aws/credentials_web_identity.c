#include "customerd/aws/provider.h"
#include "customerd/aws/sts.h"

enum credentials_result credentials_from_web_identity(const struct credentials_env *env, struct credentials *out,
                                                      struct error *err)
{
    const char *file = provider_getenv(env, "AWS_WEB_IDENTITY_TOKEN_FILE");
    const char *arn = provider_getenv(env, "AWS_ROLE_ARN");
    if (file == NULL)
        return CREDENTIALS_ABSENT;
    if (arn == NULL)
        return provider_fail(err, "web-identity: AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN");
    struct sts_role role = { .arn = slice_cstr(arn),
                             .session_name = slice_cstr(provider_getenv(env, "AWS_ROLE_SESSION_NAME")) };
    return sts_assume_role_with_web_identity(env, &role, file, out, err);
}
