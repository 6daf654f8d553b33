#include "cache.h"

#include "customerd/core/crypto.h"
#include "customerd/core/decimal.h"

#include <stdio.h>

#include "scripts.h"

#define TAG_BYTES 8 /* of the hash: enough to spread names; it need not be unique */
#define LETTER_AT (2 + 2 * TAG_BYTES)
#define FENCE_TOKENS_MAX "32"
#define ARGS_OF_SCRIPT_MAX 6

/* ---- keys and tokens ---- */

enum status cache_key_of(const struct object_name *name, struct cache_key *out, struct error *err)
{
    uint8_t hash[SHA256_BYTES];
    char *at = out->entry + LETTER_AT;
    if (name->bucket.len == 0 || name->bucket.len > OBJECT_BUCKET_MAX_BYTES || name->key.len == 0 ||
        name->key.len > OBJECT_KEY_MAX_BYTES)
        return error_set(err, STATUS_BAD_REQUEST, "An object's key has 1 to %d bytes", OBJECT_KEY_MAX_BYTES);
    *at++ = 'o';
    *at++ = ':';
    char *named = at;
    memcpy(at, name->bucket.ptr, name->bucket.len);
    at += name->bucket.len;
    *at++ = ':';
    memcpy(at, name->key.ptr, name->key.len);
    at += name->key.len;
    if (!sha256(slice_of(named, (size_t)(at - named)), hash))
        return error_set(err, STATUS_INTERNAL, "Hashing failed");
    out->entry[0] = '{';
    hex_encode(hash, TAG_BYTES, out->entry + 1);
    out->entry[LETTER_AT - 1] = '}';
    out->len = (size_t)(at - out->entry);
    memcpy(out->lease, out->entry, out->len);
    out->lease[LETTER_AT] = 'l';
    out->slot = cluster_key_slot(slice_of(out->entry, LETTER_AT));
    return STATUS_OK;
}

struct slice cache_key_tag(const struct cache_key *key)
{
    return slice_of(key->entry + 1, 2 * TAG_BYTES);
}

bool cache_token_new(struct cache_token *out)
{
    return random_ids(out->bytes, sizeof out->bytes);
}

/* ---- calls ---- */

int64_t cache_deadline_ms(const struct cache *c, int64_t deadline_ms)
{
    int64_t own_ms = clock_monotonic_ms(c->clock) + c->timeout_ms;
    return own_ms < deadline_ms ? own_ms : deadline_ms;
}

static struct slice entry_key(const struct cache_key *key)
{
    return slice_of(key->entry, key->len);
}

static struct slice lease_key(const struct cache_key *key)
{
    return slice_of(key->lease, key->len);
}

static struct slice token_slice(const struct cache_token *token)
{
    return slice_of(token->bytes, sizeof token->bytes);
}

struct number {
    char text[DECIMAL_MAX_CHARS];
    size_t len;
};

static struct slice number_slice(struct number *n, int64_t value)
{
    n->len = decimal_put(n->text, (uint64_t)value);
    return slice_of(n->text, n->len);
}

static struct call *read_call(const struct cache_key *key, const char *command)
{
    const struct slice args[] = { slice_cstr(command), entry_key(key) };
    const struct call_options options = {
        .lane = CALL_READ,
        .target = CALL_TO_SLOT,
        .slot = key->slot,
        .args = args,
        .n_args = 2,
    };
    return call_new(&options);
}

/* A script's arguments behind its keys. */
struct step {
    const struct script *script;
    size_t n_keys; /* 1: the lease alone; 2: the entry, too; 3: and what is spare */
    struct slice args[ARGS_OF_SCRIPT_MAX];
    size_t n_args;
};

static struct call *step_call(const struct cache_key *key, const struct step *s)
{
    struct slice all[3 + ARGS_OF_SCRIPT_MAX];
    char spare[CACHE_KEY_MAX_BYTES];
    size_t n = 0;
    if (s->n_keys >= 2)
        all[n++] = entry_key(key);
    all[n++] = lease_key(key);
    if (s->n_keys == 3) {
        memcpy(spare, key->entry, key->len);
        spare[LETTER_AT] = 's';
        all[n++] = slice_of(spare, key->len);
    }
    memcpy(all + n, s->args, s->n_args * sizeof *all);
    const struct call_options options = {
        .lane = CALL_WRITE,
        .target = CALL_TO_SLOT,
        .slot = key->slot,
        .script = s->script,
        .args = all,
        .n_args = n + s->n_args,
        .n_keys = n,
    };
    return call_new(&options);
}

