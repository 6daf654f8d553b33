#include "customerd/aws/sts.h"

#include "customerd/aws/provider.h"
#include "customerd/aws/sigv4.h"
#include "customerd/aws/sts_endpoint.h"
#include "customerd/aws/xml.h"
#include "customerd/core/crypto.h"
#include "customerd/core/timestamp.h"

#include <stdio.h>

#define BODY_MAX_BYTES 131072
#define HEADER_MAX_BYTES 32768
#define CONTENT_TYPE "application/x-www-form-urlencoded; charset=utf-8"

/* One of the two calls; names stand in its reply too. */
struct call {
    const char *source;
    const char *action;
    const char *response;
    const char *result;
};

static void parameter(struct buf *body, const char *name, struct slice value)
{
    buf_append_byte(body, '&');
    buf_append_cstr(body, name);
    buf_append_byte(body, '=');
    sigv4_uri_encode(value, body);
}

static void session_name(const struct sts_role *role, struct buf *body)
{
    uint8_t random[8];
    char name[sizeof "customerd-" + 2 * sizeof random] = "customerd-";
    if (role->session_name.len > 0) {
        parameter(body, "RoleSessionName", role->session_name);
        return;
    }
    if (!random_bytes(random, sizeof random)) {
        body->failed = true;
        return;
    }
    hex_encode(random, sizeof random, name + strlen(name));
    parameter(body, "RoleSessionName", slice_cstr(name));
}

static void body_begin(const struct call *call, const struct sts_role *role, struct buf *body)
{
    buf_append_cstr(body, "Action=");
    buf_append_cstr(body, call->action);
    buf_append_cstr(body, "&Version=2011-06-15");
    parameter(body, "RoleArn", role->arn);
    session_name(role, body);
    if (role->external_id.len > 0)
        parameter(body, "ExternalId", role->external_id);
    if (role->duration_s > 0) {
        buf_append_cstr(body, "&DurationSeconds=");
        buf_append_int(body, role->duration_s);
    }
}

/* ----------------------------------------------------------------------------------------------------- reply */

static enum credentials_result element(const struct call *call, struct slice reply, const char *name, struct buf *out,
                                       struct error *err)
{
    const char *path[] = { call->response, call->result, "Credentials", name, NULL };
    buf_init(out, PROVIDER_REPLY_MAX_BYTES);
    switch (xml_text_at(reply, path, out)) {
    case XML_FOUND:
        return CREDENTIALS_FOUND;
    case XML_ABSENT:
        return provider_fail(err, "%s: the answer of STS has no %s", call->source, name);
    default:
        return provider_fail(err, "%s: the answer of STS is not the XML that was expected", call->source);
    }
}

static enum credentials_result reply_parse(const struct credentials_env *env, const struct call *call,
                                           struct slice reply, struct credentials *out, struct error *err)
{
    static const char *const names[] = { "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration" };
    struct buf texts[4] = { BUF_INIT(0), BUF_INIT(0), BUF_INIT(0), BUF_INIT(0) };
    struct provider_keys keys;
    enum credentials_result result = CREDENTIALS_FOUND;
    for (size_t i = 0; i < 4 && result == CREDENTIALS_FOUND; i++)
        result = element(call, reply, names[i], &texts[i], err);
    if (result != CREDENTIALS_FOUND)
        goto out;
    keys = (struct provider_keys){ buf_slice(&texts[0]), buf_slice(&texts[1]), buf_slice(&texts[2]), 0 };
    if (keys.session_token.len == 0)
        result = provider_fail(err, "%s: the session token of STS is empty", call->source);
    else if (!timestamp_parse_rfc3339(buf_slice(&texts[3]), &keys.expires_at_ms))
        result = provider_fail(err, "%s: Expiration is not an RFC 3339 time", call->source);
    else
        result = provider_fill(call->source, &keys, clock_realtime_ms(env->clock), out, err);
out:
    for (size_t i = 0; i < 4; i++)
        buf_clean_up_secure(&texts[i]);
    return result;
}

/* The error's code, where STS gave one, says what to repair: AccessDenied, ExpiredTokenException and the like. */
static enum credentials_result reply_refused(const struct call *call, const struct http_response *response,
                                             struct error *err)
{
    static const char *const path[] = { "ErrorResponse", "Error", "Code", NULL };
    struct buf code = BUF_INIT(64);
    if (xml_text_at(buf_slice(&response->body), path, &code) != XML_FOUND || !provider_is_one_line(buf_slice(&code)))
        buf_clean_up(&code);
    enum credentials_result result =
        provider_fail(err, "%s: STS answered %d%s%.*s", call->source, response->status, code.len > 0 ? " " : "",
                      (int)code.len, buf_slice(&code).ptr);
    buf_clean_up(&code);
    return result;
}

/* ------------------------------------------------------------------------------------------------------ send */

static enum credentials_result send(const struct credentials_env *env, const struct call *call,
                                    const struct http_request *request, struct credentials *out, struct error *err)
{
    struct http_response response = { .status = 0 };
    struct provider_bounds bounds = provider_bounds(env);
    enum credentials_result result;
    if (provider_send(env, request, &bounds, &response, err) != STATUS_OK)
        result = provider_fail(err, "%s: STS: %s", call->source, err->detail);
    else if (response.status != 200)
        result = reply_refused(call, &response, err);
    else
        result = reply_parse(env, call, buf_slice(&response.body), out, err);
    buf_clean_up_secure(&response.body);
    return result;
}

