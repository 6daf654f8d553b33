/* A session as it is stored, put together byte by byte. */
#ifndef CUSTOMERD_TESTS_UNIT_SESSIONS_STORED_H
#define CUSTOMERD_TESTS_UNIT_SESSIONS_STORED_H

#include "customerd/core/buf.h"
#include "unit.h"

static inline void append_number(struct buf *out, uint64_t number, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        buf_append_byte(out, (char)(number >> (8 * i)));
}

static inline void append_counted(struct buf *out, const char *text, int bytes)
{
    append_number(out, strlen(text), bytes);
    buf_append_cstr(out, text);
}

static inline void append_item(struct buf *out, const char *sku, uint64_t quantity, uint64_t unit_price)
{
    append_counted(out, sku, 1);
    append_number(out, quantity, 4);
    append_number(out, unit_price, 6);
}

/* Up to the attributes' length. */
static inline void append_head(struct buf *out, const char *from)
{
    buf_append_byte(out, 2);
    buf_append_cstr(out, "attempt1");
    append_number(out, 3, 6);
    append_number(out, UINT64_C(1700000060000), 6);
    append_number(out, UINT64_C(1700000960000), 6);
    append_number(out, UINT64_C(1700001016250), 6);
    append_number(out, UINT64_C(1700043200000), 6);
    buf_append_cstr(out, "cccccccccccccccciiiiiiiiiiiiiiii");
    append_number(out, UINT64_C(1700000000000), 6);
    append_number(out, 5, 6);
    append_counted(out, from, 2);
}

#endif
