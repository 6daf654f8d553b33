#include "object_bytes.h"

#include <stdlib.h>

static struct object_bytes *object_bytes_new(void)
{
    struct object_bytes *s = calloc(1, sizeof *s);
    if (s != NULL)
        atomic_init(&s->refs, 1);
    return s;
}

struct object_bytes *object_bytes_take_found(struct cache_found *found)
{
    struct object_bytes *s = object_bytes_new();
    if (s == NULL)
        return NULL;
    s->meta = found->entry.meta;
    s->body = found->entry.body;
    s->call = found->call;
    found->call = NULL;
    return s;
}

struct object_bytes *object_bytes_take_reply(struct s3_reply *reply)
{
    struct object_bytes *s = object_bytes_new();
    if (s == NULL)
        return NULL;
    s->reply.meta = reply->meta;
    s->reply.body = reply->body;
    reply->meta = (struct s3_meta){ .length = 0 };
    buf_init(&reply->body, 0);
    s->meta = s->reply.meta;
    s->body = s->reply.body.len == 0 ? slice_of("", 0) : buf_slice(&s->reply.body);
    return s;
}

struct object_bytes *object_bytes_acquire(struct object_bytes *s)
{
    (void)atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void object_bytes_release(struct object_bytes *s)
{
    if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    call_release(s->call);
    s3_reply_clean_up(&s->reply);
    free(s);
}
