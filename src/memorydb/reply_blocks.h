/* reply_blocks: the memory of one reply, which is freed as a whole. A reply of any shape lies in one block, seldom two: a
 * page of the listing has more than a thousand parts. */
#ifndef CUSTOMERD_MEMORYDB_REPLY_BLOCKS_H
#define CUSTOMERD_MEMORYDB_REPLY_BLOCKS_H

#include <stddef.h>

#include "customerd/core/attributes.h"

struct reply_block;

/* n bytes, aligned for anything; NULL when memory is out. *first is NULL before the first call, which makes the block,
 * with room for reply_bytes more; it owns all of them. */
void *reply_blocks_take(struct reply_block **first, size_t n, size_t reply_bytes) MUST_USE;

/* The first block, from what was taken first. */
struct reply_block *reply_blocks_of(void *taken_first) MUST_USE;

void reply_blocks_free(struct reply_block *first);

#endif
