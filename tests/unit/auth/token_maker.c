#include "token_maker.h"

#include "customerd/core/crypto.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>

struct token_key {
    EVP_PKEY *pkey;
    enum jwt_alg alg;
    char kid[64];
};

/* What lives on is still reachable at the end, so that no tool takes it for a leak. */
static char *kept[4096];
static size_t n_kept;

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "token_maker: %s fails\n", what);
    abort();
}

static const char *keep(char *text)
{
    check(text != NULL && n_kept < sizeof kept / sizeof *kept, "keeping a text");
    kept[n_kept++] = text;
    return text;
}

const char *text_of(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    check(vasprintf(&text, format, args) >= 0, "a text");
    va_end(args);
    return keep(text);
}

static const char *encode(const void *bytes, size_t len)
{
    struct buf out = BUF_INIT(65536);
    base64url_encode(&out, slice_of(bytes, len));
    return out.len == 0 ? "" : keep(buf_steal(&out));
}

struct token_key *token_key_new(enum jwt_alg alg, const char *kid, unsigned bits)
{
    struct token_key *key = calloc(1, sizeof *key);
    check(key != NULL, "memory");
    key->alg = alg;
    snprintf(key->kid, sizeof key->kid, "%s", kid);
    if (alg == JWT_ES256)
        key->pkey = EVP_EC_gen("P-256");
    else if (alg == JWT_EDDSA)
        key->pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    else
        key->pkey = EVP_RSA_gen(bits);
    check(key->pkey != NULL, "a new key");
    return key;
}

void token_key_free(struct token_key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

static const char *number(const struct token_key *key, const char *name, int width)
{
    BIGNUM *n = NULL;
    uint8_t bytes[1024];
    check(EVP_PKEY_get_bn_param(key->pkey, name, &n) == 1, name);
    int len = width > 0 ? BN_bn2binpad(n, bytes, width) : BN_bn2bin(n, bytes);
    BN_free(n);
    return encode(bytes, (size_t)len);
}

const char *token_key_jwk(const struct token_key *key, const char *more)
{
    if (key->alg == JWT_ES256)
        return text_of("{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"%s}", key->kid,
                       number(key, OSSL_PKEY_PARAM_EC_PUB_X, 32), number(key, OSSL_PKEY_PARAM_EC_PUB_Y, 32), more);
    if (key->alg == JWT_EDDSA) {
        uint8_t x[32];
        size_t len = sizeof x;
        check(EVP_PKEY_get_raw_public_key(key->pkey, x, &len) == 1, "a raw key");
        return text_of("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"%s\",\"x\":\"%s\"%s}", key->kid,
                       encode(x, len), more);
    }
    return text_of("{\"kty\":\"RSA\",\"kid\":\"%s\",\"n\":\"%s\",\"e\":\"%s\"%s}", key->kid,
                   number(key, OSSL_PKEY_PARAM_RSA_N, 0), number(key, OSSL_PKEY_PARAM_RSA_E, 0), more);
}

/* DER to r and s, 32 bytes each (RFC 7518 section 3.4). */
static size_t raw_ecdsa(const uint8_t *der, size_t len, uint8_t out[64])
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
    check(sig != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32) == 32 &&
              BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32) == 32, "an ECDSA signature");
    ECDSA_SIG_free(sig);
    return 64;
}

static size_t sign(const struct token_key *key, const char *text, uint8_t out[1024])
{
    uint8_t raw[1024];
    size_t len = sizeof raw;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    const EVP_MD *md = key->alg == JWT_EDDSA ? NULL : EVP_sha256();
    check(EVP_DigestSignInit(ctx, &pctx, md, NULL, key->pkey) == 1, "signing");
    if (key->alg == JWT_PS256)
        check(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
                  EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) == 1, "PSS");
    check(EVP_DigestSign(ctx, raw, &len, (const uint8_t *)text, strlen(text)) == 1, "signing");
    EVP_MD_CTX_free(ctx);
    if (key->alg == JWT_ES256)
        return raw_ecdsa(raw, len, out);
    memcpy(out, raw, len);
    return len;
}

static const char *signed_part(const char *header, const char *claims)
{
    return text_of("%s.%s", encode(header, strlen(header)), encode(claims, strlen(claims)));
}

const char *token_sign_text(const struct token_key *key, const char *header, const char *claims)
{
    uint8_t signature[1024];
    const char *text = signed_part(header, claims);
    size_t len = sign(key, text, signature);
    return text_of("%s.%s", text, encode(signature, len));
}

const char *token_sign(const struct token_key *key, const char *claims)
{
    return token_sign_text(key, text_of("{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"JWT\"}", jwt_alg_name(key->alg),
                                        key->kid), claims);
}

const char *token_unsigned(const char *header, const char *claims, size_t signature_bytes)
{
    uint8_t zeros[1024] = { 0 };
    return text_of("%s.%s", signed_part(header, claims), encode(zeros, signature_bytes));
}

const char *token_sign_hmac(const char *secret, size_t len, const char *header, const char *claims)
{
    uint8_t mac[SHA256_BYTES];
    const char *text = signed_part(header, claims);
    check(hmac_sha256(slice_of(secret, len), slice_cstr(text), mac), "HMAC");
    return text_of("%s.%s", text, encode(mac, sizeof mac));
}
