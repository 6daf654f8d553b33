#include "customerd/core/buf.h"

#include "customerd/core/decimal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_BYTES 64

void buf_init(struct buf *b, size_t max_bytes)
{
    *b = (struct buf)BUF_INIT(max_bytes);
}

void buf_clean_up(struct buf *b)
{
    if (b == NULL)
        return;
    free(b->data);
    buf_init(b, b->max_bytes);
}

void buf_clean_up_secure(struct buf *b)
{
    if (b == NULL)
        return;
    if (b->data != NULL)
        explicit_bzero(b->data, b->cap);
    buf_clean_up(b);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data != NULL)
        b->data[0] = '\0';
}

/* Grows by copying and wiping, not by realloc: realloc could leave a secret's bytes behind in freed memory, out of
 * reach of buf_clean_up_secure. */
static bool grow(struct buf *b, size_t needed)
{
    size_t cap = b->cap == 0 ? FIRST_BYTES : b->cap;
    while (cap < needed)
        cap = cap > SIZE_MAX / 2 ? needed : cap * 2;
    if (cap - 1 > b->max_bytes)
        cap = b->max_bytes + 1;
    char *data = malloc(cap);
    if (data == NULL)
        return false;
    if (b->data != NULL) {
        memcpy(data, b->data, b->len);
        explicit_bzero(b->data, b->cap);
        free(b->data);
    }
    data[b->len] = '\0';
    b->data = data;
    b->cap = cap;
    return true;
}

bool buf_reserve(struct buf *b, size_t extra)
{
    if (b->failed)
        return false;
    /* max_bytes + 1 must not wrap, hence SIZE_MAX - 1. */
    size_t max = b->max_bytes < SIZE_MAX - 1 ? b->max_bytes : SIZE_MAX - 1;
    if (extra > max || b->len > max - extra) {
        b->failed = true;
        return false;
    }
    size_t needed = b->len + extra + 1;
    if (needed > b->cap && !grow(b, needed))
        b->failed = true;
    return !b->failed;
}

void buf_append(struct buf *b, struct slice bytes)
{
    if (bytes.len == 0 || !buf_reserve(b, bytes.len))
        return;
    memcpy(buf_tail(b), bytes.ptr, bytes.len);
    buf_advance(b, bytes.len);
}

void buf_append_cstr(struct buf *b, const char *text)
{
    buf_append(b, slice_cstr(text));
}

void buf_append_byte(struct buf *b, char byte)
{
    buf_append(b, slice_of(&byte, 1));
}

void buf_append_int(struct buf *b, int64_t value)
{
    char text[DECIMAL_MAX_CHARS];
    buf_append(b, slice_of(text, decimal_put_signed(text, value)));
}

void buf_appendf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    if (len < 0)
        b->failed = true;
    else if (buf_reserve(b, (size_t)len)) {
        vsnprintf(buf_tail(b), (size_t)len + 1, format, again);
        buf_advance(b, (size_t)len);
    }
    va_end(again);
    va_end(args);
}

/* The letter of a two-character escape, 'u' for the long form, 0 where the byte stands for itself. */
static char escape_of(unsigned char byte)
{
    static const char controls[] = "uuuuuuuubtnufruuuuuuuuuuuuuuuuuu";
    if (byte < 0x20)
        return controls[byte];
    return byte == '"' || byte == '\\' ? (char)byte : '\0';
}

void buf_append_json_escaped(struct buf *b, struct slice text)
{
    static const char hex[] = "0123456789abcdef";
    size_t plain_from = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        char letter = escape_of(byte);
        if (letter == '\0')
            continue;
        buf_append(b, slice_of(text.ptr + plain_from, i - plain_from));
        plain_from = i + 1;
        const char escape[] = { '\\', letter, '0', '0', hex[byte >> 4], hex[byte & 15] };
        buf_append(b, slice_of(escape, letter == 'u' ? sizeof escape : 2));
    }
    if (plain_from < text.len)
        buf_append(b, slice_of(text.ptr + plain_from, text.len - plain_from));
}

void buf_consume(struct buf *b, size_t n)
{
    if (n == 0 || b->data == NULL)
        return;
    if (n > b->len)
        n = b->len;
    b->len -= n;
    memmove(b->data, b->data + n, b->len + 1);
}

char *buf_steal(struct buf *b)
{
    if (b->failed || b->data == NULL || b->len == 0)
        return NULL;
    char *data = b->data;
    buf_init(b, b->max_bytes);
    return data;
}
