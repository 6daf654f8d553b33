/* cursor: where a walk through the customers goes on: after which id, and how far below that id each bucket is known to have
 * none, so that the next page need not ask them all. It tells a client nothing that the walk's next pages don't, and a
 * client can't make one: it is signed with a key of the deployment.
 *
 * base64url of a version byte, the id, the bounds, a level of two bits for each bucket, and the first 16 bytes of HMAC-SHA256
 * over all of it. */
#ifndef CUSTOMERD_CUSTOMERS_CURSOR_H
#define CUSTOMERD_CUSTOMERS_CURSOR_H

#include "customerd/core/buf.h"
#include "customerd/core/uuid.h"
#include "customerd/memorydb/bucket.h"

#define CURSOR_KEY_BYTES 32
#define CURSOR_TEXT_LEN 162 /* characters, no padding */
#define CURSOR_LEVELS 3

/* A bucket of level k > 0 has no id below `last` that begins with more than bounds[k - 1]: the id's first eight bytes, the
 * highest first. Of a bucket of level 0 nothing is known. */
struct cursor {
    struct uuid last;
    uint64_t bounds[CURSOR_LEVELS]; /* falling */
    uint8_t levels[BUCKETS];        /* 0 to CURSOR_LEVELS */
};

/* Appends the text; out fails when the library does. */
void cursor_encode(const uint8_t key[CURSOR_KEY_BYTES], const struct cursor *cursor, struct buf *out);
/* False for anything that cursor_encode did not make with this key. */
bool cursor_decode(const uint8_t key[CURSOR_KEY_BYTES], struct slice text, struct cursor *out) MUST_USE;

#endif
