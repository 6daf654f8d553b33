/* object_path: an object's name in a path, /objects/{bucket}/{key...}. Pure; any thread.
 *
 * A key is percent-decoded once, and is what comes out of that, byte by byte: "//", a slash at its end and control characters are
 * part of it as of any S3 key, and "%2F" is a slash. What can't be told apart on the way is refused: segments "." and "..", encoded or
 * not, since clients and proxies resolve them (RFC 3986 section 5.2.4), and bytes that a URI may not hold as they are. */
#ifndef CUSTOMERD_API_OBJECT_PATH_H
#define CUSTOMERD_API_OBJECT_PATH_H

#include "customerd/aws/s3.h"
#include "customerd/core/status.h"

struct object_path {
    struct slice bucket; /* 1 to S3_BUCKET_MAX_BYTES; in `bytes` */
    struct slice key;    /* 1 to S3_KEY_MAX_BYTES of UTF-8, without NUL */
    char bytes[S3_BUCKET_MAX_BYTES + S3_KEY_MAX_BYTES];
};

/* Decodes the two parts as they stand in the path. BAD_REQUEST says what is wrong; NOT_FOUND: no bucket has such a name. */
enum status object_path_decode(struct slice bucket, struct slice key, struct object_path *out, struct error *err) MUST_USE;

#endif
