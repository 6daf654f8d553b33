/* The steps that need the list of a customer's sessions: it is read first, so that the script can declare the key of each
 * session in it; where another step changed the list meanwhile, it is read again. */
#include "inner.h"

#include "customerd/core/crypto.h"

struct list {
    struct call *call; /* holds the text */
    struct slice text;
};

static enum status list_read(struct sessions *s, const struct uuid *customer, int64_t deadline_ms, struct list *out,
                             struct error *err)
{
    struct key key = sessions_list_key(customer);
    enum status status = sessions_read(s, uuid_bucket(customer), &key, deadline_ms, &out->call, err);
    if (status != STATUS_OK)
        return status;
    out->text = reply_text(call_reply(out->call));
    if (out->text.len % SESSION_ENTRY_BYTES == 0 && out->text.len / SESSION_ENTRY_BYTES <= SESSIONS_PER_CUSTOMER)
        return STATUS_OK;
    call_release(out->call);
    out->call = NULL;
    return sessions_damaged(err);
}

/* The keys of the list's sessions. */
static size_t list_keys(const struct list *list, uint8_t bucket, struct key *out)
{
    size_t n = list->text.len / SESSION_ENTRY_BYTES;
    for (size_t i = 0; i < n; i++) {
        struct session_name name = { .bucket = bucket };
        memcpy(name.hash, list->text.ptr + i * SESSION_ENTRY_BYTES, sizeof name.hash);
        out[i] = session_key(&name);
    }
    return n;
}

/* ---- opening ---- */

struct opening {
    const struct session_opening *in;
    struct uuid id;
    struct session_name name;
};

static enum status open_once(struct sessions *s, const struct opening *o, int64_t deadline_ms, struct call **call,
                             enum session_word *word, struct error *err)
{
    uint8_t bucket = uuid_bucket(&o->in->customer);
    struct key keys[3 + SESSIONS_PER_CUSTOMER] = { session_key(&o->name), sessions_customers_key(bucket),
                                                   sessions_list_key(&o->in->customer) };
    struct list list = { .call = NULL };
    struct args args;
    enum status status = list_read(s, &o->in->customer, deadline_ms, &list, err);
    if (status != STATUS_OK)
        return status;
    args_init(&args, keys, 3 + list_keys(&list, bucket, keys + 3));
    args_number(&args, (uint64_t)s->options.settings.idle_s * 1000);
    args_number(&args, (uint64_t)s->options.settings.absolute_s * 1000);
    args_slice(&args, list.text);
    args_number(&args, SESSIONS_PER_CUSTOMER);
    args_bytes(&args, o->in->customer.bytes, UUID_BYTES);
    args_bytes(&args, o->id.bytes, UUID_BYTES);
    args_slice(&args, buf_slice(&o->in->from));
    args_slice(&args, buf_slice(&o->in->attributes));
    args_bytes(&args, o->name.hash, sizeof o->name.hash);
    status = sessions_run(s, &script_session_open, bucket, &args, deadline_ms, call, word, err);
    call_release(list.call);
    return status;
}

static enum status opened(struct sessions *s, const struct session_opening *in, const struct reply *reply,
                          struct session_answer *out, struct error *err)
{
    sessions_count(s, EVENT_OPENED, 1);
    sessions_count(s, EVENT_CROWDED_OUT, (uint64_t)reply_integer(reply_at(reply, 3)));
    return sessions_answer(reply, in->cookie ? VIEW_SESSION : VIEW_SESSION_WITH_TOKEN, out, err);
}

