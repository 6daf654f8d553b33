#include "inner.h"

#include "customerd/core/big_endian.h"
#include "customerd/core/crypto.h"

#include <inttypes.h>
#include <stdlib.h>

#define ANSWER_MAX_BYTES (64u << 10)
#define ANSWER_BYTES 512 /* of most sessions, beside what the client chose */
#define VISIT_BYTES (ATTEMPT_BYTES + 6 + 1) /* what scripts/visit.lua is told */

static const char *const event_labels[EVENTS] = {
    [EVENT_OPENED] = "event=\"opened\"",
    [EVENT_VISITED] = "event=\"visited\"",
    [EVENT_ROTATED] = "event=\"rotated\"",
    [EVENT_SIGNED_OUT] = "event=\"signed_out\"",
    [EVENT_CROWDED_OUT] = "event=\"crowded_out\"",
    [EVENT_REFUSED] = "event=\"refused\"",
};

static const char *const words[WORDS] = { "done", "gone", "missing", "changed", "precondition", "full", "many", "large" };

struct sessions *sessions_new(const struct sessions_options *options, struct error *err)
{
    const struct metrics_options events = {
        .name = "customerd_sessions_total",
        .help = "What came of sessions; refused counts tokens that open none.",
        .dimensions = { { event_labels, EVENTS } },
        .n_dimensions = 1,
        .from_start = true,
    };
    struct sessions *s = calloc(1, sizeof *s);
    if (s != NULL) {
        s->options = *options;
        s->events = metrics_family_new(&events);
    }
    if (s == NULL || s->events == NULL) {
        free(s);
        (void)error_set(err, STATUS_INTERNAL, "out of memory");
        return NULL;
    }
    return s;
}

void sessions_destroy(struct sessions *s)
{
    if (s == NULL)
        return;
    metrics_family_destroy(s->events);
    free(s);
}

void sessions_write_metrics(struct sessions *s, struct buf *out)
{
    metrics_family_write(s->events, out);
}

void sessions_count(struct sessions *s, enum session_event event, uint64_t n)
{
    metrics_count(s->events, (const size_t[]){ event }, n);
}

void session_answer_init(struct session_answer *a)
{
    memset(a, 0, sizeof *a);
    buf_init(&a->json, ANSWER_MAX_BYTES);
}

void session_answer_clean_up(struct session_answer *a)
{
    crypto_wipe(&a->token, sizeof a->token);
    buf_clean_up_secure(&a->json);
}

/* ---- keys and scripts ---- */

struct key session_key(const struct session_name *name)
{
    return bucket_key(name->bucket, 's', slice_of(name->hash, sizeof name->hash));
}

struct key sessions_list_key(const struct uuid *customer)
{
    return bucket_key(uuid_bucket(customer), 'l', slice_of(customer->bytes, UUID_BYTES));
}

struct key sessions_customers_key(uint8_t bucket)
{
    return bucket_key(bucket, 'i', slice_of("", 0));
}

enum status sessions_damaged(struct error *err)
{
    return error_set(err, STATUS_RECORD_DAMAGED, "the session's record is damaged");
}

/* A step was run, and only its answer can't be given. */
static enum status unanswerable(enum status status, struct error *err)
{
    err->applied = APPLIED_UNKNOWN;
    return status;
}

static bool word_of(const struct reply *reply, enum session_word *out)
{
    int at = reply_word(reply, words, WORDS);
    *out = at < 0 ? WORDS : (enum session_word)at;
    return at >= 0;
}

enum status sessions_run(struct sessions *s, const struct script *script, uint8_t bucket, const struct args *args,
                         int64_t deadline_ms, struct call **call, enum session_word *word, struct error *err)
{
    enum status status = cluster_run_take(s->options.cluster, args_call(args, CALL_WRITE, script, bucket), deadline_ms, call, err);
    if (status != STATUS_OK || word_of(call_reply(*call), word))
        return status;
    call_release(*call);
    *call = NULL;
    return unanswerable(sessions_damaged(err), err);
}

