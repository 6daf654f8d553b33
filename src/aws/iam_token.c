#include "customerd/aws/iam_token.h"

#include "customerd/aws/sigv4.h"

#include <stdio.h>

#define RESOURCE_MAX_CHARS 128
#define TOKEN_MAX_BYTES 65536
#define TTL_MAX_S 900

static enum status check(const struct iam_token_options *o, const struct credentials *c, struct error *err)
{
    if (o->service == NULL || (strcmp(o->service, "memorydb") != 0 && strcmp(o->service, "elasticache") != 0))
        return error_set(err, STATUS_BAD_PARAMETER, "the IAM service must be memorydb or elasticache");
    if (o->resource == NULL || *o->resource == '\0')
        return error_set(err, STATUS_BAD_PARAMETER, "the cluster's or cache's name is missing");
    if (strlen(o->resource) > RESOURCE_MAX_CHARS)
        return error_set(err, STATUS_BAD_PARAMETER, "the cluster's or cache's name is too long");
    for (const char *p = o->resource; *p != '\0'; p++)
        if (!(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z') && !(*p >= '0' && *p <= '9') && *p != '-')
            return error_set(err, STATUS_BAD_PARAMETER,
                             "the cluster's or cache's name holds letters, digits and hyphens; it is not the endpoint");
    if (o->user == NULL || *o->user == '\0')
        return error_set(err, STATUS_BAD_PARAMETER, "the database user is missing");
    if (o->region == NULL || *o->region == '\0')
        return error_set(err, STATUS_BAD_PARAMETER, "the AWS region is missing");
    if (o->ttl_s < 1 || o->ttl_s > TTL_MAX_S)
        return error_set(err, STATUS_BAD_PARAMETER, "a token's life must be 1 to %d seconds", TTL_MAX_S);
    if (o->serverless && strcmp(o->service, "elasticache") != 0)
        return error_set(err, STATUS_BAD_PARAMETER, "serverless is a form of elasticache, not of memorydb");
    if (c->access_key_id.len == 0 || c->secret_access_key.len == 0)
        return error_set(err, STATUS_UNAVAILABLE, "the credentials are incomplete");
    return STATUS_OK;
}

/* Action, User, ResourceType: the order of AWS's own examples, which botocore keeps. */
static void append_query(const struct iam_token_options *options, const struct sigv4_presign *presign, struct buf *out)
{
    buf_append_cstr(out, "Action=connect&User=");
    sigv4_uri_encode(slice_cstr(options->user), out);
    if (options->serverless)
        buf_append_cstr(out, "&ResourceType=ServerlessCache");
    sigv4_presign_query(presign, slice_cstr("host"), out);
}

/* AWS keeps these names in lower case, whatever was typed when the cluster was made. */
static struct slice lower_host(const char *resource, char out[RESOURCE_MAX_CHARS + 1])
{
    size_t n = 0;
    for (; n < RESOURCE_MAX_CHARS && resource[n] != '\0'; n++)
        out[n] = resource[n] >= 'A' && resource[n] <= 'Z' ? (char)(resource[n] - 'A' + 'a') : resource[n];
    out[n] = '\0';
    return slice_of(out, n);
}

enum status iam_token_mint(const struct iam_token_options *options, const struct credentials *credentials, int64_t now_s,
                           struct secret *out, struct error *err)
{
    enum status status = check(options, credentials, err);
    if (status != STATUS_OK)
        return status;

    struct buf query = BUF_INIT(TOKEN_MAX_BYTES);
    struct buf token = BUF_INIT(TOKEN_MAX_BYTES + RESOURCE_MAX_CHARS);
    char host_text[RESOURCE_MAX_CHARS + 1];
    char payload_hash[SIGV4_HEX_SIZE];
    char signature[SIGV4_HEX_SIZE];
    struct sigv4_header host = { SLICE("host"), lower_host(options->resource, host_text) };
    struct sigv4_presign presign = {
        .scope = { .time_s = now_s, .region = slice_cstr(options->region), .service = slice_cstr(options->service) },
        .access_key_id = secret_slice(&credentials->access_key_id),
        .session_token = secret_slice(&credentials->session_token),
        .expires_s = options->ttl_s,
    };
    append_query(options, &presign, &query);
    struct sigv4_request request = {
        .method = SLICE("GET"),
        .path = SLICE("/"),
        .query = buf_slice(&query),
        .headers = &host,
        .n_headers = 1,
        .normalize_path = true,
    };
    bool ok = buf_ok(&query) && sigv4_payload_hash(slice_cstr(""), payload_hash);
    request.payload_hash = slice_of(payload_hash, sizeof payload_hash - 1);
    ok = ok && sigv4_sign(&request, &presign.scope, secret_slice(&credentials->secret_access_key), signature);
    if (!ok) {
        status = error_set(err, STATUS_INTERNAL, "the token could not be signed");
        goto out;
    }
    buf_append(&token, host.value);
    buf_append_cstr(&token, "/?");
    buf_append(&token, buf_slice(&query));
    buf_append_cstr(&token, "&X-Amz-Signature=");
    buf_append_cstr(&token, signature);
    if (!buf_ok(&token) || !secret_set(out, buf_slice(&token)))
        status = error_set(err, STATUS_INTERNAL, "out of memory");
out:
    buf_clean_up_secure(&query);
    buf_clean_up_secure(&token);
    return status;
}
