#include "customerd/memorydb/reply.h"

#include "reply_blocks.h"
#include "reply_parser.h"
#include "resp.h"

#include <hiredis/hiredis.h>

#include <stdlib.h>

struct reply {
    enum reply_type type;
    int64_t integer;
    size_t n; /* bytes of the text, or elements */
    union {
        const char *text;
        struct reply **elements;
    };
};

struct reply_parser {
    redisReader *reader;
    struct reply_block *first; /* of the reply that is being parsed, whose root it begins with */
    size_t reply_bytes;
};

static void *take(const redisReadTask *task, size_t n)
{
    struct reply_parser *p = task->privdata;
    return reply_blocks_take(&p->first, n, p->reply_bytes);
}

/* ---- what hiredis calls while it parses ---- */

static struct reply *make(const redisReadTask *task, enum reply_type type)
{
    struct reply *r = take(task, sizeof *r);
    if (r == NULL)
        return NULL;
    *r = (struct reply){ .type = type };
    if (task->parent != NULL) {
        struct reply *parent = task->parent->obj;
        parent->elements[task->idx] = r;
    }
    return r;
}

static void *make_text(const redisReadTask *task, char *text, size_t len)
{
    struct reply *r = make(task, task->type == REDIS_REPLY_ERROR    ? REPLY_ERROR
                                 : task->type == REDIS_REPLY_STATUS ? REPLY_STATUS
                                                                    : REPLY_STRING);
    char *copy = r == NULL ? NULL : take(task, len + 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    r->text = copy;
    r->n = len;
    return r;
}

static void *make_elements(const redisReadTask *task, size_t n)
{
    struct reply *r = make(task, REPLY_ARRAY);
    if (r == NULL || n > SIZE_MAX / sizeof *r->elements)
        return NULL;
    r->elements = take(task, n * sizeof *r->elements);
    if (r->elements == NULL)
        return NULL;
    memset(r->elements, 0, n * sizeof *r->elements);
    r->n = n;
    return r;
}

#if HIREDIS_MAJOR < 1
static void *make_array(const redisReadTask *task, int n)
{
    return n < 0 ? NULL : make_elements(task, (size_t)n);
}
#else
static void *make_array(const redisReadTask *task, size_t n)
{
    return make_elements(task, n);
}
#endif

static void *make_integer(const redisReadTask *task, long long value)
{
    struct reply *r = make(task, REPLY_INTEGER);
    if (r != NULL)
        r->integer = value;
    return r;
}

static void *make_nil(const redisReadTask *task)
{
    return make(task, REPLY_NIL);
}

/* A reply that could not be finished; reply_parse frees what there is of it. */
static void forget(void *reply)
{
    (void)reply;
}

/* RESP2 has nothing else; what only RESP3 has is a protocol error. Not constant, since hiredis does not take it so. */
static redisReplyObjectFunctions functions = {
    .createString = make_text,
    .createArray = make_array,
    .createInteger = make_integer,
    .createNil = make_nil,
    .freeObject = forget,
};

/* ---- what is most often answered, without hiredis ---- */

/* A quarter of the service's instructions for a page went into parsing: hiredis copies the reply to a buffer of its own, and
 * makes each part by a call. A string, or an array of nothing but strings, is one block here: the parts, then the reply's
 * bytes. The bytes were found whole by resp_scan. Anything else, and what is spelt otherwise than servers do, is left to
 * hiredis. */

struct text {
    const char *at, *end;
};

static bool take_length(struct text *t, char type, int64_t *len)
{
    struct slice rest = slice_of(t->at, (size_t)(t->end - t->at));
    size_t line = rest.len > 0 && rest.ptr[0] == type ? resp_length(rest, len) : 0;
    t->at += line;
    return line > 0;
}

/* The string stays where it is. False when it is none, or not whole. */
static bool take_string(struct text *t, struct reply *out)
{
    int64_t len;
    if (!take_length(t, '$', &len))
        return false;
    *out = (struct reply){ .type = len < 0 ? REPLY_NIL : REPLY_STRING };
    if (len < 0)
        return true;
    if (t->end - t->at < len + 2 || t->at[len] != '\r' || t->at[len + 1] != '\n')
        return false;
    out->text = t->at;
    out->n = (size_t)len;
    t->at += len + 2;
    return true;
}

static bool take_strings(struct text *t, struct reply *parts, int64_t n, struct reply **elements)
{
    for (int64_t i = 0; i < n; i++) {
        elements[i] = &parts[i];
        if (!take_string(t, &parts[i]))
            return false;
    }
    return true;
}

/* Before anything is copied: what else an array may hold comes in long replies, too. */
static bool are_strings(struct text t, int64_t n)
{
    struct reply ignored;
    for (int64_t i = 0; i < n; i++)
        if (!take_string(&t, &ignored))
            return false;
    return true;
}

static struct reply *parse_strings(struct slice bytes)
{
    struct text given = { bytes.ptr, bytes.ptr + bytes.len };
    struct reply_block *block = NULL;
    int64_t n = 0;
    bool array = bytes.len > 0 && bytes.ptr[0] == '*';
    if (bytes.len == 0 || (!array && bytes.ptr[0] != '$'))
        return NULL;
    if (array && (!take_length(&given, '*', &n) || n < 0 || (size_t)n > bytes.len || !are_strings(given, n)))
        return NULL;
    struct slice rest = slice_of(given.at, (size_t)(given.end - given.at));
    size_t parts_size = (1 + (size_t)n) * sizeof(struct reply) + (size_t)n * sizeof(struct reply *);
    struct reply *root = reply_blocks_take(&block, parts_size + rest.len, 0);
    if (root == NULL)
        return NULL;
    struct reply *parts = root + 1;
    struct reply **elements = (struct reply **)(parts + n);
    char *text = (char *)root + parts_size;
    memcpy(text, rest.ptr, rest.len);
    struct text copy = { text, text + rest.len };
    *root = (struct reply){ .type = REPLY_ARRAY, .n = (size_t)n, .elements = elements };
    if ((array ? take_strings(&copy, parts, n, elements) : take_string(&copy, root)) && copy.at == copy.end)
        return root;
    reply_blocks_free(block);
    return NULL;
}

/* ---- parsing ---- */

static redisReader *reader_new(struct reply_parser *p)
{
    redisReader *reader = redisReaderCreateWithFunctions(&functions);
    if (reader != NULL)
        reader->privdata = p;
    return reader;
}

struct reply_parser *reply_parser_new(void)
{
    struct reply_parser *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->reader = reader_new(p);
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
    p->reader = reader_new(p);
}

struct reply *reply_parse(struct reply_parser *p, struct slice bytes)
{
    void *out = parse_strings(bytes);
    if (out != NULL)
        return out;
    if (p->reader == NULL)
        renew(p);
    if (p->reader == NULL)
        return NULL;
    p->first = NULL;
    p->reply_bytes = bytes.len;
    if (redisReaderFeed(p->reader, bytes.ptr, bytes.len) != REDIS_OK ||
        redisReaderGetReply(p->reader, &out) != REDIS_OK || out == NULL) {
        renew(p);
        reply_blocks_free(p->first);
        return NULL;
    }
    return out;
}

void reply_free(struct reply *r)
{
    if (r != NULL)
        reply_blocks_free(reply_blocks_of(r));
}

/* ---- reading ---- */

enum reply_type reply_type(const struct reply *r)
{
    return r->type;
}

struct slice reply_text(const struct reply *r)
{
    if (r->type != REPLY_STRING && r->type != REPLY_STATUS && r->type != REPLY_ERROR)
        return slice_of("", 0);
    return slice_of(r->text, r->n);
}

int64_t reply_integer(const struct reply *r)
{
    return r->integer;
}

size_t reply_count(const struct reply *r)
{
    return r->type == REPLY_ARRAY ? r->n : 0;
}

const struct reply *reply_at(const struct reply *r, size_t i)
{
    static const struct reply nil = { .type = REPLY_NIL };
    return i >= reply_count(r) || r->elements[i] == NULL ? &nil : r->elements[i];
}

int reply_word(const struct reply *r, const char *const *words, int n)
{
    struct slice text = reply_text(reply_at(r, 0));
    for (int i = 0; i < n; i++)
        if (slice_is(text, words[i]))
            return i;
    return -1;
}
