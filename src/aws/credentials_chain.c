#include "customerd/aws/provider.h"

enum status credentials_chain_fetch(const struct credentials_env *env, struct credentials *out, struct error *err)
{
    static const struct {
        const char *source;
        credentials_provider_fn ask;
    } configured[] = {
        { "environment", credentials_from_environment },
        { "profile", credentials_from_profile },
        { "web-identity", credentials_from_web_identity },
        { "container", credentials_from_container },
    };
    for (size_t i = 0; i < sizeof configured / sizeof *configured; i++) {
        enum credentials_result result = configured[i].ask(env, out, err);
        if (result == CREDENTIALS_FOUND)
            return STATUS_OK;
        if (result == CREDENTIALS_FAILED) {
            out->source = configured[i].source;
            return err->code;
        }
    }
    /* IMDS needs no configuration, so that its failure mostly means that nothing was configured. */
    enum credentials_result result = credentials_from_imds(env, out, err);
    if (result == CREDENTIALS_FOUND)
        return STATUS_OK;
    out->source = result == CREDENTIALS_ABSENT ? "none" : "imds";
    if (result == CREDENTIALS_ABSENT)
        return error_set(err, STATUS_UNAVAILABLE,
                         "no AWS credentials: environment, profile, web identity and container are not configured, "
                         "and AWS_EC2_METADATA_DISABLED is set");
    (void)provider_fail(err, "no AWS credentials: environment, profile, web identity and container are not configured, "
                             "and %s", err->detail);
    return err->code;
}
