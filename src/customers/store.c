#include "store.h"

#include <stdio.h>

static const char *const words[WORD_COUNT] = {
    "done", "replay", "mismatch", "missing", "precondition", "conflict", "exists", "taken",
    "email", "same", "busy", "running", "begun", "fenced", "claimed", "stale", "aborted",
    "gone", "live", "released", "opened", "added", "removed", "right",
};

void args_init(struct args *a)
{
    a->n = 0;
    a->n_keys = 0;
    a->numbers_used = 0;
}

void args_slice(struct args *a, struct slice s)
{
    if (a->n < ARGS_MAX)
        a->v[a->n++] = s;
}

void args_key(struct args *a, const struct key *key)
{
    args_slice(a, key_slice(key));
    a->n_keys++;
}

void args_bytes(struct args *a, const void *bytes, size_t len)
{
    args_slice(a, slice_of(bytes, len));
}

void args_number(struct args *a, uint64_t number)
{
    char *at = a->numbers + a->numbers_used;
    int n = snprintf(at, sizeof a->numbers - a->numbers_used, "%llu", (unsigned long long)number);
    a->numbers_used += (size_t)n + 1;
    args_slice(a, slice_of(at, (size_t)n));
}

static enum status run_one(struct customers *c, const struct call_options *options, int64_t deadline_ms,
                           struct call **out, struct error *err)
{
    struct call *call = call_new(options);
    if (call == NULL)
        return error_set(err, STATUS_INTERNAL, "out of memory");
    enum status status = cluster_run(c->options.cluster, &call, 1, deadline_ms, err);
    if (status != STATUS_OK) {
        call_release(call);
        call = NULL;
    }
    *out = call;
    return status;
}

static bool word_of(const struct reply *reply, enum word *out)
{
    if (reply_type(reply) != REPLY_ARRAY || reply_count(reply) == 0)
        return false;
    struct slice text = reply_text(reply_at(reply, 0));
    for (int i = 0; i < WORD_COUNT; i++) {
        if (slice_is(text, words[i])) {
            *out = (enum word)i;
            return true;
        }
    }
    return false;
}

enum status store_script(struct customers *c, const struct script *script, uint8_t bucket, const struct args *args,
                         int64_t deadline_ms, struct call **call, enum word *word, struct error *err)
{
    const struct call_options options = {
        .lane = CALL_WRITE,
        .target = CALL_TO_SLOT,
        .slot = bucket_slot(bucket),
        .script = script,
        .args = args->v,
        .n_args = args->n,
        .n_keys = args->n_keys,
    };
    enum status status = run_one(c, &options, deadline_ms, call, err);
    if (status != STATUS_OK)
        return status;
    if (!word_of(call_reply(*call), word)) {
        call_release(*call);
        *call = NULL;
        return error_set(err, STATUS_RECORD_DAMAGED, "the script %s gave an answer that it doesn't have", script->name);
    }
    return STATUS_OK;
}

enum status store_read(struct customers *c, const struct call_options *options, int64_t deadline_ms, struct call **call,
                       struct error *err)
{
    return run_one(c, options, deadline_ms, call, err);
}

static bool inspection_parse(const struct reply *reply, struct inspection *out)
{
    struct slice record = reply_text(reply_at(reply, 0));
    struct slice intent = reply_text(reply_at(reply, 1));
    struct slice marker = reply_text(reply_at(reply, 2));
    out->has_record = record.len > 0;
    out->has_intent = intent.len > 0;
    out->has_marker = marker.len > 0;
    return reply_count(reply) == 3 && (!out->has_record || record_parse(record, &out->record)) &&
           (!out->has_intent || intent_parse(intent, &out->intent)) &&
           (!out->has_marker || marker_parse(marker, &out->marker));
}

enum status store_inspect(struct customers *c, const struct uuid *id, const struct key *marker, int64_t deadline_ms,
                          struct inspection *out, struct error *err)
{
    struct key record = key_record(id);
    struct key intents = key_of_bucket(uuid_bucket(id), 'p');
    struct args args;
    args_init(&args);
    args_key(&args, &record);
    args_key(&args, &intents);
    if (marker != NULL)
        args_key(&args, marker);
    args_bytes(&args, id->bytes, UUID_BYTES);
    const struct call_options options = {
        .lane = CALL_READ,
        .target = CALL_TO_SLOT,
        .slot = bucket_slot(uuid_bucket(id)),
        .script = &script_inspect,
        .args = args.v,
        .n_args = args.n,
        .n_keys = args.n_keys,
    };
    enum status status = run_one(c, &options, deadline_ms, &out->call, err);
    if (status != STATUS_OK)
        return status;
    if (!inspection_parse(call_reply(out->call), out)) {
        call_release(out->call);
        out->call = NULL;
        return error_set(err, STATUS_RECORD_DAMAGED, "the customer's record is damaged");
    }
    return STATUS_OK;
}

