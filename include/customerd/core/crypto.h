/* crypto: the few primitives that the project needs, over OpenSSL. */
#ifndef CUSTOMERD_CORE_CRYPTO_H
#define CUSTOMERD_CORE_CRYPTO_H

#include <stdint.h>

#include "customerd/core/attributes.h"
#include "customerd/core/buf.h"
#include "customerd/core/slice.h"

#define SHA256_BYTES 32

/* FIPS 180-4. False when the library fails. */
bool sha256(struct slice data, uint8_t out[SHA256_BYTES]) MUST_USE;
/* As sha256, with a call of rest() after every 256 KiB, so that a long body doesn't hold up its thread. */
bool sha256_with_rests(struct slice data, void (*rest)(void), uint8_t out[SHA256_BYTES]) MUST_USE;
/* RFC 2104 with SHA-256. */
bool hmac_sha256(struct slice key, struct slice data, uint8_t out[SHA256_BYTES]) MUST_USE;
/* SHA-1 (FIPS 180-4), as Redis names scripts; not for security. */
bool sha1_hex(struct slice data, char out[41]) MUST_USE;
/* Unpredictable bytes from the system's generator. */
bool random_bytes(void *out, size_t len) MUST_USE;
/* As random_bytes, from bytes that the calling thread has fetched in advance, since each fetch is a system call. For what
 * must be unpredictable, and is no secret: names of requests and operations. */
bool random_ids(void *out, size_t len) MUST_USE;
/* Compares in constant time. */
bool crypto_equal(const void *a, const void *b, size_t len);
/* Overwrites memory in a way that the compiler keeps. */
void crypto_wipe(void *ptr, size_t len);

/* Lower-case hexadecimal; out takes 2 * len + 1 bytes. */
void hex_encode(const void *data, size_t len, char *out);
/* The value of a hexadecimal digit in either case, -1 for another character. */
int hex_digit(char c);
/* The byte of the "%XX" that text begins with (RFC 3986 section 2.1), -1 when it begins with none. */
int percent_byte(struct slice text);
/* RFC 4648 section 5 without padding, appended. */
void base64url_encode(struct buf *out, struct slice data);
/* Strict: no padding, no foreign characters, no stray bits. The decoded length, or -1 when it is not valid or > cap. */
int base64url_decode(struct slice text, uint8_t *out, size_t cap);

#endif