enum status sessions_read(struct sessions *s, uint8_t bucket, const struct key *key, int64_t deadline_ms, struct call **call,
                          struct error *err)
{
    const struct slice command[] = { SLICE("GET"), key_slice(key) };
    const struct call_options options = {
        .lane = CALL_READ,
        .target = CALL_TO_SLOT,
        .slot = bucket_slot(bucket),
        .args = command,
        .n_args = 2,
    };
    return cluster_run_take(s->options.cluster, call_new(&options), deadline_ms, call, err);
}

/* ---- answers ---- */

static enum status answer(const struct session_record *r, int64_t now_ms, enum session_view view, struct session_answer *out,
                          struct error *err)
{
    if (!buf_reserve(&out->json, ANSWER_BYTES + r->from.len + r->attributes.len + r->cart.len))
        return error_set(err, STATUS_INTERNAL, "out of memory");
    out->customer = r->customer;
    out->id = r->id;
    out->known = true;
    out->cart_version = r->cart_version;
    out->ends_in_ms = r->ends_ms - now_ms;
    bool whole = view == VIEW_CART
                     ? session_cart_json(r, &out->json)
                     : session_json(r, now_ms, view == VIEW_SESSION_WITH_TOKEN ? &out->token : NULL, &out->json);
    if (!whole)
        return sessions_damaged(err);
    return buf_ok(&out->json) ? STATUS_OK : error_set(err, STATUS_INTERNAL, "out of memory");
}

enum status sessions_answer(const struct reply *reply, enum session_view view, struct session_answer *out, struct error *err)
{
    struct session_record r;
    enum status status = session_record_parse(reply_text(reply_at(reply, 2)), &r)
                             ? answer(&r, reply_integer(reply_at(reply, 1)), view, out, err)
                             : sessions_damaged(err);
    return status == STATUS_OK ? STATUS_OK : unanswerable(status, err);
}

/* Whether it never was, has ended, or is of a customer that was deleted is not told. */
static enum status gone(struct sessions *s, struct error *err)
{
    sessions_count(s, EVENT_REFUSED, 1);
    return error_set(err, STATUS_UNAUTHORIZED, "The session has ended, or there is none with this token");
}

/* ---- one step with a token ---- */

struct step {
    struct key keys[4];
    struct args args;
    struct call *call;
    enum session_word word;
};

static uint64_t idle_ms(const struct sessions *s)
{
    return (uint64_t)s->options.settings.idle_s * 1000;
}

/* Keys: the session, its bucket's customers, and room for others. */
static void step_begin(struct step *t, const struct session_name *name)
{
    t->call = NULL;
    t->keys[0] = session_key(name);
    t->keys[1] = sessions_customers_key(name->bucket);
    args_init(&t->args, t->keys, 2);
}

static enum status attempt_new(uint8_t out[ATTEMPT_BYTES], struct error *err)
{
    return random_ids(out, ATTEMPT_BYTES) ? STATUS_OK : error_set(err, STATUS_INTERNAL, "no attempt could be named");
}

/* A change: its marker, and the first arguments: idle time, the marker's life. */
static enum status change_begin(struct step *t, struct sessions *s, const struct session_name *name, struct error *err)
{
    uint8_t attempt[ATTEMPT_BYTES];
    step_begin(t, name);
    enum status status = attempt_new(attempt, err);
    t->keys[2] = bucket_key(name->bucket, 'm', slice_of(attempt, sizeof attempt));
    args_init(&t->args, t->keys, 3);
    args_number(&t->args, idle_ms(s));
    args_number(&t->args, (uint64_t)call_marker_life_ms(s->options.request_timeout_ms));
    return status;
}

static enum status step_run(struct step *t, struct sessions *s, const struct script *script, uint8_t bucket,
                            int64_t deadline_ms, struct error *err)
{
    enum status status = sessions_run(s, script, bucket, &t->args, deadline_ms, &t->call, &t->word, err);
    if (status != STATUS_OK || t->word == WORD_DONE)
        return status;
    if (t->word == WORD_GONE) /* which does not pass away, as what else refuses it may */
        return gone(s, err);
    return call_in_doubt(t->call) ? call_refused_in_doubt(err) : STATUS_OK;
}