enum status store_email_hash(struct customers *c, struct slice email_normal, uint8_t eh[EMAIL_HASH_BYTES],
                             struct error *err)
{
    uint8_t digest[SHA256_BYTES];
    if (!hmac_sha256(slice_of(c->secrets.email_key, SHA256_BYTES), email_normal, digest))
        return error_set(err, STATUS_INTERNAL, "hashing failed");
    memcpy(eh, digest, EMAIL_HASH_BYTES);
    return STATUS_OK;
}

enum status store_abort(struct customers *c, const struct uuid *id, uint64_t n, bool fence, int64_t deadline_ms,
                        enum word *word, struct error *err)
{
    struct key intents = key_of_bucket(uuid_bucket(id), 'p');
    struct key releases = key_of_bucket(uuid_bucket(id), 'r');
    struct args args;
    args_init(&args);
    args_key(&args, &intents);
    args_key(&args, &releases);
    args_bytes(&args, id->bytes, UUID_BYTES);
    args_number(&args, n);
    args_slice(&args, slice_cstr(fence ? "fence" : "own"));
    struct call *call = NULL;
    enum status status =
        store_script(c, &script_abort, uuid_bucket(id), &args, deadline_ms, &call, word, err);
    call_release(call);
    return status;
}

/* The verdict comes from one atomic look at the claim's owner, on its primary. "Free" is for ever: a claim number whose
 * backing is gone never gets it back. */
enum status store_resolve_claim(struct customers *c, const uint8_t eh[EMAIL_HASH_BYTES], const struct claim *claim,
                                int64_t deadline_ms, enum resolution *out, struct error *err)
{
    struct inspection seen = { .call = NULL };
    enum status status = store_inspect(c, &claim->id, NULL, deadline_ms, &seen, err);
    if (status != STATUS_OK)
        return status;
    bool live = seen.has_record && seen.record.eh != NULL && memcmp(seen.record.eh, eh, EMAIL_HASH_BYTES) == 0;
    bool pending = seen.has_intent && seen.intent.n == claim->n &&
                   memcmp(seen.intent.eh, eh, EMAIL_HASH_BYTES) == 0;
    call_release(seen.call);
    if (live || !pending) {
        *out = live ? RESOLVED_TAKEN : RESOLVED_FREE;
        return STATUS_OK;
    }
    enum word word;
    status = store_abort(c, &claim->id, claim->n, true, deadline_ms, &word, err);
    if (status == STATUS_OK)
        *out = word == WORD_ABORTED ? RESOLVED_FREE : RESOLVED_RESERVED;
    return status;
}

enum status store_release(struct customers *c, struct slice release, int64_t deadline_ms, bool *released,
                          struct error *err)
{
    const uint8_t *eh = (const uint8_t *)release.ptr;
    struct uuid id;
    memcpy(id.bytes, release.ptr + EMAIL_HASH_BYTES, UUID_BYTES);

    struct key claims = key_claims(eh);
    struct args args;
    args_init(&args);
    args_key(&args, &claims);
    args_bytes(&args, eh, EMAIL_HASH_BYTES);
    args_slice(&args, slice_from(release, EMAIL_HASH_BYTES));
    struct call *call = NULL;
    enum word word;
    enum status status = store_script(c, &script_release, email_bucket(eh), &args, deadline_ms, &call, &word, err);
    if (status != STATUS_OK)
        return status;
    call_release(call);
    *released = word == WORD_RELEASED;

    struct key releases = key_of_bucket(uuid_bucket(&id), 'r');
    const struct slice command[] = { SLICE("SREM"), key_slice(&releases), release };
    const struct call_options options = {
        .lane = CALL_WRITE,
        .target = CALL_TO_SLOT,
        .slot = bucket_slot(uuid_bucket(&id)),
        .args = command,
        .n_args = 3,
    };
    status = run_one(c, &options, deadline_ms, &call, err);
    call_release(call);
    return status;
}

enum status store_render(const struct uuid *id, uint64_t version, int64_t updated_ms, struct slice body, struct buf *out,
                         struct error *err)
{
    struct customer customer;
    customer_init(&customer);
    if (!customer_decode(body, &customer))
        return error_set(err, STATUS_RECORD_DAMAGED, "the customer's record is damaged");
    const struct customer_stamp stamp = {
        .id = *id,
        .created_ms = uuid_ms(id),
        .updated_ms = updated_ms,
        .version = version,
    };
    customer_render(&stamp, &customer, out);
    customer_clean_up(&customer);
    return buf_ok(out) ? STATUS_OK : error_set(err, STATUS_INTERNAL, "out of memory");
}
