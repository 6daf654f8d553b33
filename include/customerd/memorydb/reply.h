/* reply: one RESP2 reply, read-only. */
#ifndef CUSTOMERD_MEMORYDB_REPLY_H
#define CUSTOMERD_MEMORYDB_REPLY_H

#include <stdint.h>

#include "customerd/core/slice.h"

enum reply_type { REPLY_NIL, REPLY_STRING, REPLY_STATUS, REPLY_ERROR, REPLY_INTEGER, REPLY_ARRAY };

struct reply; /* owned by its call, or by its parent array */

enum reply_type reply_type(const struct reply *r);
/* The bytes of a string, status or error; empty for others. Valid as long as the reply. */
struct slice reply_text(const struct reply *r);
/* The value of an integer; 0 for others. */
int64_t reply_integer(const struct reply *r);
/* How many elements an array has; 0 for others. */
size_t reply_count(const struct reply *r);
/* The i-th element; never NULL for i < count. A nil reply when out of range. */
const struct reply *reply_at(const struct reply *r, size_t i);
/* Which of n words an array begins with; -1 for none. */
int reply_word(const struct reply *r, const char *const *words, int n);

#endif
