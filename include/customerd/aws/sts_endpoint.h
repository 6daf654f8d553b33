/* sts_endpoint: where STS is asked. */
#ifndef CUSTOMERD_AWS_STS_ENDPOINT_H
#define CUSTOMERD_AWS_STS_ENDPOINT_H

#include "customerd/aws/credentials.h"

struct sts_endpoint {
    char url[320];
    char host[272];  /* as the Host header has it: in lower case, with the port unless it is the scheme's own */
    char region[64]; /* "" when none is known and none is needed */
};

/* AWS_ENDPOINT_URL_STS (https, or http on the loopback), else the region's. Fails when the region is needed (to sign, or
 * to find the endpoint) and unknown. */
enum status sts_endpoint_find(const struct credentials_env *env, bool needs_region, struct sts_endpoint *out,
                              struct error *err) MUST_USE;

#endif
