#include "customerd/aws/profile.h"
#include "customerd/aws/provider.h"

#include <stdio.h>

/* A region becomes part of host names and signatures. */
static bool is_region(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return text.len > 0 && text.len <= 63;
}

static enum status region_take(const char *where, struct slice text, char *out, size_t out_size, struct error *err)
{
    if (!is_region(text) || text.len >= out_size)
        return error_set(err, STATUS_BAD_PARAMETER, "the AWS region in %s is not a region's name", where);
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return STATUS_OK;
}

enum status aws_region(const struct credentials_env *env, char *out, size_t out_size, struct error *err)
{
    static const char *const variables[] = { "AWS_REGION", "AWS_DEFAULT_REGION" };
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *value = provider_getenv(env, variables[i]);
        if (value != NULL)
            return region_take(variables[i], slice_cstr(value), out, out_size, err);
    }

    struct profiles profiles;
    enum status status = profiles_load(env, &profiles, err);
    if (status != STATUS_OK)
        return status;
    const char *chosen = profiles_chosen(env);
    struct slice region = profiles_get(&profiles, slice_cstr(chosen == NULL ? "default" : chosen), "region");
    if (region.len > 0)
        status = region_take("the profile", region, out, out_size, err);
    else
        status = error_set(err, STATUS_BAD_PARAMETER,
                           "no AWS region: set AWS_REGION, AWS_DEFAULT_REGION, or region in the profile");
    profiles_clean_up(&profiles);
    return status;
}
