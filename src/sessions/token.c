#include "customerd/sessions/token.h"

#include "customerd/core/crypto.h"

#define BUCKET_DIGITS 2

bool session_token_new(uint8_t bucket, struct session_token *out)
{
    out->bucket = bucket;
    return random_bytes(out->secret, sizeof out->secret);
}

void session_token_format(const struct session_token *token, char out[SESSION_TOKEN_SIZE])
{
    struct buf text = BUF_INIT(SESSION_TOKEN_SIZE);
    hex_encode(&token->bucket, 1, out);
    base64url_encode(&text, slice_of(token->secret, sizeof token->secret));
    out[BUCKET_DIGITS] = '\0';
    if (text.len == SESSION_TOKEN_SIZE - 1 - BUCKET_DIGITS)
        memcpy(out + BUCKET_DIGITS, text.data, text.len + 1);
    buf_clean_up_secure(&text);
}

static bool is_lower_hex(char c)
{
    return hex_digit(c) >= 0 && (c < 'A' || c > 'F');
}

bool session_token_parse(struct slice text, struct session_token *out)
{
    if (text.len != SESSION_TOKEN_SIZE - 1 || !is_lower_hex(text.ptr[0]) || !is_lower_hex(text.ptr[1]))
        return false;
    out->bucket = (uint8_t)(hex_digit(text.ptr[0]) << 4 | hex_digit(text.ptr[1]));
    return base64url_decode(slice_from(text, BUCKET_DIGITS), out->secret, sizeof out->secret) == SESSION_SECRET_BYTES;
}

bool session_token_name(const struct session_token *token, struct session_name *out)
{
    uint8_t digest[SHA256_BYTES];
    if (!sha256(slice_of(token->secret, sizeof token->secret), digest))
        return false;
    out->bucket = token->bucket;
    memcpy(out->hash, digest, sizeof out->hash);
    return true;
}
