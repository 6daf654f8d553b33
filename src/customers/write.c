#include "write.h"

#include <stdio.h>

#include "healer.h"

/* Above every body that the service accepts, in any escaping. */
#define CANONICAL_MAX_BYTES (8u << 20)

static void precondition_text(const struct precondition *p, char out[PRECONDITION_TEXT_SIZE])
{
    if (!p->given || p->any) {
        snprintf(out, PRECONDITION_TEXT_SIZE, "%s", p->given ? "*" : "");
        return;
    }
    size_t at = 0;
    out[at++] = ',';
    for (size_t i = 0; i < p->n_versions; i++)
        at += (size_t)snprintf(out + at, PRECONDITION_TEXT_SIZE - at, "%llu,", (unsigned long long)p->versions[i]);
    out[at] = '\0';
}

static enum status identify(struct write *w, const struct write_request *request, struct error *err)
{
    const struct idempotency *idempotency = &request->options->idempotency;
    struct buf canonical = BUF_INIT(CANONICAL_MAX_BYTES);
    if (idempotency->given && request->customer != NULL)
        customer_canonical(request->customer, &canonical);
    else if (idempotency->given && request->patch != NULL)
        customer_patch_canonical(request->patch, &canonical);
    enum status status = buf_ok(&canonical)
                             ? operation_init(w->c, idempotency, buf_slice(&canonical), &w->op, err)
                             : error_set(err, STATUS_INTERNAL, "out of memory");
    buf_clean_up(&canonical);
    return status;
}

enum status write_init(struct write *w, struct customers *c, const struct write_request *request, struct answer *answer,
                       struct error *err)
{
    memset(w, 0, sizeof *w);
    w->c = c;
    w->id = request->id;
    w->options = request->options;
    w->answer = answer;
    buf_init(&w->body, CUSTOMER_MAX_BYTES + 1024);
    precondition_text(&w->options->if_match, w->if_match);
    precondition_text(&w->options->if_none_match, w->if_none_match);
    enum status status = customers_ready(c, err);
    return status == STATUS_OK ? identify(w, request, err) : status;
}

void write_clean_up(struct write *w)
{
    buf_clean_up(&w->body);
}

enum status write_set_customer(struct write *w, const struct customer *customer, struct error *err)
{
    buf_clear(&w->body);
    customer_encode(customer, &w->body);
    if (!buf_ok(&w->body))
        return error_set(err, STATUS_INTERNAL, "out of memory");
    w->has_email = customer->email_normal.len > 0;
    if (!w->has_email)
        return STATUS_OK;
    return store_email_hash(w->c, buf_slice(&customer->email_normal), w->eh, err);
}

void write_condition_args(const struct write *w, struct args *args)
{
    args_slice(args, slice_cstr(w->if_match));
    args_slice(args, slice_cstr(w->if_none_match));
    if (w->base == 0)
        args_slice(args, slice_cstr(""));
    else
        args_number(args, w->base);
}

static enum status finish_done(struct write *w, const struct reply *reply, struct error *err)
{
    w->answer->id = *w->id;
    w->answer->version = (uint64_t)reply_integer(reply_at(reply, 1));
    struct slice release = reply_text(reply_at(reply, 3));
    if (release.len == RELEASE_BYTES)
        healer_release_soon(w->c->healer, release);
    if (w->body.len == 0)
        return STATUS_OK;
    enum status status = store_render(w->id, w->answer->version, reply_integer(reply_at(reply, 2)),
                                      buf_slice(&w->body), &w->answer->json, err);
    if (status != STATUS_OK)
        err->applied = APPLIED_UNKNOWN; /* it was; only its answer can't be given */
    return status;
}

static int seconds_left(const struct reply *reply)
{
    return (int)(reply_integer(reply_at(reply, 1)) / 1000) + 1;
}

enum status write_finish(struct write *w, enum word word, const struct reply *reply, struct error *err)
{
    switch (word) {
    case WORD_DONE:
        return finish_done(w, reply, err);
    case WORD_REPLAY:
        return operation_replay(w->c, reply_text(reply_at(reply, 1)), slice_is(w->options->idempotency.method, "DELETE"),
                                w->options->deadline_ms, w->answer, err);
    case WORD_MISMATCH:
        return error_set(err, STATUS_IDEMPOTENCY_MISMATCH,
                         "this Idempotency-Key was used with another body; a key belongs to one request");
    case WORD_MISSING:
        return error_set(err, STATUS_NOT_FOUND, "there is no customer with this id");
    case WORD_PRECONDITION:
        w->answer->id = *w->id;
        w->answer->version = (uint64_t)reply_integer(reply_at(reply, 1));
        return error_set(err, STATUS_PRECONDITION_FAILED, "the customer's version is %llu",
                         (unsigned long long)w->answer->version);
    case WORD_RUNNING:
        return error_set_retry(err, STATUS_IDEMPOTENCY_IN_PROGRESS, seconds_left(reply),
                               "a request with this Idempotency-Key is still running");
    default:
        return error_set_retry(err, STATUS_UPDATE_IN_PROGRESS, 1, "the customer is being changed by another request");
    }
}

enum status write_refused(bool in_doubt, enum status status, struct error *err)
{
    bool passing = status == STATUS_EMAIL_TAKEN || status == STATUS_UPDATE_IN_PROGRESS ||
                   status == STATUS_PRECONDITION_FAILED;
    return passing && in_doubt ? call_refused_in_doubt(err) : status;
}

enum status write_resolve(struct write *w, const struct reply *taken, struct slice *stale_claim, struct error *err)
{
    struct claim claim;
    struct slice text = reply_text(reply_at(taken, 1));
    if (!claim_parse(text, &claim))
        return error_set(err, STATUS_RECORD_DAMAGED, "the e-mail's claim is damaged");
    enum resolution resolution = RESOLVED_TAKEN;
    enum status status = store_resolve_claim(w->c, w->eh, &claim, w->options->deadline_ms, &resolution, err);
    if (status != STATUS_OK)
        return store_not_applied(status, err); /* what may have been done is the end of another's change */
    if (resolution == RESOLVED_TAKEN) {
        w->answer->owner = claim.id;
        w->answer->owner_known = true;
        return error_set(err, STATUS_EMAIL_TAKEN, "another customer has this e-mail");
    }
    if (resolution == RESOLVED_RESERVED)
        return error_set_retry(err, STATUS_UPDATE_IN_PROGRESS, 1, "another customer is being given this e-mail");
    *stale_claim = text;
    return STATUS_OK;
}