static bool visited(const struct reply *reply, struct session_record *out)
{
    bool apart = reply_type(reply) == REPLY_ARRAY;
    return session_visit_parse(reply_text(apart ? reply_at(reply, 0) : reply), reply_text(reply_at(reply, 1)), out);
}

enum status sessions_visit(struct sessions *s, const struct session_name *name, enum session_view view,
                           int64_t deadline_ms, struct session_answer *out, struct error *err)
{
    struct step t;
    struct session_record r;
    bool counts = view != VIEW_CART;
    uint8_t argument[VISIT_BYTES];
    enum status status = attempt_new(argument, err);
    if (status != STATUS_OK)
        return status;
    step_begin(&t, name);
    big_endian_put(argument + ATTEMPT_BYTES, 6, idle_ms(s));
    argument[VISIT_BYTES - 1] = counts;
    args_bytes(&t.args, argument, sizeof argument);
    status = cluster_run_take(s->options.cluster, args_call(&t.args, CALL_WRITE, &script_session_visit, name->bucket), deadline_ms, &t.call, err);
    if (status == STATUS_OK && reply_type(call_reply(t.call)) == REPLY_NIL)
        status = gone(s, err);
    else if (status == STATUS_OK && !visited(call_reply(t.call), &r))
        status = sessions_damaged(err);
    else if (status == STATUS_OK)
        status = answer(&r, r.seen_ms, view, out, err);
    if (status == STATUS_OK && counts)
        sessions_count(s, EVENT_VISITED, 1);
    call_release(t.call);
    return status;
}

/* More attributes than may be, counted in members or in bytes. */
static enum status too_many(struct findings *f, int limit, const char *counted, int64_t got, struct error *err)
{
    if (f != NULL)
        findings_add(f, slice_cstr("attributes"), slice_cstr(NULL), "expected at most %d %s afterwards, got %" PRId64, limit,
                     counted, got);
    return error_set(err, STATUS_INVALID_REQUEST, "1 finding: `errors` lists it");
}

enum status sessions_patch(struct sessions *s, const struct session_name *name, struct slice changes, int64_t deadline_ms,
                           struct session_answer *out, struct findings *f, struct error *err)
{
    struct step t;
    enum status status = change_begin(&t, s, name, err);
    if (status != STATUS_OK)
        return status;
    args_slice(&t.args, changes);
    args_number(&t.args, SESSION_ATTRIBUTES_MAX);
    args_number(&t.args, SESSION_ATTRIBUTES_MAX_BYTES);
    status = step_run(&t, s, &script_session_patch, name->bucket, deadline_ms, err);
    if (status == STATUS_OK && t.word == WORD_MANY)
        status = too_many(f, SESSION_ATTRIBUTES_MAX, "members", reply_integer(reply_at(call_reply(t.call), 1)), err);
    else if (status == STATUS_OK && t.word == WORD_LARGE)
        status = too_many(f, SESSION_ATTRIBUTES_MAX_BYTES, "bytes", reply_integer(reply_at(call_reply(t.call), 1)), err);
    else if (status == STATUS_OK)
        status = sessions_answer(call_reply(t.call), VIEW_SESSION, out, err);
    call_release(t.call);
    return status;
}

static enum status refuse_version(const struct reply *reply, struct session_answer *out, struct error *err)
{
    out->cart_version = (uint64_t)reply_integer(reply_at(reply, 1));
    return error_set(err, STATUS_PRECONDITION_FAILED, "The cart's version is %" PRIu64, out->cart_version);
}

