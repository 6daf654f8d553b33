#include "customerd/aws/sts_endpoint.h"

#include "customerd/aws/endpoint.h"
#include "customerd/aws/provider.h"

#include <stdio.h>

static enum status given_endpoint(const char *url, struct sts_endpoint *out, struct error *err)
{
    struct aws_endpoint given;
    enum status status = aws_endpoint_parse("AWS_ENDPOINT_URL_STS", url, &given, err);
    if (status != STATUS_OK)
        return status;
    snprintf(out->host, sizeof out->host, "%s", given.host);
    snprintf(out->url, sizeof out->url, "%s://%s/", given.https ? "https" : "http", given.authority);
    return STATUS_OK;
}

enum status sts_endpoint_find(const struct credentials_env *env, bool needs_region, struct sts_endpoint *out,
                              struct error *err)
{
    *out = (struct sts_endpoint){ .url = "" };
    const char *given = provider_getenv(env, "AWS_ENDPOINT_URL_STS");
    if (needs_region || given == NULL) {
        enum status status = aws_region(env, out->region, sizeof out->region, err);
        if (status != STATUS_OK)
            return status;
    }
    if (given != NULL)
        return given_endpoint(given, out, err);
    snprintf(out->host, sizeof out->host, "sts.%s.%s", out->region, aws_domain(out->region));
    snprintf(out->url, sizeof out->url, "https://%s/", out->host);
    return STATUS_OK;
}
