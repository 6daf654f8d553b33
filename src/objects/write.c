/* A write: the fence, S3, and how it ended (README.md tells why in this order). */
#include "inner.h"

#include <stdio.h>

#define HEAD_LEAST_MS 50 /* less time than that is not worth asking */

struct writing {
    struct objects *o;
    const struct object_name *name;
    struct cache_key key;
    struct cache_token token;
    int64_t began_ms;
    int64_t deadline_ms;
    struct error *err;
};

/* S3 has done nothing, and is not going to: what was there comes back. */
static void let_go(struct writing *w, int64_t deadline_ms)
{
    struct error ignored;
    enum cache_settlement ended;
    (void)!cache_settle(&w->o->cache, &w->key, &w->token, NULL, deadline_ms, &ended, &ignored);
}

/* The same, but what was there may not be what S3 has. */
static void drop(struct writing *w)
{
    struct error ignored;
    enum cache_settlement ended;
    const struct cache_content nothing = { 0, { "", 0 }, { "", 0 } };
    (void)!cache_settle(&w->o->cache, &w->key, &w->token, &nothing, INT64_MAX, &ended, &ignored);
}

static enum status begin(struct writing *w)
{
    struct objects *o = w->o;
    struct error reason;
    enum status status = cache_key_of(w->name, &w->key, w->err);
    if (status != STATUS_OK)
        return status;
    if (!cache_token_new(&w->token))
        return error_set(w->err, STATUS_INTERNAL, "no fence could be named");
    w->began_ms = objects_now_ms(o);
    int64_t fence_ms = o->options.settings->bounds.fence_ms;
    status = cache_fence(&o->cache, &w->key, &w->token, fence_ms, w->deadline_ms, &reason);
    if (status == STATUS_RECORD_DAMAGED && objects_mend(o, &w->key, w->deadline_ms))
        status = cache_fence(&o->cache, &w->key, &w->token, fence_ms, w->deadline_ms, &reason);
    if (status == STATUS_OK)
        return STATUS_OK;
    if (reason.applied == APPLIED_UNKNOWN)
        let_go(w, w->deadline_ms); /* it may stand, or come into force later */
    objects_count_write(o, WRITE_FAILED);
    return error_set_retry(w->err, STATUS_UNAVAILABLE, 1,
                           "the cache can't be told of the write, and could serve what was there before: %.150s", reason.detail);
}

/* When S3 has to have answered. The fence must last longer than that, also when this program stood still since it was made. */
static enum status s3_deadline(const struct writing *w, int64_t *out)
{
    *out = objects_s3_deadline_ms(w->o, w->deadline_ms);
    int64_t now_ms = objects_now_ms(w->o);
    if (now_ms < w->deadline_ms && *out < w->began_ms + w->o->options.settings->bounds.fence_ms)
        return STATUS_OK;
    return error_set_retry(w->err, STATUS_S3_TIMED_OUT, 1, "no time was left for S3");
}

/* ---- how it ended ---- */

/* A condition is sent by somebody who knows, or thinks to know, what is there: where S3 says no the cache may be behind. */
static enum status refused(struct writing *w, enum status status, const char *why)
{
    drop(w);
    objects_count_write(w->o, WRITE_REFUSED);
    return error_set(w->err, status, "%s", why);
}

static enum status unknown(struct writing *w, const char *why)
{
    objects_count_write(w->o, WRITE_UNKNOWN);
    (void)error_set_retry(w->err, STATUS_OUTCOME_UNKNOWN, 1, "%s", why);
    w->err->applied = APPLIED_UNKNOWN;
    return STATUS_OUTCOME_UNKNOWN;
}

/* The fence stays while S3 may still do it. */
static enum status failed(struct writing *w, enum status status)
{
    const struct error reason = *w->err;
    if (reason.applied == APPLIED_UNKNOWN)
        return unknown(w, reason.detail);
    let_go(w, INT64_MAX);
    objects_count_write(w->o, WRITE_FAILED);
    return status;
}

/* S3 has done it. Where the cache can't be told, the fence is still there; unless it took longer than that. */
static enum status settle(struct writing *w, const struct cache_content *content)
{
    struct objects *o = w->o;
    struct error reason;
    enum cache_settlement ended;
    if (cache_settle(&o->cache, &w->key, &w->token, content, INT64_MAX, &ended, &reason) == STATUS_OK) {
        objects_count_write(o, ended == CACHE_KEPT ? WRITE_KEPT : ended == CACHE_DROPPED ? WRITE_DROPPED : WRITE_FENCED);
        return STATUS_OK;
    }
    if (objects_now_ms(o) < w->began_ms + o->options.settings->bounds.fence_ms) {
        objects_count_write(o, WRITE_FENCED);
        return STATUS_OK;
    }
    return unknown(w, "S3 has it, but the cache could not be told in time and may have what was there before");
}

static void copy_text(char *to, size_t size, struct slice text)
{
    size_t len = text.len < size ? text.len : 0;
    memcpy(to, text.ptr == NULL ? "" : text.ptr, len);
    to[len] = '\0';
}

static void tell(const struct s3_reply *reply, struct object_written *out)
{
    copy_text(out->etag, sizeof out->etag, reply->meta.fields[S3_ETAG]);
}

/* ---- PUT ---- */

/* S3's answer to a PUT lacks what its answers to a GET have, when it was last modified above all. False when it is not the same object any
 * more, or S3 does not answer: then nothing is kept. */
