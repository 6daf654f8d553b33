#include "healer.h"

static const char *const words[WORD_COUNT] = {
    "done", "replay", "mismatch", "missing", "precondition", "conflict", "exists", "taken",
    "email", "same", "busy", "running", "begun", "fenced", "claimed", "stale", "aborted",
    "gone", "live", "released", "opened", "added", "removed", "right", "closed",
};

void args_init_writing(struct args *a, const struct key *keys, size_t n_keys)
{
    static const size_t tag = sizeof "{tag}" - 1;
    struct key fence = keys[0];
    fence.text[tag] = 'e';
    fence.len = tag + 1;
    args_init(a, keys, n_keys);
    args_own_key(a, fence);
}

void args_first_number(struct args *a, const struct customers *c)
{
    const struct admission *admission = atomic_load(&c->admission);
    args_number(a, admission->first_claim_number);
    args_last(a, slice_cstr(admission->pass));
}

struct call *store_command(enum call_lane lane, uint8_t bucket, const struct slice *command, size_t n)
{
    const struct call_options options = {
        .lane = lane,
        .target = CALL_TO_SLOT,
        .slot = bucket_slot(bucket),
        .args = command,
        .n_args = n,
    };
    return call_new(&options);
}

enum status store_run(struct customers *c, struct call *const *calls, size_t n, int64_t deadline_ms, struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (calls[i] == NULL)
            return error_set(err, STATUS_INTERNAL, "out of memory");
    }
    return n == 0 ? STATUS_OK : cluster_run(c->options.cluster, calls, n, deadline_ms, err);
}

enum status store_run_take(struct customers *c, struct call *call, int64_t deadline_ms, struct call **out,
                           struct error *err)
{
    return cluster_run_take(c->options.cluster, call, deadline_ms, out, err);
}

enum status store_read(struct customers *c, uint8_t bucket, const struct slice *command, size_t n, int64_t deadline_ms,
                       struct call **call, struct error *err)
{
    return store_run_take(c, store_command(CALL_READ, bucket, command, n), deadline_ms, call, err);
}

static bool word_of(const struct reply *reply, enum word *out)
{
    int at = reply_word(reply, words, WORD_COUNT);
    *out = at < 0 ? WORD_COUNT : (enum word)at;
    return at >= 0;
}

static struct call *writing_call(const struct customers *c, const struct script *script, uint8_t bucket,
                                 const struct args *args)
{
    if (args->last.ptr != NULL)
        return args_call(args, CALL_WRITE, script, bucket);
    struct args let_in = *args; /* what is borrowed of itself stays where it is */
    args_last(&let_in, slice_cstr(atomic_load(&c->admission)->pass));
    return args_call(&let_in, CALL_WRITE, script, bucket);
}

/* The database was restored, or is another one than this replica has checked: it is checked anew before anything else. */
static enum status note_closed(struct customers *c, struct error *err)
{
    healer_check_again(c->healer);
    return error_set_retry(err, STATUS_NOT_READY, 1, "the database was restored, and is checked anew");
}

enum status store_script(struct customers *c, const struct script *script, uint8_t bucket, const struct args *args,
                         int64_t deadline_ms, struct call **call, enum word *word, struct error *err)
{
    enum status status =
        store_run_take(c, writing_call(c, script, bucket, args), deadline_ms, call, err);
    if (status != STATUS_OK)
        return status;
    if (!word_of(call_reply(*call), word)) {
        call_release(*call);
        *call = NULL;
        status = error_set(err, STATUS_RECORD_DAMAGED, "the script %s gave an answer that it doesn't have", script->name);
        err->applied = APPLIED_UNKNOWN;
    } else if (*word == WORD_CLOSED) {
        call_release(*call);
        *call = NULL;
        status = note_closed(c, err);
    }
    return status;
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
    struct key keys[3] = { key_record(id), key_of_bucket(uuid_bucket(id), 'p') };
    if (marker != NULL)
        keys[2] = *marker;
    struct args args;
    args_init(&args, keys, marker == NULL ? 2 : 3);
    args_bytes(&args, id->bytes, UUID_BYTES);
    enum status status = store_run_take(c, args_call(&args, CALL_READ, &script_inspect, uuid_bucket(id)), deadline_ms,
                                        &out->call, err);
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
    const struct key keys[] = { key_of_bucket(uuid_bucket(id), 'p'), key_of_bucket(uuid_bucket(id), 'r') };
    struct args args;
    args_init_writing(&args, keys, 2);
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
    } else {
        enum word word;
        status = store_abort(c, &claim->id, claim->n, true, deadline_ms, &word, err);
        if (status != STATUS_OK)
            return status;
        *out = word == WORD_ABORTED ? RESOLVED_FREE : RESOLVED_RESERVED;
    }
    metrics_count(c->counts.claims_resolved, (const size_t[]){ *out }, 1);
    return STATUS_OK;
}

static struct call *release_call(const struct customers *c, struct slice release)
{
    const uint8_t *eh = (const uint8_t *)release.ptr;
    struct key claims = key_claims(eh);
    struct args args;
    args_init_writing(&args, &claims, 1);
    args_bytes(&args, eh, EMAIL_HASH_BYTES);
    args_slice(&args, slice_from(release, EMAIL_HASH_BYTES));
    return writing_call(c, &script_release, email_bucket(eh), &args);
}

static struct call *forget_call(struct slice release)
{
    struct uuid id;
    memcpy(id.bytes, release.ptr + EMAIL_HASH_BYTES, UUID_BYTES);
    struct key releases = key_of_bucket(uuid_bucket(&id), 'r');
    const struct slice command[] = { SLICE("SREM"), key_slice(&releases), release };
    return store_command(CALL_WRITE, uuid_bucket(&id), command, 3);
}

/* A claim is forgotten after it went, never before: else it could stay for ever. */
enum status store_release(struct customers *c, const struct slice *releases, size_t n, int64_t deadline_ms,
                          uint64_t *released, struct error *err)
{
    struct call *calls[STORE_RELEASES_MAX] = { NULL }, *forgets[STORE_RELEASES_MAX] = { NULL };
    size_t n_forgets = 0;
    for (size_t i = 0; i < n; i++)
        calls[i] = release_call(c, releases[i]);
    enum status status = store_run(c, calls, n, deadline_ms, err);
    for (size_t i = 0; i < n; i++) {
        enum word word;
        if (calls[i] != NULL && call_status(calls[i]) == STATUS_OK && word_of(call_reply(calls[i]), &word)) {
            if (word == WORD_CLOSED) {
                status = note_closed(c, err);
                call_release(calls[i]);
                continue;
            }
            *released += word == WORD_RELEASED;
            forgets[n_forgets++] = forget_call(releases[i]);
        }
        call_release(calls[i]);
    }
    struct error forget_error;
    enum status forgotten = store_run(c, forgets, n_forgets, deadline_ms, &forget_error);
    for (size_t i = 0; i < n_forgets; i++)
        call_release(forgets[i]);
    if (status == STATUS_OK && forgotten != STATUS_OK)
        *err = forget_error;
    return status == STATUS_OK ? forgotten : status;
}

enum status store_not_applied(enum status status, struct error *err)
{
    err->applied = APPLIED_NO;
    if (status == STATUS_OUTCOME_UNKNOWN)
        err->code = status = STATUS_UNAVAILABLE;
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
