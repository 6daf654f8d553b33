/* token_maker: keys and signed tokens for tests, by OpenSSL: other code than what verifies them. */
#ifndef TESTS_UNIT_AUTH_TOKEN_MAKER_H
#define TESTS_UNIT_AUTH_TOKEN_MAKER_H

#include "customerd/core/buf.h"

#include "../../../src/auth/jwt.h"

struct token_key;

/* bits counts for RSA only. */
struct token_key *token_key_new(enum jwt_alg alg, const char *kid, unsigned bits);
void token_key_free(struct token_key *key);

/* The public key as a JWK with kid and whatever more (",\"use\":\"sig\"", "" for nothing). In memory that lives on. */
const char *token_key_jwk(const struct token_key *key, const char *more);

/* Compact tokens, in memory that lives on, each call's own. */
const char *token_sign_text(const struct token_key *key, const char *header, const char *claims);
/* With {"alg":..., "kid":..., "typ":"JWT"}. */
const char *token_sign(const struct token_key *key, const char *claims);
/* Header and claims as they are, and a signature of so many zero bytes. */
const char *token_unsigned(const char *header, const char *claims, size_t signature_bytes);
/* HS256 under any bytes. */
const char *token_sign_hmac(const char *secret, size_t len, const char *header, const char *claims);

/* Text in memory that lives on until the program ends. */
const char *text_of(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
