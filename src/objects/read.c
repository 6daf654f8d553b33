/* A read. The cache is looked at once by each request; who finds nothing fresh there enters a flight (flight.h). */
#include "inner.h"

#define HOLD_MS 1000 /* while S3 fails, one asks it in so much time, and the others serve what they have */
#define LEASE_SLACK_MS 500
#define PAUSE_FIRST_MS 2
#define PAUSE_MAX_MS 50

/* One read on its way. */
struct reading {
    struct objects *o;
    const struct object_name *name;
    const struct object_wish *wish;
    int64_t deadline_ms;
    struct cache_key key;
    struct cache_found found; /* what this read has found in the cache itself */
    bool cache_fails;
    bool warms;               /* nothing is wanted but that the cache has it */
    bool too_long;            /* to be kept */
    struct object_view *out;
    struct error *err;
};

void object_view_init(struct object_view *v)
{
    *v = (struct object_view){ .source = OBJECT_BYPASS, .status = 200, .body = { "", 0 } };
}

void object_view_clean_up(struct object_view *v)
{
    s3_stream_close(v->stream);
    object_bytes_release(v->bytes);
    object_view_init(v);
}

/* ---- giving ---- */

static enum status out_of_memory(struct error *err)
{
    return error_set(err, STATUS_INTERNAL, "out of memory");
}

/* Takes the reference. */
static enum status give(struct reading *r, struct object_bytes *s, enum object_source source, int64_t age_ms)
{
    struct object_view *v = r->out;
    v->source = source;
    if (s == NULL)
        return out_of_memory(r->err);
    v->age_ms = age_ms;
    v->status = 200;
    v->meta = &s->meta;
    v->body = s->body;
    v->bytes = s;
    return STATUS_OK;
}

static enum status give_found(struct reading *r, enum object_source source)
{
    int64_t age_ms = cache_found_age_ms(&r->found);
    return give(r, object_bytes_take_found(&r->found), source, age_ms);
}

static enum status give_absent(struct reading *r, enum object_source source, int64_t age_ms)
{
    r->out->source = source;
    r->out->age_ms = age_ms;
    return error_set(r->err, STATUS_NOT_FOUND, "There is no such object");
}

static bool has_old(const struct reading *r)
{
    return r->found.there && r->found.entry.kind == ENTRY_OBJECT;
}

/* ---- straight from S3 ---- */

static struct s3_get question(const struct reading *r)
{
    return (struct s3_get){
        .bucket = r->name->bucket,
        .key = r->name->key,
        .body_max = (size_t)r->o->options.settings->bounds.cache_max_bytes,
        .deadline_ms = objects_s3_deadline_ms(r->o, r->deadline_ms),
    };
}

static enum status ask(const struct reading *r, const struct s3_get *get, struct s3_reply *reply)
{
    const struct objects_origin *s3 = &r->o->options.origin;
    *reply = (struct s3_reply){ .status = 0 };
    return s3->get(s3->ctx, get, reply, r->err);
}

static bool wants_bytes(const struct reading *r, const struct s3_meta *meta)
{
    const struct object_wish *wish = r->wish;
    return !wish->head && (wish->wants_bytes == NULL || wish->wants_bytes(wish->ctx, meta));
}

/* Takes what is in the reply. */
static enum status give_reply(struct reading *r, struct s3_reply *reply, enum object_source source)
{
    struct s3_stream *stream = reply->stream;
    enum status status = give(r, object_bytes_take_reply(reply), source, 0);
    if (status == STATUS_OK) {
        r->out->status = reply->status;
        r->out->stream = stream;
        reply->stream = NULL;
    }
    if (r->out->stream != NULL && !wants_bytes(r, r->out->meta)) {
        s3_stream_close(r->out->stream);
        r->out->stream = NULL;
    }
    return status;
}