enum status sessions_change_cart(struct sessions *s, const struct session_name *name, const struct cart_change *change,
                                 int64_t deadline_ms, struct session_answer *out, struct error *err)
{
    struct step t;
    uint8_t numbers[ITEM_NUMBERS_BYTES];
    const struct cart_item item = { .quantity = change->quantity, .unit_price = change->unit_price };
    enum status status = change_begin(&t, s, name, err);
    if (status != STATUS_OK)
        return status;
    cart_item_numbers(&item, numbers);
    args_slice(&t.args, change->if_match);
    args_slice(&t.args, change->if_none_match);
    args_slice(&t.args, change->sku);
    args_bytes(&t.args, numbers, change->take_out ? 0 : sizeof numbers);
    args_number(&t.args, CART_ITEMS_MAX);
    status = step_run(&t, s, &script_session_cart, name->bucket, deadline_ms, err);
    if (status == STATUS_OK && t.word == WORD_PRECONDITION)
        status = refuse_version(call_reply(t.call), out, err);
    else if (status == STATUS_OK && t.word == WORD_FULL)
        status = error_set(err, STATUS_INVALID_REQUEST, "A cart may hold %d items", CART_ITEMS_MAX);
    else if (status == STATUS_OK)
        status = sessions_answer(call_reply(t.call), VIEW_CART, out, err);
    call_release(t.call);
    return status;
}

/* Whose session it is, which the token does not say. */
static enum status read_customer(struct sessions *s, const struct session_name *name, const struct key *key,
                                 int64_t deadline_ms, struct uuid *customer, struct error *err)
{
    struct call *call = NULL;
    struct session_record r;
    enum status status = sessions_read(s, name->bucket, key, deadline_ms, &call, err);
    struct slice text = status == STATUS_OK ? reply_text(call_reply(call)) : slice_of("", 0);
    if (status == STATUS_OK && (reply_type(call_reply(call)) == REPLY_NIL || session_record_is_foreign(text)))
        status = gone(s, err);
    else if (status == STATUS_OK && !session_record_parse(text, &r))
        status = sessions_damaged(err);
    else if (status == STATUS_OK)
        *customer = r.customer;
    call_release(call);
    return status;
}

enum status sessions_rotate(struct sessions *s, const struct session_name *name, enum session_view view,
                            int64_t deadline_ms, struct session_answer *out, struct error *err)
{
    struct step t;
    struct uuid customer;
    struct session_name next;
    if (!session_token_new(name->bucket, &out->token) || !session_token_name(&out->token, &next))
        return error_set(err, STATUS_INTERNAL, "no token could be made");
    step_begin(&t, name);
    enum status status = read_customer(s, name, &t.keys[0], deadline_ms, &customer, err);
    if (status != STATUS_OK)
        return status;
    t.keys[2] = session_key(&next);
    t.keys[3] = sessions_list_key(&customer);
    args_init(&t.args, t.keys, 4);
    args_number(&t.args, idle_ms(s));
    args_bytes(&t.args, name->hash, sizeof name->hash);
    args_bytes(&t.args, next.hash, sizeof next.hash);
    status = step_run(&t, s, &script_session_rotate, name->bucket, deadline_ms, err);
    if (status == STATUS_OK)
        status = sessions_answer(call_reply(t.call), view, out, err);
    if (status == STATUS_OK)
        sessions_count(s, EVENT_ROTATED, 1);
    call_release(t.call);
    return status;
}

enum status sessions_finish(struct sessions *s, const struct session_name *name, int64_t deadline_ms,
                            struct session_answer *out, struct error *err)
{
    struct step t;
    step_begin(&t, name);
    enum status status = sessions_run(s, &script_session_finish, name->bucket, &t.args, deadline_ms, &t.call, &t.word, err);
    bool by_first_sending = status == STATUS_OK && t.word == WORD_GONE && call_in_doubt(t.call);
    if (status == STATUS_OK && t.word == WORD_GONE && !by_first_sending)
        status = gone(s, err);
    else if (status == STATUS_OK && !by_first_sending)
        status = sessions_answer(call_reply(t.call), VIEW_SESSION, out, err);
    if (status == STATUS_OK)
        sessions_count(s, EVENT_SIGNED_OUT, 1);
    call_release(t.call);
    return status;
}
