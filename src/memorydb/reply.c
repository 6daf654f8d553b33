#include "customerd/memorydb/reply.h"

#include "reply_parser.h"

#include <hiredis/hiredis.h>

#include <stdlib.h>

struct reply_parser {
    redisReader *reader;
};

/* struct reply is never defined: it is a redisReply that other files can't look into. */
static const redisReply *inner(const struct reply *r)
{
    return (const redisReply *)(const void *)r;
}

struct reply_parser *reply_parser_new(void)
{
    struct reply_parser *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->reader = redisReaderCreate();
    if (p->reader == NULL) {
        free(p);
        return NULL;
    }
    return p;
}

void reply_parser_destroy(struct reply_parser *p)
{
    if (p == NULL)
        return;
    if (p->reader != NULL)
        redisReaderFree(p->reader);
    free(p);
}

/* A reader that met an error or half a reply keeps it; the next connection must not inherit it. */
static void renew(struct reply_parser *p)
{
    if (p->reader != NULL)
        redisReaderFree(p->reader);
    p->reader = redisReaderCreate();
}

struct reply *reply_parse(struct reply_parser *p, struct slice bytes)
{
    void *out = NULL;
    if (p->reader == NULL)
        renew(p);
    if (p->reader == NULL)
        return NULL;
    if (redisReaderFeed(p->reader, bytes.ptr, bytes.len) != REDIS_OK ||
        redisReaderGetReply(p->reader, &out) != REDIS_OK || out == NULL) {
        renew(p);
        return NULL;
    }
    return out;
}

void reply_free(struct reply *r)
{
    if (r != NULL)
        freeReplyObject(r);
}

enum reply_type reply_type(const struct reply *r)
{
    switch (inner(r)->type) {
    case REDIS_REPLY_STRING:
        return REPLY_STRING;
    case REDIS_REPLY_STATUS:
        return REPLY_STATUS;
    case REDIS_REPLY_ERROR:
        return REPLY_ERROR;
    case REDIS_REPLY_INTEGER:
        return REPLY_INTEGER;
    case REDIS_REPLY_ARRAY:
        return REPLY_ARRAY;
    default:
        return REPLY_NIL;
    }
}

struct slice reply_text(const struct reply *r)
{
    enum reply_type type = reply_type(r);
    if (type != REPLY_STRING && type != REPLY_STATUS && type != REPLY_ERROR)
        return slice_of("", 0);
    return slice_of(inner(r)->str, inner(r)->len);
}

int64_t reply_integer(const struct reply *r)
{
    return reply_type(r) == REPLY_INTEGER ? (int64_t)inner(r)->integer : 0;
}

size_t reply_count(const struct reply *r)
{
    return reply_type(r) == REPLY_ARRAY ? inner(r)->elements : 0;
}

const struct reply *reply_at(const struct reply *r, size_t i)
{
    static const redisReply nil = { .type = REDIS_REPLY_NIL };
    if (i >= reply_count(r) || inner(r)->element[i] == NULL)
        return (const struct reply *)(const void *)&nil;
    return (const struct reply *)(const void *)inner(r)->element[i];
}
