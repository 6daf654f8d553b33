/* Encoding is ours and not redisFormatCommandArgv's: that one allocates per command, and the bytes would have to be
 * copied into the call once more. Here a call is one allocation, and only the head differs between EVALSHA and EVAL. */
#include "call.h"

#include "customerd/core/decimal.h"

#include <stdlib.h>

#define HEADER_MAX OUTBOX_HEADER_MAX
#define CALL_MAX_BYTES (64u << 20)

static char *put(char *to, const void *from, size_t n)
{
    if (n > 0)
        memcpy(to, from, n);
    return to + n;
}

static char *put_word(char *to, struct slice word)
{
    *to++ = '$';
    if (word.len < 10)
        *to++ = (char)('0' + word.len); /* as most are */
    else
        to += decimal_put(to, word.len);
    to = put(to, "\r\n", 2);
    to = put(to, word.ptr, word.len);
    return put(to, "\r\n", 2);
}

static size_t words_max_bytes(const struct slice *args, size_t n)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++) {
        if (args[i].len > CALL_MAX_BYTES || total > CALL_MAX_BYTES)
            return SIZE_MAX;
        total += HEADER_MAX + args[i].len + 2;
    }
    return total > CALL_MAX_BYTES ? SIZE_MAX : total;
}

/* The number of keys and the words; a plain command has no number. */
static struct call *encode(const struct slice *args, size_t n_args, const size_t *n_keys)
{
    char number[HEADER_MAX];
    size_t room = words_max_bytes(args, n_args);
    if (room == SIZE_MAX)
        return NULL;
    struct call *c = malloc(sizeof *c + room + 2 * HEADER_MAX);
    if (c == NULL)
        return NULL;
    memset(c, 0, sizeof *c);
    char *to = c->bytes;
    if (n_keys != NULL) {
        to = put_word(to, slice_of(number, decimal_put(number, *n_keys)));
    }
    for (size_t i = 0; i < n_args; i++)
        to = put_word(to, args[i]);
    c->len = (size_t)(to - c->bytes);
    atomic_init(&c->refs, 1);
    c->leader = c;
    c->outcome = STATUS_INTERNAL;
    atomic_init(&c->shard, CALL_SHARD_UNKNOWN);
    return c;
}

/* A plain command's words stand there as they go out: "$3\r\nGET\r\n...". */
struct slice call_operation(const struct call *c)
{
    if (c->about.script != NULL)
        return slice_cstr(c->about.script->name);
    const char *word = memchr(c->bytes, '\n', c->len);
    if (word == NULL)
        return slice_of("", 0);
    word++;
    const char *end = memchr(word, '\r', c->len - (size_t)(word - c->bytes));
    return slice_of(word, end == NULL ? 0 : (size_t)(end - word));
}

struct call *call_new(const struct call_options *options)
{
    bool scripted = options->script != NULL;
    if (options->n_args == 0 && !scripted)
        return NULL;
    struct call *c = encode(options->args, options->n_args, scripted ? &options->n_keys : NULL);
    if (c == NULL)
        return NULL;
    c->about = (struct call_about){
        .kind = CALL_OF_USER,
        .lane = options->lane,
        .target = options->target,
        .slot = options->slot,
        .shard = options->shard,
        .script = options->script,
        .words = options->n_args + (scripted ? 3 : 0), /* EVALSHA, the digest, the number of keys */
    };
    return c;
}

struct call *call_new_internal(enum call_kind kind, const struct slice *args, size_t n_args)
{
    struct call *c = encode(args, n_args, NULL);
    if (c == NULL)
        return NULL;
    c->about = (struct call_about){ .kind = kind, .lane = CALL_READ, .target = CALL_TO_SHARD, .words = n_args };
    atomic_store(&c->flags, CALL_SUBMITTED);
    atomic_store(&c->pending, 1);
    return c;
}

static void put_script(const struct call *c, struct outbox *out)
{
    const struct script *script = c->about.script;
    struct slice sha = slice_cstr(script->sha1);
    struct slice body = c->progress.with_source ? script->source : sha;
    outbox_put_cstr(out, c->progress.with_source ? "$4\r\nEVAL\r\n" : "$7\r\nEVALSHA\r\n");
    outbox_put_header(out, '$', body.len);
    outbox_put(out, body);
    outbox_put_cstr(out, "\r\n");
}

bool call_write(const struct call *c, struct outbox *out)
{
    const struct script *script = c->about.script;
    size_t head = 4 * HEADER_MAX + 64;
    if (script != NULL)
        head += c->progress.with_source ? script->source.len : sizeof script->sha1;
    if (c->about.words == 0)
        return true;
    if (!outbox_reserve(out, head + c->len))
        return false;
    if (c->progress.asking)
        outbox_put_cstr(out, "*1\r\n$6\r\nASKING\r\n");
    outbox_put_header(out, '*', c->about.words);
    if (script != NULL)
        put_script(c, out);
    outbox_put(out, slice_of(c->bytes, c->len));
    return true;
}
