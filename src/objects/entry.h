/* entry: what the cache keeps of an object, as bytes.
 *
 *   kind   1  'O' object, 'A' absent, 'B' too long to be kept, 'F' a fence (scripts/lib/fence.lua; no more than this is read of it)
 *   format 1  ENTRY_FORMAT
 *   life   6  ms that it was stored for, big-endian as all numbers
 *   fresh  6  ms of those in which it is served without asking
 *   length 6  bytes of the body
 *   fields    of an object, those that it has, the ETag first: number of enum s3_field (1), length (2), text; then ENTRY_END (1)
 *   body      the rest, which has that length
 *
 * Its age is its life less its time left, by the server's clock alone. Scripts read kind, format, life, fresh and the ETag. */
#ifndef CUSTOMERD_OBJECTS_ENTRY_H
#define CUSTOMERD_OBJECTS_ENTRY_H

#include "customerd/aws/s3.h"

#define ENTRY_FORMAT 2
#define ENTRY_END 255
#define ENTRY_HEAD_MAX_BYTES (16u << 10) /* S3 bounds the header fields of an object to 8 KiB */

enum entry_kind { ENTRY_OBJECT = 'O', ENTRY_ABSENT = 'A', ENTRY_TOO_LONG = 'B', ENTRY_FENCE = 'F' };

struct entry {
    enum entry_kind kind;
    int64_t life_ms;
    int64_t fresh_ms;
    struct slice head;   /* all before the body */
    struct s3_meta meta; /* its text is NULL: it borrows, as body does */
    struct slice body;
};

/* False when it is none, of another format, not whole, an object without an ETag, or has a field that could not stand in the head of an answer. */
bool entry_parse(struct slice bytes, struct entry *out) MUST_USE;
/* Appends all before the body, whose length meta has; meta is NULL unless it is an object. */
void entry_write_head(const struct entry *e, const struct s3_meta *meta, struct buf *out);

#endif
