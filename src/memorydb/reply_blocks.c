#include "reply_blocks.h"

#include <stdalign.h>
#include <stdlib.h>

#define FIRST_BLOCK_EXTRA 256 /* over the bytes of the reply: for the objects of a small one */

struct reply_block {
    struct reply_block *next;
    size_t used, cap;
    alignas(max_align_t) char bytes[];
};

static struct reply_block *block_new(size_t cap)
{
    struct reply_block *b = malloc(sizeof *b + cap);
    if (b == NULL)
        return NULL;
    b->next = NULL;
    b->used = 0;
    b->cap = cap;
    return b;
}

/* The newest block stands second, and behind it the older ones. */
void *reply_blocks_take(struct reply_block **first, size_t n, size_t reply_bytes)
{
    size_t size = (n + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    if (*first == NULL)
        *first = block_new(size + reply_bytes + FIRST_BLOCK_EXTRA);
    if (*first == NULL)
        return NULL;
    struct reply_block *b = (*first)->next == NULL ? *first : (*first)->next;
    if (size > b->cap - b->used) {
        struct reply_block *more = block_new(size > 2 * b->cap ? size : 2 * b->cap);
        if (more == NULL)
            return NULL;
        more->next = (*first)->next;
        (*first)->next = more;
        b = more;
    }
    void *at = b->bytes + b->used;
    b->used += size;
    return at;
}

struct reply_block *reply_blocks_of(void *taken_first)
{
    return (struct reply_block *)((char *)taken_first - offsetof(struct reply_block, bytes));
}

void reply_blocks_free(struct reply_block *first)
{
    while (first != NULL) {
        struct reply_block *next = first->next;
        free(first);
        first = next;
    }
}