/* S3 refuses a part of another object than the one that it is for. */
static enum status ask_for_bytes(const struct reading *r, struct s3_get *get, struct s3_reply *reply)
{
    get->range = r->wish->range;
    get->if_match = r->wish->range_tag;
    get->is_long = get->range.len == 0;
    enum status status = ask(r, get, reply);
    if (status != STATUS_OK || reply->status != 412)
        return status;
    s3_reply_clean_up(reply);
    get->range = get->if_match = slice_of("", 0);
    get->is_long = true;
    return ask(r, get, reply);
}

/* Whoever may not want the bytes asks for the head first: a transfer that is broken off has cost S3 and the network what was sent by then,
 * and the connection. */
static enum status ask_for_long(struct reading *r, struct s3_reply *reply)
{
    const struct object_wish *wish = r->wish;
    struct s3_get get = question(r);
    get.head = wish->head || wish->wants_bytes != NULL;
    enum status status = get.head ? ask(r, &get, reply) : ask_for_bytes(r, &get, reply);
    /* S3 does not say why it refuses HEAD: what is wrong a GET tells. */
    bool refused = status != STATUS_OK || reply->status == 404;
    if (!get.head || wish->head || (!refused && !wants_bytes(r, &reply->meta)))
        return status;
    s3_reply_clean_up(reply);
    get.head = false;
    return ask_for_bytes(r, &get, reply);
}

/* An object that is too long to be kept: each asks for itself, and for no more than it wants. */
static enum status give_too_long(struct reading *r)
{
    struct s3_reply reply;
    r->too_long = true;
    if (r->warms)
        return STATUS_OK;
    enum status status = ask_for_long(r, &reply);
    if (status == STATUS_OK && reply.status == 404)
        status = give_absent(r, OBJECT_BYPASS, 0);
    else if (status == STATUS_OK)
        status = give_reply(r, &reply, OBJECT_BYPASS);
    s3_reply_clean_up(&reply);
    return status;
}

/* ---- the one that asks ---- */

struct leading {
    struct flight *flight;
    struct cache_token token;
    bool leased;
    struct flight_result result;
    struct s3_reply reply; /* with the stream, when the object is too long */
};

static void count_fill(struct objects *o, enum status status, bool kept)
{
    objects_count_fill(o, kept ? FILL_KEPT : status == STATUS_OK ? FILL_LOST : FILL_FAILED);
}

/* What is kept is for all who came before it was handed to the cache: no write had ended by then. */
static void kept_since(struct leading *l, uint64_t question)
{
    l->result.question = question;
    l->result.source = OBJECT_MISS;
}

static void keep(struct reading *r, struct leading *l, enum entry_kind kind, const struct object_bytes *s)
{
    struct objects *o = r->o;
    struct error err;
    bool kept = false;
    struct buf head = BUF_INIT(ENTRY_HEAD_MAX_BYTES);
    struct entry e = objects_entry(o, kind);
    enum status status = STATUS_INTERNAL;
    if (!l->leased)
        return;
    entry_write_head(&e, s == NULL ? NULL : &s->meta, &head);
    uint64_t question = flight_ask(l->flight);
    const struct cache_content content = { e.life_ms, buf_slice(&head), s == NULL ? slice_of("", 0) : s->body };
    if (buf_ok(&head)) {
        status = cache_fill(&o->cache, &r->key, &l->token, &content, r->deadline_ms, &kept, &err);
        r->cache_fails = status != STATUS_OK;
    }
    buf_clean_up(&head);
    count_fill(o, status, kept);
    if (kept)
        kept_since(l, question);
}

/* It still is as the cache has it. */
static void keep_old(struct reading *r, struct leading *l)
{
    struct objects *o = r->o;
    struct error err;
    bool kept = false;
    uint64_t question = flight_ask(l->flight);
    enum status status = cache_touch(&o->cache, &r->key, &l->token, &r->found.entry, r->deadline_ms, &kept, &err);
    r->cache_fails = status != STATUS_OK;
    count_fill(o, status, kept);
    if (kept)
        kept_since(l, question);
}

