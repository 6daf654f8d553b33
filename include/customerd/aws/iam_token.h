/* iam_token: the short-lived password of an IAM user of MemoryDB or ElastiCache.
 *
 * A SigV4 presigned GET of "http://<resource>/?Action=connect&User=<user>", without its scheme.
 * https://docs.aws.amazon.com/memorydb/latest/devguide/auth-iam.html
 * https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html */
#ifndef CUSTOMERD_AWS_IAM_TOKEN_H
#define CUSTOMERD_AWS_IAM_TOKEN_H

#include "customerd/aws/credentials.h"

struct iam_token_options {
    const char *service;  /* "memorydb" or "elasticache" */
    const char *resource; /* cluster, replication group or serverless cache name, not the DNS endpoint;
                           * lower-cased, as AWS keeps it */
    const char *user;
    const char *region;
    bool serverless;      /* adds ResourceType=ServerlessCache */
    int64_t ttl_s;        /* X-Amz-Expires, 1 to 900 */
};

/* The token for the instant now_s (realtime), byte for byte what botocore makes. Pure. */
enum status iam_token_mint(const struct iam_token_options *options, const struct credentials *credentials, int64_t now_s,
                           struct secret *out, struct error *err) MUST_USE;

#endif
