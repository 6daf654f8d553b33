/* object_bytes: an object's bytes with what is said of them, for all who asked at the same time. They lie where they arrived: in the reply of the
 * cache, or in S3's. */
#ifndef CUSTOMERD_OBJECTS_OBJECT_BYTES_H
#define CUSTOMERD_OBJECTS_OBJECT_BYTES_H

#include <stdatomic.h>

#include "cache.h"

struct object_bytes {
    atomic_int refs;
    struct s3_meta meta;
    struct slice body;
    struct call *call;     /* one of these two has them */
    struct s3_reply reply;
};

/* Takes the call of what was found, which is an object. NULL when out of memory: then nothing was taken. */
struct object_bytes *object_bytes_take_found(struct cache_found *found);
/* Takes the reply's meta and body, and leaves its stream. */
struct object_bytes *object_bytes_take_reply(struct s3_reply *reply);
struct object_bytes *object_bytes_acquire(struct object_bytes *s);
/* Accepts NULL. */
void object_bytes_release(struct object_bytes *s);

#endif