static void fail(struct reading *r, struct leading *l)
{
    struct error ignored;
    l->result.end = FLIGHT_FAILED;
    l->result.question = UINT64_MAX;
    l->result.failure = *r->err;
    if (l->leased)
        (void)!cache_release(&r->o->cache, &r->key, &l->token, has_old(r) ? HOLD_MS : 0, INT64_MAX, &ignored);
}

static void take_object(struct reading *r, struct leading *l, struct object_bytes *s)
{
    l->result.end = FLIGHT_OBJECT;
    l->result.bytes = s;
    if (s != NULL)
        return;
    (void)out_of_memory(r->err);
    fail(r, l);
}

/* All that is kept of an object. The ETag alone would not do: the same bytes, stored with another type, have the same. */
static bool is_same(const struct s3_meta *a, const struct s3_meta *b)
{
    bool same = a->length == b->length;
    for (enum s3_field f = 0; f < S3_FIELDS; f++)
        same = same && (f == S3_CONTENT_RANGE || slice_equal(a->fields[f], b->fields[f]));
    return same;
}

/* Whether the old entry is what S3 has, which then is the result. Else S3 is to be asked for all of it, in the time that is left: the lease lasts
 * no longer. S3 does not say why it refuses HEAD, nor what is missing; but where it does not answer it would not answer GET. */
static enum status ask_if_same(struct reading *r, struct leading *l, const struct s3_get *get, bool *same)
{
    struct s3_get head = *get;
    head.head = true;
    l->result.question = flight_ask(l->flight);
    enum status status = ask(r, &head, &l->reply);
    *same = status == STATUS_OK && l->reply.status == 200 && is_same(&l->reply.meta, &r->found.entry.meta);
    s3_reply_clean_up(&l->reply);
    if (*same)
        take_object(r, l, object_bytes_take_found(&r->found));
    if (*same && l->result.end == FLIGHT_OBJECT)
        keep_old(r, l);
    return status;
}

static enum status ask_for_all(struct reading *r, struct leading *l, const struct s3_get *get)
{
    l->result.question = flight_ask(l->flight);
    enum status status = ask(r, get, &l->reply);
    bool too_long = l->reply.too_long || l->reply.stream != NULL; /* also where no more can be handed through at the moment */
    if (status != STATUS_OK && !too_long)
        return status;
    if (l->reply.status == 404) {
        l->result.end = FLIGHT_ABSENT;
        keep(r, l, ENTRY_ABSENT, NULL);
    } else if (too_long) {
        keep(r, l, ENTRY_TOO_LONG, NULL);
        l->result.end = FLIGHT_TOO_LONG;
        l->result.question = UINT64_MAX;
    } else {
        take_object(r, l, object_bytes_take_reply(&l->reply));
        if (l->result.end == FLIGHT_OBJECT)
            keep(r, l, ENTRY_OBJECT, l->result.bytes);
    }
    return STATUS_OK;
}

static void ask_s3(struct reading *r, struct leading *l)
{
    const struct s3_get get = question(r);
    bool same = false;
    enum status status = STATUS_OK;
    l->result = (struct flight_result){ .source = OBJECT_BYPASS };
    if (l->leased && has_old(r))
        status = ask_if_same(r, l, &get, &same);
    if (status == STATUS_OK && !same)
        status = ask_for_all(r, l, &get);
    if (status == STATUS_OK)
        return;
    fail(r, l);
    if (status == STATUS_S3_TIMED_OUT && get.deadline_ms == r->deadline_ms)
        l->result.question = 0; /* it had less time than S3 may take, which says nothing to those that have more */
}

/* Somebody has filled it since this read looked. */
static void take_entry(struct reading *r, struct leading *l, struct cache_found *found)
{
    l->result.source = OBJECT_HIT;
    l->result.age_ms = cache_found_age_ms(found);
    switch (found->entry.kind) {
    case ENTRY_OBJECT:
        l->result.end = FLIGHT_OBJECT;
        l->result.bytes = object_bytes_take_found(found);
        if (l->result.bytes == NULL) {
            (void)out_of_memory(r->err);
            fail(r, l);
        }
        break;
    case ENTRY_ABSENT:
        l->result.end = FLIGHT_ABSENT;
        break;
    default:
        l->result.end = FLIGHT_TOO_LONG;
        break;
    }
    call_release(found->call);
}

