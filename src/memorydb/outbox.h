/* outbox: bytes on their way to a socket. Grows at its end, shrinks at its start, and wipes what it held when a secret
 * went through it. */
#ifndef CUSTOMERD_MEMORYDB_OUTBOX_H
#define CUSTOMERD_MEMORYDB_OUTBOX_H

#include <stdint.h>

#include "customerd/core/attributes.h"
#include "customerd/core/slice.h"

struct outbox {
    char *data;
    size_t start, end, cap;
    uint64_t taken; /* bytes that ever left since the last reset: the position of data[start] in the stream */
    bool secret;    /* a secret is in data */
};

/* Room for n more bytes at the end; false when out of memory. What follows a success can't fail. */
bool outbox_reserve(struct outbox *o, size_t n) MUST_USE;
/* n bytes were reserved. */
void outbox_put(struct outbox *o, struct slice bytes);
void outbox_put_cstr(struct outbox *o, const char *text);
/* "<type><number>\r\n", at most OUTBOX_HEADER_MAX bytes. */
#define OUTBOX_HEADER_MAX 24
void outbox_put_header(struct outbox *o, char type, size_t number);
/* From now until it is empty, the outbox holds a secret. Say so before it is put in. */
void outbox_mark_secret(struct outbox *o);

static inline struct slice outbox_slice(const struct outbox *o)
{
    return slice_of(o->data + o->start, o->end - o->start);
}

static inline size_t outbox_len(const struct outbox *o)
{
    return o->end - o->start;
}

/* The position in the stream where the next byte will stand. */
static inline uint64_t outbox_position(const struct outbox *o)
{
    return o->taken + (o->end - o->start);
}

/* The first n bytes have left. */
void outbox_take(struct outbox *o, size_t n);
/* Empties it for a new connection; keeps the memory. */
void outbox_reset(struct outbox *o);
void outbox_clean_up(struct outbox *o);

#endif
