#include "outbox.h"

#include "customerd/core/crypto.h"
#include "customerd/core/decimal.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_CAP 4096
#define KEEP_MAX 262144 /* more memory than this is given back when the outbox runs empty */

/* A secret is followed to every place where it stood: never realloc, which may leave a copy behind. */
static bool grow(struct outbox *o, size_t need)
{
    size_t cap = o->cap == 0 ? FIRST_CAP : o->cap;
    while (cap < need)
        cap *= 2;
    char *data = malloc(cap);
    if (data == NULL)
        return false;
    size_t len = outbox_len(o);
    if (len > 0)
        memcpy(data, o->data + o->start, len);
    if (o->secret)
        crypto_wipe(o->data, o->cap);
    free(o->data);
    o->data = data;
    o->cap = cap;
    o->start = 0;
    o->end = len;
    return true;
}

bool outbox_reserve(struct outbox *o, size_t n)
{
    if (n <= o->cap - o->end)
        return true;
    if (n > SIZE_MAX / 4 - o->end)
        return false;
    return grow(o, outbox_len(o) + n);
}

void outbox_put(struct outbox *o, struct slice bytes)
{
    assert(bytes.len <= o->cap - o->end);
    if (bytes.len > 0)
        memcpy(o->data + o->end, bytes.ptr, bytes.len);
    o->end += bytes.len;
}

void outbox_put_cstr(struct outbox *o, const char *text)
{
    outbox_put(o, slice_cstr(text));
}

void outbox_put_header(struct outbox *o, char type, size_t number)
{
    char text[OUTBOX_HEADER_MAX];
    size_t len = 0;
    text[len++] = type;
    len += decimal_put(text + len, number);
    text[len++] = '\r';
    text[len++] = '\n';
    outbox_put(o, slice_of(text, len));
}

void outbox_mark_secret(struct outbox *o)
{
    o->secret = true;
}

static void emptied(struct outbox *o)
{
    if (o->secret)
        crypto_wipe(o->data, o->cap);
    o->secret = false;
    o->start = 0;
    o->end = 0;
    if (o->cap > KEEP_MAX) {
        free(o->data);
        o->data = NULL;
        o->cap = 0;
    }
}

void outbox_take(struct outbox *o, size_t n)
{
    o->start += n;
    o->taken += n;
    if (o->start == o->end)
        emptied(o);
}

void outbox_reset(struct outbox *o)
{
    emptied(o);
    o->taken = 0;
}

void outbox_clean_up(struct outbox *o)
{
    outbox_reset(o);
    free(o->data);
    *o = (struct outbox){ .data = NULL };
}