/* False when the cache fails. */
static bool ask_for_lease(struct reading *r, const struct leading *l, enum cache_advice *advice, struct cache_found *found)
{
    struct objects *o = r->o;
    struct error err;
    int64_t lease_ms = o->options.settings->s3.timeout_ms + 2 * o->cache.timeout_ms + LEASE_SLACK_MS;
    enum status status = cache_lease(&o->cache, &r->key, &l->token, lease_ms, r->deadline_ms, advice, found, &err);
    if (status == STATUS_RECORD_DAMAGED && objects_mend(o, &r->key, r->deadline_ms))
        status = cache_lease(&o->cache, &r->key, &l->token, lease_ms, r->deadline_ms, advice, found, &err);
    return status == STATUS_OK;
}

/* Whether S3 is to be asked; else the result is filled. Nobody waits for another instance's lease longer than half of the time
 * that is left: it may have been killed. Then S3 is asked, and nothing kept. */
static bool take_lease(struct reading *r, struct leading *l)
{
    struct objects *o = r->o;
    struct cache_found found;
    enum cache_advice advice;
    int64_t now_ms = objects_now_ms(o);
    int64_t patience_ms = now_ms + (r->deadline_ms - now_ms) / 2;
    for (int64_t pause_ms = PAUSE_FIRST_MS;; pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS) {
        l->result = (struct flight_result){ .question = flight_ask(l->flight) };
        r->cache_fails = !ask_for_lease(r, l, &advice, &found);
        if (r->cache_fails || advice == CACHE_BYPASS)
            return true;
        if (advice == CACHE_GO) {
            l->leased = true;
            return true;
        }
        if (advice == CACHE_ENTRY) {
            take_entry(r, l, &found);
            return false;
        }
        if (found.there && has_old(r)) {
            l->result.end = FLIGHT_STALE;
            return false;
        }
        if (objects_now_ms(o) >= patience_ms)
            return true;
        flight_pause(l->flight, pause_ms);
    }
}

/* ---- using a flight's result ---- */

/* Takes the result's reference. *again: it does not serve this read. */
static enum status use(struct reading *r, const struct flight_result *result, bool *again)
{
    *again = false;
    switch (result->end) {
    case FLIGHT_OBJECT:
        return give(r, result->bytes, result->source, result->age_ms);
    case FLIGHT_ABSENT:
        return give_absent(r, result->source, result->age_ms);
    case FLIGHT_TOO_LONG:
        return give_too_long(r);
    case FLIGHT_FAILED:
        break;
    case FLIGHT_STALE:
        *again = !has_old(r);
        break;
    }
    if (has_old(r))
        return give_found(r, OBJECT_STALE);
    *r->err = result->failure;
    return r->err->code;
}

static enum status lead(struct reading *r, struct flight *flight, bool *again)
{
    struct leading l = { .flight = flight };
    enum status status;
    if (!cache_token_new(&l.token)) {
        (void)error_set(r->err, STATUS_INTERNAL, "no lease could be named");
        fail(r, &l);
    } else if (r->cache_fails || take_lease(r, &l)) {
        ask_s3(r, &l);
    }
    struct flight_result own = l.result;
    if (own.bytes != NULL)
        (void)object_bytes_acquire(own.bytes);
    flight_finish(r->o->flights, flight, &l.result);
    if (own.end == FLIGHT_TOO_LONG && l.reply.stream != NULL && r->wish->range.len == 0 && !r->warms) {
        r->too_long = true;
        *again = false;
        status = give_reply(r, &l.reply, OBJECT_BYPASS);
    } else {
        s3_stream_close(l.reply.stream); /* before the next question */
        l.reply.stream = NULL;
        status = use(r, &own, again);
    }
    s3_reply_clean_up(&l.reply);
    return status;
}