static bool ask_meta(const struct writing *w, struct slice etag, size_t len, struct s3_reply *out)
{
    const struct objects_origin *s3 = &w->o->options.origin;
    struct error ignored;
    const struct s3_get get = {
        .bucket = w->name->bucket,
        .key = w->name->key,
        .head = true,
        .deadline_ms = objects_s3_deadline_ms(w->o, w->deadline_ms),
    };
    *out = (struct s3_reply){ .status = 0 };
    return etag.len > 0 && w->deadline_ms - objects_now_ms(w->o) >= HEAD_LEAST_MS &&
           s3->get(s3->ctx, &get, out, &ignored) == STATUS_OK && out->status == 200 &&
           slice_equal(out->meta.fields[S3_ETAG], etag) && out->meta.length == (int64_t)len;
}

static enum status settle_put(struct writing *w, struct slice body, struct slice etag)
{
    struct objects *o = w->o;
    struct s3_reply meta = { .status = 0 };
    struct buf head = BUF_INIT(ENTRY_HEAD_MAX_BYTES);
    bool fits = body.len <= (size_t)o->options.settings->bounds.cache_max_bytes;
    struct entry e = objects_entry(o, fits ? ENTRY_OBJECT : ENTRY_TOO_LONG);
    bool known = !fits || ask_meta(w, etag, body.len, &meta);
    entry_write_head(&e, fits ? &meta.meta : NULL, &head);
    struct cache_content content = { e.life_ms, buf_slice(&head), fits ? body : slice_of("", 0) };
    if (!known || !buf_ok(&head))
        content = (struct cache_content){ 0, { "", 0 }, { "", 0 } };
    enum status status = settle(w, &content);
    s3_reply_clean_up(&meta);
    buf_clean_up(&head);
    return status;
}

static enum status judge_put(struct writing *w, const struct object_content *content, const struct s3_reply *reply,
                             struct object_written *out)
{
    switch (reply->status) {
    case 200:
        tell(reply, out);
        return settle_put(w, content->body, reply->meta.fields[S3_ETAG]);
    case 409:
        return refused(w, STATUS_UPDATE_IN_PROGRESS, "S3 is doing another conditional write of the object");
    default:
        return refused(w, STATUS_PRECONDITION_FAILED, "S3 says that the precondition does not hold");
    }
}

enum status objects_put(struct objects *o, const struct object_name *name, const struct object_content *content,
                        int64_t deadline_ms, struct object_written *out, struct error *err)
{
    struct writing w = { .o = o, .name = name, .deadline_ms = deadline_ms, .err = err };
    struct s3_reply reply = { .status = 0 };
    struct s3_put put = {
        .bucket = name->bucket,
        .key = name->key,
        .body = content->body,
        .fields = { [S3_CONTENT_TYPE] = content->content_type,
                    [S3_CONTENT_ENCODING] = content->content_encoding,
                    [S3_CONTENT_LANGUAGE] = content->content_language,
                    [S3_CONTENT_DISPOSITION] = content->content_disposition,
                    [S3_CACHE_CONTROL] = content->cache_control },
        .if_match = content->if_match,
        .if_none_match = content->if_none_match,
        .content_md5 = content->content_md5,
    };
    *out = (struct object_written){ .etag = "" };
    enum status status = begin(&w);
    if (status != STATUS_OK)
        return status;
    status = s3_deadline(&w, &put.deadline_ms);
    if (status == STATUS_OK)
        status = o->options.origin.put(o->options.origin.ctx, &put, &reply, err);
    status = status == STATUS_OK ? judge_put(&w, content, &reply, out) : failed(&w, status);
    s3_reply_clean_up(&reply);
    return status;
}

/* ---- DELETE ---- */

static enum status settle_delete(struct writing *w)
{
    struct buf head = BUF_INIT(ENTRY_HEAD_MAX_BYTES);
    struct entry e = objects_entry(w->o, ENTRY_ABSENT);
    entry_write_head(&e, NULL, &head);
    const struct cache_content content = { buf_ok(&head) ? e.life_ms : 0, buf_slice(&head), { "", 0 } };
    enum status status = settle(w, &content);
    buf_clean_up(&head);
    return status;
}

static enum status judge_delete(struct writing *w, const struct s3_reply *reply, struct object_written *out)
{
    switch (reply->status) {
    case 204:
        tell(reply, out);
        return settle_delete(w);
    case 409:
        return refused(w, STATUS_UPDATE_IN_PROGRESS, "S3 is doing another conditional write of the object");
    default:
        return refused(w, STATUS_PRECONDITION_FAILED, "S3 says that the precondition does not hold");
    }
}

enum status objects_delete(struct objects *o, const struct object_name *name, struct slice if_match, int64_t deadline_ms,
                           struct object_written *out, struct error *err)
{
    struct writing w = { .o = o, .name = name, .deadline_ms = deadline_ms, .err = err };
    struct s3_reply reply = { .status = 0 };
    struct s3_delete what = { .bucket = name->bucket, .key = name->key, .if_match = if_match };
    *out = (struct object_written){ .etag = "" };
    enum status status = begin(&w);
    if (status != STATUS_OK)
        return status;
    status = s3_deadline(&w, &what.deadline_ms);
    if (status == STATUS_OK)
        status = o->options.origin.remove(o->options.origin.ctx, &what, &reply, err);
    status = status == STATUS_OK ? judge_delete(&w, &reply, out) : failed(&w, status);
    s3_reply_clean_up(&reply);
    return status;
}
