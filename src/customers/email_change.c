/* An e-mail change crosses two buckets: the customer's and the new e-mail's.
 *
 *   begin   in the customer's: takes a claim number n, notes the intent        nothing visible yet
 *   claim   in the e-mail's: the e-mail names (customer, n)                     others see it reserved
 *   commit  in the customer's: passes only while n is pending                   the change is made, and acknowledged
 *   release in the old e-mail's bucket: the old claim goes, exactly that one    later, by the healer or a claimant
 *
 * Killed anywhere, nothing is left that blocks: an intent past its deadline may be fenced by anybody, and a claim without
 * backing may be taken over. A claim number whose backing is gone never gets it back, so no clock is needed for safety. */
#include "write.h"

#define TAKE_OVERS_MAX 4

static enum status run_begin(struct write *w, struct call **call, enum word *word, struct error *err)
{
    uint8_t bucket = uuid_bucket(w->id);
    const struct key keys[] = { key_marker(bucket, w->op.id), key_record(w->id), key_of_bucket(bucket, 'p'),
                                key_of_bucket(bucket, 'r') };
    struct args args;
    args_init_writing(&args, keys, 4);
    args_bytes(&args, w->op.fingerprint, FINGERPRINT_BYTES);
    args_bytes(&args, w->op.attempt, ATTEMPT_BYTES);
    args_bytes(&args, w->id->bytes, UUID_BYTES);
    args_bytes(&args, w->eh, EMAIL_HASH_BYTES);
    args_first_number(&args, w->c);
    args_number(&args, (uint64_t)w->c->options.request_timeout_ms);
    write_condition_args(w, &args);
    args_bytes(&args, w->op.id, OPERATION_BYTES);
    return store_script(w->c, &script_begin, bucket, &args, w->options->deadline_ms, call, word, err);
}

/* Takes the e-mail under n. OK with *claimed false: the number is stale. */
static enum status take_email(struct write *w, uint64_t n, bool *claimed, struct error *err)
{
    struct key claims = key_claims(w->eh);
    struct slice stale_claim = slice_of("", 0);
    struct call *taken = NULL;
    enum word word = WORD_TAKEN;
    enum status status = STATUS_OK;
    for (int i = 0; status == STATUS_OK && word == WORD_TAKEN && i < TAKE_OVERS_MAX; i++) {
        struct args args;
        args_init_writing(&args, &claims, 1);
        args_bytes(&args, w->eh, EMAIL_HASH_BYTES);
        args_bytes(&args, w->id->bytes, UUID_BYTES);
        args_number(&args, n);
        args_slice(&args, stale_claim);
        struct call *call = NULL;
        status = store_script(w->c, &script_claim, email_bucket(w->eh), &args, w->options->deadline_ms, &call, &word,
                              err);
        call_release(taken);
        taken = call;
        if (status == STATUS_OK && word == WORD_TAKEN)
            status = write_resolve(w, call_reply(call), &stale_claim, err);
    }
    call_release(taken);
    *claimed = status == STATUS_OK && word == WORD_CLAIMED;
    return status;
}

static enum status run_commit(struct write *w, uint64_t n, struct call **call, enum word *word, struct error *err)
{
    uint8_t bucket = uuid_bucket(w->id);
    const struct key keys[] = { key_marker(bucket, w->op.id), key_record(w->id), key_of_bucket(bucket, 'p'),
                                key_of_bucket(bucket, 'r') };
    struct args args;
    args_init_writing(&args, keys, 4);
    operation_args(&w->op, &args, true);
    args_bytes(&args, w->id->bytes, UUID_BYTES);
    args_number(&args, (uint64_t)clock_realtime_ms(w->c->options.clock));
    args_slice(&args, buf_slice(&w->body));
    args_number(&args, n);
    write_condition_args(w, &args);
    return store_script(w->c, &script_commit, bucket, &args, w->options->deadline_ms, call, word, err);
}

/* Best effort: what is not rolled back here is fenced after its deadline. */
static void roll_back(struct write *w, uint64_t n)
{
    struct error ignored;
    enum word word;
    enum status status = store_abort(w->c, w->id, n, false, w->options->deadline_ms, &word, &ignored);
    (void)status;
}

static enum status commit(struct write *w, uint64_t n, enum change *out, struct error *err)
{
    struct call *call = NULL;
    enum word word;
    enum status status = run_commit(w, n, &call, &word, err);
    if (status != STATUS_OK) {
        if (err->applied == APPLIED_NO) /* else it may have passed */
            roll_back(w, n);
        return status;
    }
    if (word == WORD_CONFLICT)
        *out = CHANGE_CONFLICT;
    else
        status = write_finish(w, word, call_reply(call), err);
    if (word != WORD_DONE)
        roll_back(w, n);
    call_release(call);
    return status;
}

enum status email_change(struct write *w, enum change *out, struct error *err)
{
    *out = CHANGE_ANSWERED;
    struct call *begun = NULL;
    enum word word;
    enum status status = run_begin(w, &begun, &word, err);
    if (status != STATUS_OK)
        return store_not_applied(status, err);
    uint64_t n = (uint64_t)reply_integer(reply_at(call_reply(begun), 1));
    if (word == WORD_CONFLICT || word == WORD_SAME)
        *out = word == WORD_SAME ? CHANGE_SAME : CHANGE_CONFLICT;
    else if (word != WORD_BEGUN)
        status = write_finish(w, word, call_reply(begun), err);
    call_release(begun);
    if (word != WORD_BEGUN)
        return status;

    bool claimed;
    status = take_email(w, n, &claimed, err);
    if (status != STATUS_OK || !claimed) {
        roll_back(w, n);
        if (status != STATUS_OK)
            return store_not_applied(status, err);
        return error_set_retry(err, STATUS_UPDATE_IN_PROGRESS, 1, "the customer is being changed by another request");
    }
    return commit(w, n, out, err);
}