static enum status follow(struct reading *r, const struct seat *seat, bool *again)
{
    struct flight_result result;
    if (has_old(r)) {
        flight_leave(r->o->flights, seat->flight);
        return give_found(r, OBJECT_STALE);
    }
    switch (flight_wait(r->o->flights, seat, r->deadline_ms, &result)) {
    case FLIGHT_RESULT:
        return use(r, &result, again);
    case FLIGHT_LEAD:
        return lead(r, seat->flight, again);
    case FLIGHT_LATE:
        break;
    }
    return error_set_retry(r->err, STATUS_S3_TIMED_OUT, 1, "S3 did not answer another request for the object in time");
}

/* ---- one look ---- */

/* False when the cache fails. */
static bool look_into_cache(struct reading *r)
{
    struct error err;
    enum status status = cache_read(&r->o->cache, &r->key, r->deadline_ms, &r->found, &err);
    return status == STATUS_OK || (status == STATUS_RECORD_DAMAGED && objects_mend(r->o, &r->key, r->deadline_ms));
}

static enum status look(struct reading *r, bool *again)
{
    struct seat seat;
    *again = false;
    r->cache_fails = r->cache_fails || !look_into_cache(r);
    if (cache_found_is_fresh(&r->found)) {
        if (r->found.entry.kind == ENTRY_OBJECT)
            return give_found(r, OBJECT_HIT);
        if (r->found.entry.kind == ENTRY_ABSENT)
            return give_absent(r, OBJECT_HIT, cache_found_age_ms(&r->found));
        return give_too_long(r);
    }
    if (!flight_enter(r->o->flights, slice_of(r->key.entry, r->key.len), &seat))
        return out_of_memory(r->err);
    return seat.leads ? lead(r, seat.flight, again) : follow(r, &seat, again);
}

static enum status read_object(struct reading *r)
{
    bool again = true;
    enum status status = cache_key_of(r->name, &r->key, r->err);
    while (status == STATUS_OK && again) {
        if (objects_now_ms(r->o) >= r->deadline_ms)
            return error_set_retry(r->err, STATUS_S3_TIMED_OUT, 1, "The object could not be read in time");
        status = look(r, &again);
        call_release(r->found.call);
        r->found = (struct cache_found){ .there = false };
    }
    return status;
}

enum status objects_get(struct objects *o, const struct object_name *name, const struct object_wish *wish,
                        int64_t deadline_ms, struct object_view *out, struct error *err)
{
    struct reading r = { .o = o, .name = name, .wish = wish, .deadline_ms = deadline_ms, .out = out, .err = err };
    enum status status = read_object(&r);
    objects_count_read(o, out->source,
                       status == STATUS_OK          ? READ_OBJECT
                       : status == STATUS_NOT_FOUND ? READ_ABSENT
                                                    : READ_FAILED);
    return status;
}

enum status objects_warm(struct objects *o, const struct object_name *name, int64_t deadline_ms, enum object_warmth *out,
                         struct error *err)
{
    struct object_view view;
    const struct object_wish wish = { .head = true };
    struct reading r = {
        .o = o, .name = name, .wish = &wish, .deadline_ms = deadline_ms, .warms = true, .out = &view, .err = err
    };
    object_view_init(&view);
    enum status status = read_object(&r);
    *out = r.too_long                        ? OBJECT_IS_TOO_LONG
           : status == STATUS_NOT_FOUND      ? OBJECT_IS_ABSENT
           : view.source == OBJECT_HIT       ? OBJECT_WAS_FRESH
           : view.source == OBJECT_MISS      ? OBJECT_WARMED
                                             : OBJECT_NOT_KEPT;
    bool is_stale = view.source == OBJECT_STALE;
    object_view_clean_up(&view);
    if (r.cache_fails)
        return error_set_retry(err, STATUS_UNAVAILABLE, 1, "the cache can't be reached, or keeps nothing more");
    if (is_stale)
        return error_set_retry(err, STATUS_S3_UNAVAILABLE, 1, "what the cache has is past its time, and S3 does not answer yet");
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}
