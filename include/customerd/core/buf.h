/* buf: the one growing buffer. Its maximum is given at init, so that no input makes it grow without bound.
 *
 * A failed append (over the maximum, or out of memory) sets `failed`, keeps what was there, and makes every later
 * append a no-op: a run of appends is checked once, at its end, by buf_ok. */
#ifndef CUSTOMERD_CORE_BUF_H
#define CUSTOMERD_CORE_BUF_H

#include <stdint.h>

#include "customerd/core/attributes.h"
#include "customerd/core/slice.h"

struct buf {
    char *data; /* NULL while empty; always one byte longer than len and NUL-terminated once allocated */
    size_t len;
    size_t cap;
    size_t max_bytes;
    bool failed;
};

#define BUF_INIT(max) { .data = NULL, .len = 0, .cap = 0, .max_bytes = (max), .failed = false }

void buf_init(struct buf *b, size_t max_bytes);
/* Frees the bytes; the buffer may be used again with the same maximum. */
void buf_clean_up(struct buf *b);
/* As buf_clean_up, after wiping all that was ever stored. For buffers that held secrets. */
void buf_clean_up_secure(struct buf *b);
/* Forgets the contents and a failure, keeps the memory. */
void buf_clear(struct buf *b);

void buf_append(struct buf *b, struct slice bytes);
void buf_append_cstr(struct buf *b, const char *text);
void buf_append_byte(struct buf *b, char byte);
void buf_append_int(struct buf *b, int64_t value);
void buf_appendf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
/* Appends text as the inside of a JSON string (RFC 8259 section 7), without the quotes; text is valid UTF-8. */
void buf_append_json_escaped(struct buf *b, struct slice text);
/* Room for at least `extra` more bytes, to be filled through buf_tail and buf_advance; false, and the buffer failed,
 * when it can't be had. */
bool buf_reserve(struct buf *b, size_t extra) MUST_USE;
/* Drops the first n bytes. */
void buf_consume(struct buf *b, size_t n);

/* Where reserved bytes are to be written. */
static inline char *buf_tail(struct buf *b)
{
    return b->data + b->len;
}

/* Counts the n bytes written at buf_tail; n is at most what was reserved. */
static inline void buf_advance(struct buf *b, size_t n)
{
    b->len += n;
    b->data[b->len] = '\0';
}

static inline bool buf_ok(const struct buf *b)
{
    return !b->failed;
}

static inline struct slice buf_slice(const struct buf *b)
{
    return slice_of(b->data == NULL ? "" : b->data, b->len);
}

/* The owned bytes (NUL-terminated, to be freed with free()), leaving the buffer empty; NULL when it failed or is empty. */
char *buf_steal(struct buf *b);

#endif
