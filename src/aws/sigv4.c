#include "customerd/aws/sigv4.h"

#include <stdio.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define TERMINATOR "aws4_request"
#define DATE_CHARS 8 /* of "20150830T123600Z" */
#define CANONICAL_MAX_BYTES ((size_t)1 << 20)
#define SECRET_MAX_BYTES 1024

bool sigv4_payload_hash(struct slice body, char out[SIGV4_HEX_SIZE])
{
    uint8_t digest[SHA256_BYTES];
    if (!sha256(body, digest))
        return false;
    hex_encode(digest, sizeof digest, out);
    return true;
}

void sigv4_canonical_request(const struct sigv4_request *request, struct buf *out)
{
    buf_append(out, request->method);
    buf_append_byte(out, '\n');
    sigv4_canonical_path(request->path, request->normalize_path, out);
    buf_append_byte(out, '\n');
    sigv4_canonical_query(request->query, out);
    buf_append_byte(out, '\n');
    sigv4_canonical_headers(request->headers, request->n_headers, out);
    buf_append_byte(out, '\n');
    sigv4_signed_headers(request->headers, request->n_headers, out);
    buf_append_byte(out, '\n');
    buf_append(out, request->payload_hash);
}

void sigv4_credential_scope(const struct sigv4_scope *scope, struct buf *out)
{
    char time[TIMESTAMP_AMZ_SIZE];
    timestamp_amz(scope->time_s, time);
    buf_append(out, slice_of(time, DATE_CHARS));
    buf_append_byte(out, '/');
    buf_append(out, scope->region);
    buf_append_byte(out, '/');
    buf_append(out, scope->service);
    buf_append_cstr(out, "/" TERMINATOR);
}

void sigv4_string_to_sign(const struct sigv4_scope *scope, struct slice canonical_request, struct buf *out)
{
    char time[TIMESTAMP_AMZ_SIZE];
    char hash[SIGV4_HEX_SIZE];
    if (!sigv4_payload_hash(canonical_request, hash)) {
        out->failed = true;
        return;
    }
    timestamp_amz(scope->time_s, time);
    buf_append_cstr(out, ALGORITHM "\n");
    buf_append_cstr(out, time);
    buf_append_byte(out, '\n');
    sigv4_credential_scope(scope, out);
    buf_append_byte(out, '\n');
    buf_append_cstr(out, hash);
}

bool sigv4_signing_key(struct slice secret_access_key, const struct sigv4_scope *scope, uint8_t key[SHA256_BYTES])
{
    char start[4 + SECRET_MAX_BYTES] = "AWS4";
    char time[TIMESTAMP_AMZ_SIZE];
    if (secret_access_key.len == 0 || secret_access_key.len > SECRET_MAX_BYTES)
        return false;
    memcpy(start + 4, secret_access_key.ptr, secret_access_key.len);
    timestamp_amz(scope->time_s, time);

    uint8_t day[SHA256_BYTES];
    uint8_t region[SHA256_BYTES];
    uint8_t service[SHA256_BYTES];
    bool ok = hmac_sha256(slice_of(start, 4 + secret_access_key.len), slice_of(time, DATE_CHARS), day) &&
              hmac_sha256(slice_of(day, sizeof day), scope->region, region) &&
              hmac_sha256(slice_of(region, sizeof region), scope->service, service) &&
              hmac_sha256(slice_of(service, sizeof service), slice_cstr(TERMINATOR), key);
    crypto_wipe(start, sizeof start);
    crypto_wipe(day, sizeof day);
    crypto_wipe(region, sizeof region);
    crypto_wipe(service, sizeof service);
    return ok;
}

bool sigv4_signature(const uint8_t key[SHA256_BYTES], struct slice string_to_sign, char out[SIGV4_HEX_SIZE])
{
    uint8_t mac[SHA256_BYTES];
    if (!hmac_sha256(slice_of(key, SHA256_BYTES), string_to_sign, mac))
        return false;
    hex_encode(mac, sizeof mac, out);
    return true;
}

bool sigv4_sign(const struct sigv4_request *request, const struct sigv4_scope *scope, struct slice secret_access_key,
                char out[SIGV4_HEX_SIZE])
{
    /* The canonical request of a presigned one holds the session token. */
    struct buf canonical = BUF_INIT(CANONICAL_MAX_BYTES);
    struct buf to_sign = BUF_INIT(CANONICAL_MAX_BYTES);
    uint8_t key[SHA256_BYTES];
    sigv4_canonical_request(request, &canonical);
    sigv4_string_to_sign(scope, buf_slice(&canonical), &to_sign);
    bool ok = buf_ok(&canonical) && buf_ok(&to_sign) && sigv4_signing_key(secret_access_key, scope, key) &&
              sigv4_signature(key, buf_slice(&to_sign), out);
    crypto_wipe(key, sizeof key);
    buf_clean_up_secure(&canonical);
    buf_clean_up(&to_sign);
    return ok;
}

void sigv4_authorization(const struct sigv4_request *request, const struct sigv4_scope *scope,
                         struct slice access_key_id, const char *signature, struct buf *out)
{
    buf_append_cstr(out, ALGORITHM " Credential=");
    buf_append(out, access_key_id);
    buf_append_byte(out, '/');
    sigv4_credential_scope(scope, out);
    buf_append_cstr(out, ", SignedHeaders=");
    sigv4_signed_headers(request->headers, request->n_headers, out);
    buf_append_cstr(out, ", Signature=");
    buf_append_cstr(out, signature);
}

void sigv4_presign_query(const struct sigv4_presign *presign, struct slice signed_headers, struct buf *out)
{
    char time[TIMESTAMP_AMZ_SIZE];
    struct buf scope = BUF_INIT(1024);
    timestamp_amz(presign->scope.time_s, time);
    sigv4_credential_scope(&presign->scope, &scope);
    if (!buf_ok(&scope))
        out->failed = true;
    if (out->len > 0)
        buf_append_byte(out, '&');
    buf_append_cstr(out, "X-Amz-Algorithm=" ALGORITHM "&X-Amz-Credential=");
    sigv4_uri_encode(presign->access_key_id, out);
    buf_append_cstr(out, "%2F");
    sigv4_uri_encode(buf_slice(&scope), out);
    buf_append_cstr(out, "&X-Amz-Date=");
    buf_append_cstr(out, time);
    buf_append_cstr(out, "&X-Amz-Expires=");
    buf_append_int(out, presign->expires_s);
    buf_append_cstr(out, "&X-Amz-SignedHeaders=");
    sigv4_uri_encode(signed_headers, out);
    if (presign->session_token.len > 0) {
        buf_append_cstr(out, "&X-Amz-Security-Token=");
        sigv4_uri_encode(presign->session_token, out);
    }
    buf_clean_up(&scope);
}