static enum status damaged(struct error *err)
{
    return error_set(err, STATUS_RECORD_DAMAGED, "the cache's answer makes no sense");
}

/* Runs a script; *word is which of the n words it replied. Without `out` the call is released. */
static enum status step_run(const struct cache *c, const struct cache_key *key, const struct step *s,
                            const char *const *words, int n, int64_t deadline_ms, struct call **out, int *word,
                            struct error *err)
{
    struct call *call = NULL;
    enum status status =
        cluster_run_take(c->cluster, step_call(key, s), cache_deadline_ms(c, deadline_ms), &call, err);
    *word = status == STATUS_OK ? reply_word(call_reply(call), words, n) : -1;
    if (status == STATUS_OK && *word < 0)
        status = damaged(err);
    if (out != NULL && status == STATUS_OK)
        *out = call;
    else
        call_release(call);
    return status;
}

/* ---- reading ---- */

/* Each key that somebody here made can be read and has an end. What is of another format is as good as damaged: whoever reads that can't use it. */
static enum status take_found(const struct reply *left, const struct reply *text, struct cache_found *out, struct error *err)
{
    out->left_ms = reply_integer(left);
    out->there = out->left_ms >= 0 && entry_parse(reply_text(text), &out->entry);
    bool came_between = out->left_ms == -2; /* it was not there when the time was asked for */
    return out->there || came_between || reply_type(text) == REPLY_NIL ? STATUS_OK : damaged(err);
}

enum status cache_read(const struct cache *c, const struct cache_key *key, int64_t deadline_ms, struct cache_found *out,
                       struct error *err)
{
    /* The time first: an entry that comes between the two then seems older than it is. The other way round the one before it
     * would have the time of the new one, and be fresh again. */
    struct call *calls[] = { read_call(key, "PTTL"), read_call(key, "GET") };
    *out = (struct cache_found){ .there = false };
    enum status status = STATUS_OK;
    if (calls[0] == NULL || calls[1] == NULL)
        status = error_set(err, STATUS_INTERNAL, "out of memory");
    else
        status = cluster_run(c->cluster, calls, 2, cache_deadline_ms(c, deadline_ms), err);
    if (status == STATUS_OK)
        status = take_found(call_reply(calls[0]), call_reply(calls[1]), out, err);
    call_release(calls[0]);
    if (out->there)
        out->call = calls[1];
    else
        call_release(calls[1]);
    return status;
}

enum status cache_lease(const struct cache *c, const struct cache_key *key, const struct cache_token *token,
                        int64_t lease_ms, int64_t deadline_ms, enum cache_advice *advice, struct cache_found *out,
                        struct error *err)
{
    static const char *const words[] = { "entry", "bypass", "wait", "go" };
    struct number ms;
    struct call *call = NULL;
    int word = 0;
    const struct step step = { &script_object_lease, 2, { token_slice(token), number_slice(&ms, lease_ms) }, 2 };
    *out = (struct cache_found){ .there = false };
    enum status status = step_run(c, key, &step, words, CACHE_ADVICES, deadline_ms, &call, &word, err);
    if (status != STATUS_OK)
        return status;
    const struct reply *reply = call_reply(call);
    *advice = (enum cache_advice)word;
    if (*advice == CACHE_ENTRY) {
        out->left_ms = reply_integer(reply_at(reply, 2));
        out->there = entry_parse(reply_text(reply_at(reply, 1)), &out->entry);
        status = out->there ? STATUS_OK : damaged(err);
    }
    if (*advice == CACHE_WAIT)
        out->there = reply_integer(reply_at(reply, 1)) == 1;
    if (*advice == CACHE_ENTRY && out->there)
        out->call = call;
    else
        call_release(call);
    return status;
}

/* ---- what S3 said ---- */

static enum status run_kept(const struct cache *c, const struct cache_key *key, const struct step *step,
                            int64_t deadline_ms, bool *kept, struct error *err)
{
    static const char *const words[] = { "kept", "lost" };
    int word = 1;
    enum status status = step_run(c, key, step, words, 2, deadline_ms, NULL, &word, err);
    *kept = status == STATUS_OK && word == 0;
    return status;
}