/* The header lines of a signed request, each in a buffer of its own. */
struct signed_lines {
    struct buf date, token, authorization;
};

static bool sign(const struct credentials_env *env, const struct sts_endpoint *endpoint, struct slice body,
                 const struct credentials *signer, struct signed_lines *lines)
{
    char time[TIMESTAMP_AMZ_SIZE], hash[SIGV4_HEX_SIZE], signature[SIGV4_HEX_SIZE];
    struct sigv4_scope scope = { .time_s = clock_realtime_ms(env->clock) / 1000,
                                 .region = slice_cstr(endpoint->region),
                                 .service = SLICE("sts") };
    timestamp_amz(scope.time_s, time);
    struct sigv4_header headers[] = {
        { SLICE("content-type"), SLICE(CONTENT_TYPE) },
        { SLICE("host"), slice_cstr(endpoint->host) },
        { SLICE("x-amz-date"), slice_cstr(time) },
        { SLICE("x-amz-security-token"), secret_slice(&signer->session_token) },
    };
    struct sigv4_request request = { .method = SLICE("POST"), .path = SLICE("/"), .headers = headers,
                                     .n_headers = signer->session_token.len > 0 ? 4 : 3, .normalize_path = true };
    if (!sigv4_payload_hash(body, hash))
        return false;
    request.payload_hash = slice_cstr(hash);
    if (!sigv4_sign(&request, &scope, secret_slice(&signer->secret_access_key), signature))
        return false;
    buf_append_cstr(&lines->date, "X-Amz-Date: ");
    buf_append_cstr(&lines->date, time);
    buf_append_cstr(&lines->token, "X-Amz-Security-Token: ");
    buf_append(&lines->token, secret_slice(&signer->session_token));
    buf_append_cstr(&lines->authorization, "Authorization: ");
    sigv4_authorization(&request, &scope, secret_slice(&signer->access_key_id), signature, &lines->authorization);
    return buf_ok(&lines->date) && buf_ok(&lines->token) && buf_ok(&lines->authorization);
}

enum credentials_result sts_assume_role(const struct credentials_env *env, const struct sts_role *role,
                                        const struct credentials *signer, struct credentials *out, struct error *err)
{
    static const struct call call = { "assume-role", "AssumeRole", "AssumeRoleResponse", "AssumeRoleResult" };
    struct sts_endpoint endpoint;
    struct buf body = BUF_INIT(BODY_MAX_BYTES);
    struct signed_lines lines = { BUF_INIT(HEADER_MAX_BYTES), BUF_INIT(HEADER_MAX_BYTES), BUF_INIT(HEADER_MAX_BYTES) };
    enum credentials_result result = CREDENTIALS_FAILED;
    if (sts_endpoint_find(env, true, &endpoint, err) != STATUS_OK)
        goto out;
    body_begin(&call, role, &body);
    if (!buf_ok(&body) || !sign(env, &endpoint, buf_slice(&body), signer, &lines)) {
        result = provider_fail(err, "assume-role: the request could not be signed");
        goto out;
    }
    const char *headers[] = { "Content-Type: " CONTENT_TYPE, lines.date.data, lines.authorization.data, lines.token.data };
    struct http_request request = { .method = "POST", .url = endpoint.url, .headers = headers,
                                    .n_headers = signer->session_token.len > 0 ? 4 : 3, .body = buf_slice(&body) };
    result = send(env, &call, &request, out, err);
out:
    buf_clean_up_secure(&body);
    buf_clean_up_secure(&lines.date);
    buf_clean_up_secure(&lines.token);
    buf_clean_up_secure(&lines.authorization);
    return result;
}

enum credentials_result sts_assume_role_with_web_identity(const struct credentials_env *env, const struct sts_role *role,
                                                          const char *token_file, struct credentials *out,
                                                          struct error *err)
{
    static const struct call call = { "web-identity", "AssumeRoleWithWebIdentity", "AssumeRoleWithWebIdentityResponse",
                                      "AssumeRoleWithWebIdentityResult" };
    static const char *const headers[] = { "Content-Type: " CONTENT_TYPE };
    struct sts_endpoint endpoint;
    struct buf token = BUF_INIT(PROVIDER_REPLY_MAX_BYTES / 4);
    struct buf body = BUF_INIT(BODY_MAX_BYTES);
    enum credentials_result result = provider_read_file(token_file, &token, err);
    if (result != CREDENTIALS_FOUND)
        goto out;
    if (token.len == 0 || !provider_is_one_line(buf_slice(&token))) {
        result = provider_fail(err, "web-identity: the token file is empty or holds a line break");
        goto out;
    }
    if (sts_endpoint_find(env, false, &endpoint, err) != STATUS_OK) {
        result = CREDENTIALS_FAILED;
        goto out;
    }
    body_begin(&call, role, &body);
    parameter(&body, "WebIdentityToken", buf_slice(&token));
    if (!buf_ok(&body)) {
        result = provider_fail(err, "web-identity: the request is too long");
        goto out;
    }
    struct http_request request = { .method = "POST", .url = endpoint.url, .headers = headers, .n_headers = 1,
                                    .body = buf_slice(&body) };
    result = send(env, &call, &request, out, err);
out:
    buf_clean_up_secure(&token);
    buf_clean_up_secure(&body);
    return result;
}
