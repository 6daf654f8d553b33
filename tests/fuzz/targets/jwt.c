/* Tokens: the text itself, and a token made of two JSON texts (its lines), so that what stands behind the encoding is reached.
 * What is accepted has a key's name, a subject and scopes that are texts. */
#include "fuzz.h"

#include "customerd/core/crypto.h"
#include "jwt.h"

static void check_text(const char *text, size_t size)
{
    size_t len = strlen(text);
    REQUIRE(len > 0 && len < size);
    for (size_t i = 0; i < len; i++)
        REQUIRE((unsigned char)text[i] >= ' ' && text[i] != 0x7f);
}

static void check_token(struct slice token)
{
    const struct jwt_expectation expected = { .issuer = "i", .audience = "a", .now_s = 1000, .leeway_s = 30 };
    struct jwt_header header;
    struct jwt_claims claims;
    if (jwt_read_header(token, &header)) {
        REQUIRE(token.len <= JWT_MAX_BYTES && (unsigned)header.alg < JWT_ALGS);
        check_text(header.kid, sizeof header.kid);
    }
    jwt_claims_init(&claims);
    if (jwt_read_claims(token, &expected, &claims)) {
        struct slice scopes = buf_slice(&claims.scopes);
        check_text(claims.subject, sizeof claims.subject);
        REQUIRE(claims.expires_s + expected.leeway_s >= expected.now_s);
        REQUIRE(scopes.len >= 1 && scopes.ptr[0] == ' ' && scopes.ptr[scopes.len - 1] == ' ');
        REQUIRE(memmem(scopes.ptr, scopes.len, "  ", 2) == NULL);
    }
    jwt_claims_clean_up(&claims);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice claims = slice_of(data, size);
    struct slice header = slice_take(&claims, '\n');
    struct buf token = BUF_INIT(4 * JWT_MAX_BYTES);
    char *copy = fuzz_copy(slice_of(data, size));
    check_token(slice_of(copy, size));
    free(copy);
    base64url_encode(&token, header);
    buf_append_byte(&token, '.');
    base64url_encode(&token, claims);
    buf_append_cstr(&token, ".c2lnbmF0dXJl");
    if (buf_ok(&token))
        check_token(buf_slice(&token));
    buf_clean_up(&token);
    return 0;
}
