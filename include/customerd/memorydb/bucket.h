/* bucket: the 256 parts that all data lie in, fixed for their life, and how keys in them are named.
 *
 * Bucket b has a hash tag that lies in slot 64 b + 32, so all keys of a bucket lie in one slot. A key is the tag, a letter
 * that says what it holds, and a name in hexadecimal: no user bytes ever stand in a key. */
#ifndef CUSTOMERD_MEMORYDB_BUCKET_H
#define CUSTOMERD_MEMORYDB_BUCKET_H

#include <stdint.h>

#include "customerd/core/slice.h"

#define BUCKETS 256
#define KEY_NAME_MAX_BYTES 16

struct key {
    char text[48];
    size_t len;
};

/* The bucket's hash tag, three characters. */
const char *bucket_tag(uint8_t bucket);
uint16_t bucket_slot(uint8_t bucket);
/* name has at most KEY_NAME_MAX_BYTES; it may be empty, for a key that the bucket has one of. */
struct key bucket_key(uint8_t bucket, char kind, struct slice name);

static inline struct slice key_slice(const struct key *k)
{
    return slice_of(k->text, k->len);
}

#endif