enum status cache_fill(const struct cache *c, const struct cache_key *key, const struct cache_token *token,
                       const struct cache_content *content, int64_t deadline_ms, bool *kept, struct error *err)
{
    struct number ms;
    const struct step step = { &script_object_fill,
                               2,
                               { token_slice(token), number_slice(&ms, content->life_ms), content->head, content->body },
                               4 };
    return run_kept(c, key, &step, deadline_ms, kept, err);
}

enum status cache_touch(const struct cache *c, const struct cache_key *key, const struct cache_token *token,
                        const struct entry *entry, int64_t deadline_ms, bool *kept, struct error *err)
{
    struct number ms;
    const struct step step = { &script_object_touch,
                               2,
                               { token_slice(token), number_slice(&ms, entry->life_ms), entry->head },
                               3 };
    return run_kept(c, key, &step, deadline_ms, kept, err);
}

enum status cache_release(const struct cache *c, const struct cache_key *key, const struct cache_token *token,
                          int64_t hold_ms, int64_t deadline_ms, struct error *err)
{
    static const char *const words[] = { "done" };
    struct number ms;
    int word;
    const struct step step = { &script_object_release, 1, { token_slice(token), number_slice(&ms, hold_ms) }, 2 };
    return step_run(c, key, &step, words, 1, deadline_ms, NULL, &word, err);
}

/* ---- writing, and what others have written ---- */

enum status cache_fence(const struct cache *c, const struct cache_key *key, const struct cache_token *token,
                        int64_t fence_ms, int64_t deadline_ms, struct error *err)
{
    static const char *const words[] = { "done" };
    struct number ms;
    int word;
    const struct step step = { &script_object_fence,
                               3,
                               { token_slice(token), number_slice(&ms, fence_ms), slice_cstr(FENCE_TOKENS_MAX) },
                               3 };
    return step_run(c, key, &step, words, 1, deadline_ms, NULL, &word, err);
}

enum status cache_settle(const struct cache *c, const struct cache_key *key, const struct cache_token *token,
                         const struct cache_content *content, int64_t deadline_ms, enum cache_settlement *out,
                         struct error *err)
{
    static const char *const words[] = { "kept", "restored", "dropped", "fenced" };
    const struct cache_content nothing = { 0, { "", 0 }, { "", 0 } };
    const struct cache_content *kept = content != NULL ? content : &nothing;
    struct number ms;
    int word = 0;
    struct slice life = content != NULL ? number_slice(&ms, content->life_ms) : slice_cstr("undone");
    const struct step step = {
        &script_object_settle, 3, { token_slice(token), life, kept->head, kept->body }, 4
    };
    enum status status = step_run(c, key, &step, words, CACHE_SETTLEMENTS, deadline_ms, NULL, &word, err);
    *out = status == STATUS_OK ? (enum cache_settlement)word : CACHE_SETTLEMENTS;
    return status;
}

enum status cache_mend(const struct cache *c, const struct cache_key *key, int64_t deadline_ms, struct error *err)
{
    struct call *call = NULL;
    enum status status = cluster_run_take(c->cluster, cache_drop_call(key, slice_of("", 0)), cache_deadline_ms(c, deadline_ms), &call, err);
    if (status == STATUS_OK && cache_drop_result(call_reply(call)) == CACHE_DROPS)
        status = damaged(err);
    call_release(call);
    return status;
}

struct call *cache_drop_call(const struct cache_key *key, struct slice etag)
{
    char quoted[130];
    int n = etag.len > 0 && etag.len < sizeof quoted - 2
                ? snprintf(quoted, sizeof quoted, "\"%.*s\"", (int)etag.len, etag.ptr)
                : 0;
    const struct step step = { &script_object_drop, 3, { slice_of(quoted, (size_t)n) }, 1 };
    return step_call(key, &step);
}

enum cache_drop cache_drop_result(const struct reply *reply)
{
    static const char *const words[] = { "dropped", "none", "same", "fenced" };
    int word = reply_word(reply, words, CACHE_DROPS);
    return word < 0 ? CACHE_DROPS : (enum cache_drop)word;
}
