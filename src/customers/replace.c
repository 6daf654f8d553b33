#include "write.h"

/* A patch that meets a newer version is made again from that one, until the deadline. */
#define PATCH_ROUNDS_MAX 64

static enum status run_replace(struct write *w, struct call **call, enum word *word, struct error *err)
{
    uint8_t bucket = uuid_bucket(w->id);
    const struct key keys[] = { key_marker(bucket, w->op.id), key_record(w->id), key_of_bucket(bucket, 'r') };
    struct args args;
    args_init_writing(&args, keys, 3);
    operation_args(&w->op, &args, true);
    args_bytes(&args, w->id->bytes, UUID_BYTES);
    args_number(&args, (uint64_t)clock_realtime_ms(w->c->options.clock));
    args_slice(&args, buf_slice(&w->body));
    args_bytes(&args, w->eh, w->has_email ? EMAIL_HASH_BYTES : 0);
    write_condition_args(w, &args);
    return store_script(w->c, &script_replace, bucket, &args, w->options->deadline_ms, call, word, err);
}

/* One step when the e-mail stays, else the e-mail change. *change tells when the write must be made anew. */
static enum status apply(struct write *w, enum change *change, struct error *err)
{
    struct call *call = NULL;
    enum word word;
    enum status status = run_replace(w, &call, &word, err);
    if (status != STATUS_OK)
        return status;
    *change = CHANGE_ANSWERED;
    if (word == WORD_EMAIL)
        status = email_change(w, change, err);
    else if (word == WORD_CONFLICT)
        *change = CHANGE_CONFLICT;
    else
        status = write_refused(call_in_doubt(call), write_finish(w, word, call_reply(call), err), err);
    call_release(call);
    return status;
}

enum status customers_replace(struct customers *c, const struct uuid *id, const struct customer *in,
                              const struct write_options *options, struct answer *out, struct error *err)
{
    struct write w;
    const struct write_request request = { .id = id, .customer = in, .options = options };
    enum status status = write_init(&w, c, &request, out, err);
    if (status == STATUS_OK)
        status = write_set_customer(&w, in, err);
    enum change change = CHANGE_SAME;
    for (int i = 0; status == STATUS_OK && change != CHANGE_ANSWERED && i < PATCH_ROUNDS_MAX; i++)
        status = apply(&w, &change, err);
    if (status == STATUS_OK && change != CHANGE_ANSWERED)
        status = error_set_retry(err, STATUS_UPDATE_IN_PROGRESS, 1, "the customer is being changed by other requests");
    write_clean_up(&w);
    return status;
}

/* What the patch is applied to; the marker and the precondition come first, as in the scripts. *go_on: patch it. */
static enum status look(struct write *w, struct inspection *seen, bool *go_on, struct error *err)
{
    struct key marker = key_marker(uuid_bucket(w->id), w->op.id);
    *go_on = false;
    enum status status =
        store_inspect(w->c, w->id, w->op.keyed ? &marker : NULL, w->options->deadline_ms, seen, err);
    if (status != STATUS_OK)
        return status;
    if (seen->has_marker) {
        const struct reply *text = reply_at(call_reply(seen->call), 2);
        if (!slice_equal(seen->marker.fingerprint, slice_of(w->op.fingerprint, FINGERPRINT_BYTES)))
            return write_finish(w, WORD_MISMATCH, NULL, err);
        return operation_replay(w->c, reply_text(text), false, w->options->deadline_ms, w->answer, err);
    }
    if (!seen->has_record)
        return write_finish(w, WORD_MISSING, NULL, err);
    *go_on = true;
    return STATUS_OK;
}

static bool listed(const struct precondition *p, uint64_t version)
{
    for (size_t i = 0; !p->any && i < p->n_versions; i++) {
        if (p->versions[i] == version)
            return true;
    }
    return p->any;
}

static enum status check_preconditions(struct write *w, uint64_t version, struct error *err)
{
    const struct write_options *o = w->options;
    if ((!o->if_match.given || listed(&o->if_match, version)) &&
        !(o->if_none_match.given && listed(&o->if_none_match, version)))
        return STATUS_OK;
    w->answer->id = *w->id;
    w->answer->version = version;
    return error_set(err, STATUS_PRECONDITION_FAILED, "the customer's version is %llu", (unsigned long long)version);
}

static enum status patch_once(struct write *w, const struct customer_patch *patch, const struct record *record,
                              struct findings *f, enum change *change, struct error *err)
{
    struct customer base, patched;
    customer_init(&base);
    customer_init(&patched);
    enum status status = check_preconditions(w, record->version, err);
    if (status == STATUS_OK && !customer_decode(record->body, &base))
        status = error_set(err, STATUS_RECORD_DAMAGED, "the customer's record is damaged");
    if (status == STATUS_OK)
        status = customer_patch_apply(patch, &base, &patched, f, err);
    if (status == STATUS_OK)
        status = write_set_customer(w, &patched, err);
    w->base = record->version;
    if (status == STATUS_OK)
        status = apply(w, change, err);
    customer_clean_up(&patched);
    customer_clean_up(&base);
    return status;
}

enum status customers_patch(struct customers *c, const struct uuid *id, const struct customer_patch *patch,
                            const struct write_options *options, struct answer *out, struct findings *f,
                            struct error *err)
{
    struct write w;
    const struct write_request request = { .id = id, .patch = patch, .options = options };
    enum status status = write_init(&w, c, &request, out, err);
    enum change change = CHANGE_CONFLICT;
    for (int i = 0; status == STATUS_OK && change != CHANGE_ANSWERED && i < PATCH_ROUNDS_MAX; i++) {
        struct inspection seen = { .call = NULL };
        bool go_on;
        status = look(&w, &seen, &go_on, err);
        if (status == STATUS_OK && go_on)
            status = patch_once(&w, patch, &seen.record, f, &change, err);
        else
            change = CHANGE_ANSWERED;
        call_release(seen.call);
    }
    if (status == STATUS_OK && change != CHANGE_ANSWERED)
        status = error_set_retry(err, STATUS_UPDATE_IN_PROGRESS, 1, "the customer is being changed by other requests");
    write_clean_up(&w);
    return status;
}

enum status customers_delete(struct customers *c, const struct uuid *id, const struct write_options *options,
                             struct answer *out, struct error *err)
{
    struct write w;
    struct call *call = NULL;
    enum word word;
    const struct write_request request = { .id = id, .options = options };
    enum status status = write_init(&w, c, &request, out, err);
    if (status != STATUS_OK)
        goto out;
    uint8_t bucket = uuid_bucket(id);
    const struct key keys[] = { key_marker(bucket, w.op.id), key_record(id), key_of_bucket(bucket, 'i'),
                                key_of_bucket(bucket, 'r'), key_of_bucket(bucket, 'p') };
    struct args args;
    args_init_writing(&args, keys, 5);
    operation_args(&w.op, &args, false);
    args_bytes(&args, id->bytes, UUID_BYTES);
    args_slice(&args, slice_cstr(w.if_match));
    args_slice(&args, slice_cstr(w.if_none_match));
    status = store_script(c, &script_delete, bucket, &args, options->deadline_ms, &call, &word, err);
    if (status == STATUS_OK)
        status = write_refused(call_in_doubt(call), write_finish(&w, word, call_reply(call), err), err);
out:
    call_release(call);
    write_clean_up(&w);
    return status;
}
