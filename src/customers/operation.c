#include "operation.h"

#define KEYED_MARKER_TTL_S (24 * 3600)

static uint64_t own_marker_ttl_s(const struct customers *c)
{
    return (uint64_t)call_marker_life_ms(c->options.request_timeout_ms) / 1000;
}

/* Each part goes in with its length before it, so that no two different scopes give the same bytes. */
static void append_part(struct buf *out, struct slice part)
{
    buf_appendf(out, "%zu:", part.len);
    buf_append(out, part);
}

static bool keyed_id(struct customers *c, const struct idempotency *key, uint8_t id[OPERATION_BYTES])
{
    struct buf scope = BUF_INIT(16384);
    append_part(&scope, key->caller);
    append_part(&scope, key->method);
    append_part(&scope, key->path);
    append_part(&scope, key->key);
    uint8_t digest[SHA256_BYTES];
    bool ok = buf_ok(&scope) &&
              hmac_sha256(slice_of(c->secrets.operation_key, SHA256_BYTES), buf_slice(&scope), digest);
    if (ok)
        memcpy(id, digest, OPERATION_BYTES);
    buf_clean_up(&scope);
    return ok;
}

/* Keyed with the salt: markers outlive their customer by a day, and must not be a dictionary of bodies. */
static bool fingerprint_of(struct customers *c, struct slice canonical, uint8_t out[FINGERPRINT_BYTES])
{
    uint8_t digest[SHA256_BYTES];
    if (!hmac_sha256(slice_of(c->secrets.operation_key, SHA256_BYTES), canonical, digest))
        return false;
    memcpy(out, digest, FINGERPRINT_BYTES);
    return true;
}

enum status operation_init(struct customers *c, const struct idempotency *idempotency, struct slice canonical,
                           struct operation *out, struct error *err)
{
    *out = (struct operation){ .keyed = idempotency->given, .marker_ttl_s = own_marker_ttl_s(c) };
    bool ok = random_ids(out->attempt, sizeof out->attempt);
    if (ok && idempotency->given) {
        out->marker_ttl_s = KEYED_MARKER_TTL_S;
        ok = keyed_id(c, idempotency, out->id) && fingerprint_of(c, canonical, out->fingerprint);
    } else if (ok) {
        ok = random_ids(out->id, sizeof out->id);
    }
    return ok ? STATUS_OK : error_set(err, STATUS_INTERNAL, "no operation id could be made");
}

void operation_args(const struct operation *op, struct args *args, bool with_body_flag)
{
    args_bytes(args, op->fingerprint, sizeof op->fingerprint);
    args_bytes(args, op->attempt, sizeof op->attempt);
    args_number(args, op->marker_ttl_s);
    if (with_body_flag)
        args_slice(args, slice_cstr(op->keyed ? "1" : "0"));
}

static enum status record_exists(struct customers *c, const struct uuid *id, int64_t deadline_ms, bool *exists,
                                 struct error *err)
{
    struct key record = key_record(id);
    const struct slice command[] = { SLICE("EXISTS"), key_slice(&record) };
    struct call *call = NULL;
    enum status status = store_read(c, uuid_bucket(id), command, 2, deadline_ms, &call, err);
    if (status == STATUS_OK)
        *exists = reply_integer(call_reply(call)) == 1;
    call_release(call);
    return status;
}

static enum status replay(struct customers *c, struct slice text, bool deleted, int64_t deadline_ms,
                          struct answer *out, struct error *err)
{
    struct marker marker;
    if (!marker_parse(text, &marker))
        return error_set(err, STATUS_RECORD_DAMAGED, "the request's marker is damaged");
    out->replayed = true;
    out->id = marker.id;
    out->version = marker.version;
    if (deleted)
        return STATUS_OK;
    bool exists = false;
    enum status status = record_exists(c, &marker.id, deadline_ms, &exists, err);
    if (status != STATUS_OK)
        return status;
    if (!exists)
        return error_set(err, STATUS_NOT_FOUND,
                         "the request with this Idempotency-Key succeeded, and its customer was deleted since");
    return store_render(&marker.id, marker.version, marker.updated_ms, marker.body, &out->json, err);
}

enum status operation_replay(struct customers *c, struct slice text, bool deleted, int64_t deadline_ms,
                             struct answer *out, struct error *err)
{
    enum status status = replay(c, text, deleted, deadline_ms, out, err);
    if (status != STATUS_OK)
        err->applied = APPLIED_UNKNOWN; /* the marker says that it was; only its answer can't be given */
    return status;
}
