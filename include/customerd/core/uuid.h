/* uuid: ids of customers: UUIDv7 (RFC 9562 section 5.7) whose 12 rand_a bits begin with the bucket.
 *
 * 48 bits of milliseconds, version 7, 8 bits of bucket and 4 random ones, variant 10, 62 random bits. Bytes sort as time. */
#ifndef CUSTOMERD_CORE_UUID_H
#define CUSTOMERD_CORE_UUID_H

#include <stdint.h>

#include "customerd/core/attributes.h"
#include "customerd/core/slice.h"

#define UUID_BYTES 16
#define UUID_TEXT_SIZE 37 /* 36 characters and a NUL */

struct uuid {
    uint8_t bytes[UUID_BYTES];
};

/* A new id in the bucket. False when the random generator fails. */
bool uuid_new(int64_t realtime_ms, uint8_t bucket, struct uuid *out) MUST_USE;
/* The canonical form, hexadecimal digits in either case; only version 7, variant 10. */
bool uuid_parse(struct slice text, struct uuid *out) MUST_USE;
/* Lower case. */
void uuid_format(const struct uuid *id, char out[UUID_TEXT_SIZE]);
uint8_t uuid_bucket(const struct uuid *id);
int64_t uuid_ms(const struct uuid *id);

#endif
