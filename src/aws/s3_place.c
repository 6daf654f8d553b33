#include "s3_request.h"

#include "customerd/aws/provider.h"

#include <stdio.h>

/* An address has no names below it. */
static bool is_address(struct slice name)
{
    if (name.len > 0 && name.ptr[0] == '[')
        return true;
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] != '.' && (name.ptr[i] < '0' || name.ptr[i] > '9'))
            return false;
    return true;
}

static enum status region_find(const struct s3_options *options, const struct credentials_env *env, struct s3_place *out,
                               struct error *err)
{
    if (options->region == NULL || options->region[0] == '\0')
        return aws_region(env, out->region, sizeof out->region, err);
    size_t len = strlen(options->region);
    if (len >= sizeof out->region || strspn(options->region, "abcdefghijklmnopqrstuvwxyz0123456789-") != len)
        return error_set(err, STATUS_BAD_PARAMETER, "S3's region is not a region's name");
    memcpy(out->region, options->region, len + 1);
    return STATUS_OK;
}

static enum status endpoint_find(const struct s3_options *options, const struct credentials_env *env,
                                 struct s3_place *out, struct error *err)
{
    static const char *const variables[] = { "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL" };
    if (options->endpoint != NULL && options->endpoint[0] != '\0')
        return aws_endpoint_parse("S3's endpoint", options->endpoint, &out->endpoint, err);
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *given = provider_getenv(env, variables[i]);
        if (given != NULL)
            return aws_endpoint_parse(variables[i], given, &out->endpoint, err);
    }
    out->is_aws = true;
    out->endpoint.https = true;
    snprintf(out->endpoint.host, sizeof out->endpoint.host, "s3.%s.%s", out->region, aws_domain(out->region));
    snprintf(out->endpoint.authority, sizeof out->endpoint.authority, "%s", out->endpoint.host);
    return STATUS_OK;
}

enum status s3_place_find(const struct s3_options *options, const struct credentials_env *env, struct s3_place *out,
                          struct error *err)
{
    *out = (struct s3_place){ .addressing = options->addressing };
    enum status status = region_find(options, env, out, err);
    if (status == STATUS_OK)
        status = endpoint_find(options, env, out, err);
    if (status != STATUS_OK)
        return status;
    if (out->addressing == S3_ADDRESSING_VIRTUAL && is_address(aws_endpoint_name(slice_cstr(out->endpoint.host))))
        return error_set(err, STATUS_BAD_PARAMETER, "buckets can't be part of the host when S3's endpoint is an IP address");
    return STATUS_OK;
}
