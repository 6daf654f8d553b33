#include "write.h"

/* How often a claim without backing is taken over before somebody else's luck is accepted. */
#define TAKE_OVERS_MAX 4

static enum status set_lease(struct write *w, uint64_t lease_ms, struct call **call, enum word *word, struct error *err)
{
    struct key opened = key_opened(w->op.id[0], w->op.id);
    struct args args;
    args_init_writing(&args, &opened, 1);
    operation_args(&w->op, &args, false);
    args_number(&args, lease_ms);
    return store_script(w->c, &script_open, w->op.id[0], &args, w->options->deadline_ms, call, word, err);
}

/* The twin that is running may have finished just now: its marker tells. */
static enum status answer_of_twin(struct write *w, uint8_t bucket, const struct reply *running, struct error *err)
{
    struct key marker = key_marker(bucket, w->op.id);
    const struct slice command[] = { SLICE("GET"), key_slice(&marker) };
    struct call *call = NULL;
    enum status status = store_read(w->c, bucket, command, 2, w->options->deadline_ms, &call, err);
    if (status == STATUS_OK && reply_type(call_reply(call)) == REPLY_STRING)
        status = operation_replay(w->c, reply_text(call_reply(call)), false, w->options->deadline_ms, w->answer, err);
    else if (status == STATUS_OK)
        status = write_finish(w, WORD_RUNNING, running, err);
    call_release(call);
    return status;
}

/* Binds the key to this body, wherever the customer will live. *go_on: the key is ours. */
static enum status open_key(struct write *w, uint8_t bucket, bool *go_on, struct error *err)
{
    struct call *call = NULL;
    enum word word;
    enum status status = set_lease(w, (uint64_t)w->c->options.request_timeout_ms, &call, &word, err);
    if (status != STATUS_OK)
        return store_not_applied(status, err);
    *go_on = word == WORD_OPENED;
    if (word == WORD_RUNNING)
        status = answer_of_twin(w, bucket, call_reply(call), err);
    else if (word != WORD_OPENED)
        status = write_finish(w, word, call_reply(call), err);
    call_release(call);
    return status;
}

static void create_args(struct write *w, const struct key keys[4], struct slice stale_claim, struct args *args)
{
    args_init_writing(args, keys, w->has_email ? 4 : 3);
    operation_args(&w->op, args, true);
    args_bytes(args, w->id->bytes, UUID_BYTES);
    args_number(args, (uint64_t)uuid_ms(w->id)); /* created and updated are one instant */
    args_slice(args, buf_slice(&w->body));
    args_first_number(args, w->c);
    args_bytes(args, w->eh, w->has_email ? EMAIL_HASH_BYTES : 0);
    args_slice(args, stale_claim);
}

static enum status create_in(struct write *w, uint8_t bucket, struct error *err)
{
    struct key keys[4] = { key_marker(bucket, w->op.id), key_record(w->id), key_of_bucket(bucket, 'i'),
                           key_claims(w->eh) };
    struct call *taken = NULL;
    struct slice stale_claim = slice_of("", 0);
    enum status status = STATUS_OK;
    bool in_doubt = false;
    for (int i = 0; i <= TAKE_OVERS_MAX; i++) {
        struct args args;
        create_args(w, keys, stale_claim, &args);
        struct call *call = NULL;
        enum word word = WORD_TAKEN;
        status = store_script(w->c, &script_create, bucket, &args, w->options->deadline_ms, &call, &word, err);
        call_release(taken);
        taken = call;
        in_doubt = in_doubt || (call != NULL && call_in_doubt(call));
        if (status == STATUS_OK && word == WORD_TAKEN) {
            status = write_resolve(w, call_reply(call), &stale_claim, err);
            if (status == STATUS_OK && i < TAKE_OVERS_MAX)
                continue;
        }
        if (status == STATUS_OK)
            status = write_finish(w, word, call_reply(call), err);
        break;
    }
    call_release(taken);
    return write_refused(in_doubt, status, err);
}

/* Without e-mail the bucket is that of the key, so that a repetition meets its marker, or a random one. */
static uint8_t bucket_of_new(const struct write *w)
{
    return w->has_email ? email_bucket(w->eh) : w->op.id[0];
}

enum status customers_create(struct customers *c, const struct customer *in, const struct write_options *options,
                             struct answer *out, struct error *err)
{
    struct uuid id;
    struct write w;
    const struct write_request request = { .id = &id, .customer = in, .options = options };
    enum status status = write_init(&w, c, &request, out, err);
    if (status == STATUS_OK)
        status = write_set_customer(&w, in, err);
    if (status != STATUS_OK)
        goto out;

    uint8_t bucket = bucket_of_new(&w);
    bool go_on = true;
    if (!uuid_new(clock_realtime_ms(c->options.clock), bucket, &id))
        status = error_set(err, STATUS_INTERNAL, "no id could be made");
    out->id = id; /* which is told also when nobody will know whether it was made */
    if (status == STATUS_OK && w.op.keyed)
        status = open_key(&w, bucket, &go_on, err);
    if (status != STATUS_OK || !go_on)
        goto out;

    status = create_in(&w, bucket, err);
    if (w.op.keyed && status != STATUS_OK && err->applied == APPLIED_NO) {
        /* Nothing was done: the key may be tried again at once. Best effort, the lease ends by itself. */
        struct error ignored;
        struct call *call = NULL;
        enum word word;
        if (set_lease(&w, 0, &call, &word, &ignored) == STATUS_OK)
            call_release(call);
    }
out:
    write_clean_up(&w);
    return status;
}