enum status sessions_open(struct sessions *s, const struct session_opening *in, int64_t now_ms, int64_t deadline_ms,
                          struct session_answer *out, struct findings *f, struct error *err)
{
    struct opening o = { .in = in };
    struct call *call = NULL;
    enum session_word word = WORD_CHANGED;
    uint8_t bucket = uuid_bucket(&in->customer);
    if (!session_token_new(bucket, &out->token) || !session_token_name(&out->token, &o.name) ||
        !uuid_new(now_ms, bucket, &o.id))
        return error_set(err, STATUS_INTERNAL, "no token could be made");
    enum status status = STATUS_OK;
    while (status == STATUS_OK && word == WORD_CHANGED) {
        call_release(call);
        call = NULL;
        status = open_once(s, &o, deadline_ms, &call, &word, err);
    }
    if (status == STATUS_OK && word == WORD_MISSING) {
        findings_add(f, slice_cstr("customer_id"), slice_cstr(NULL), "there is no customer with this id");
        status = error_set(err, STATUS_INVALID_REQUEST, "1 finding: `errors` lists it");
    } else if (status == STATUS_OK) {
        status = opened(s, in, call_reply(call), out, err);
    }
    call_release(call);
    return status;
}

/* ---- looking at all, ending all ---- */

static enum status list_once(struct sessions *s, const struct uuid *customer, const char *what, int64_t deadline_ms,
                             struct call **call, enum session_word *word, struct error *err)
{
    uint8_t bucket = uuid_bucket(customer);
    struct key keys[2 + SESSIONS_PER_CUSTOMER] = { sessions_customers_key(bucket), sessions_list_key(customer) };
    struct list list = { .call = NULL };
    struct args args;
    enum status status = list_read(s, customer, deadline_ms, &list, err);
    if (status != STATUS_OK)
        return status;
    args_init(&args, keys, 2 + list_keys(&list, bucket, keys + 2));
    args_bytes(&args, customer->bytes, UUID_BYTES);
    args_slice(&args, list.text);
    args_slice(&args, slice_cstr(what));
    status = sessions_run(s, &script_session_list, bucket, &args, deadline_ms, call, word, err);
    call_release(list.call);
    return status;
}

static enum status list_steps(struct sessions *s, const struct uuid *customer, const char *what, int64_t deadline_ms,
                              struct call **call, struct error *err)
{
    enum session_word word = WORD_CHANGED;
    enum status status = STATUS_OK;
    *call = NULL;
    while (status == STATUS_OK && word == WORD_CHANGED) {
        call_release(*call);
        *call = NULL;
        status = list_once(s, customer, what, deadline_ms, call, &word, err);
    }
    if (status == STATUS_OK && word == WORD_MISSING)
        status = error_set(err, STATUS_NOT_FOUND, "there is no customer with this id");
    return status;
}

enum status sessions_list(struct sessions *s, const struct uuid *customer, int64_t deadline_ms, struct session_answer *out,
                          struct error *err)
{
    struct call *call = NULL;
    enum status status = list_steps(s, customer, "list", deadline_ms, &call, err);
    const struct reply *reply = status == STATUS_OK ? call_reply(call) : NULL;
    buf_append_cstr(&out->json, "{\"items\":[");
    for (size_t i = 2; status == STATUS_OK && i < reply_count(reply); i++) {
        struct session_record r;
        if (!session_record_parse(reply_text(reply_at(reply, i)), &r))
            status = sessions_damaged(err);
        buf_append_cstr(&out->json, i == 2 ? "" : ",");
        if (status == STATUS_OK)
            session_listed_json(&r, &out->json);
    }
    buf_append_cstr(&out->json, "]}");
    call_release(call);
    return status == STATUS_OK && !buf_ok(&out->json) ? error_set(err, STATUS_INTERNAL, "out of memory") : status;
}

enum status sessions_finish_all(struct sessions *s, const struct uuid *customer, int64_t deadline_ms, struct error *err)
{
    struct call *call = NULL;
    enum status status = list_steps(s, customer, "end", deadline_ms, &call, err);
    if (status == STATUS_OK)
        sessions_count(s, EVENT_SIGNED_OUT, reply_count(call_reply(call)) - 2);
    call_release(call);
    return status;
}
