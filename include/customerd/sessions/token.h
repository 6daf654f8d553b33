/* token: what opens a session: its bucket and 256 random bits, as text. Told once; a hash of it is all that is kept. */
#ifndef CUSTOMERD_SESSIONS_TOKEN_H
#define CUSTOMERD_SESSIONS_TOKEN_H

#include <stdint.h>

#include "customerd/core/attributes.h"
#include "customerd/core/slice.h"

#define SESSION_SECRET_BYTES 32
#define SESSION_HASH_BYTES 16
#define SESSION_TOKEN_SIZE 46 /* two hexadecimal digits, 43 characters of base64url, and a NUL */

/* Wiped by its owner (crypto_wipe). */
struct session_token {
    uint8_t bucket;
    uint8_t secret[SESSION_SECRET_BYTES];
};

/* A new one in the bucket. False when the random generator fails. */
bool session_token_new(uint8_t bucket, struct session_token *out) MUST_USE;
void session_token_format(const struct session_token *token, char out[SESSION_TOKEN_SIZE]);
/* Strict: one text for one token. */
bool session_token_parse(struct slice text, struct session_token *out) MUST_USE;
/* What a session is called in the database. */
struct session_name {
    uint8_t bucket;
    uint8_t hash[SESSION_HASH_BYTES]; /* the first half of SHA-256 of the secret */
};
bool session_token_name(const struct session_token *token, struct session_name *out) MUST_USE;

#endif
