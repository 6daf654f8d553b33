#include "healer.h"

#include <stdio.h>
#include <stdlib.h>

#define SCHEMA "1"
#define SALT_BYTES 32

static enum status check_policy(struct customers *c, size_t shard, int64_t deadline_ms, struct error *err)
{
    const struct slice command[] = { SLICE("INFO"), SLICE("memory") };
    const struct call_options options = {
        .lane = CALL_READ,
        .target = CALL_TO_SHARD,
        .shard = shard,
        .args = command,
        .n_args = 2,
    };
    struct call *call = NULL;
    enum status status = store_run_take(c, call_new(&options), deadline_ms, &call, err);
    if (status != STATUS_OK)
        return status;
    static const char field[] = "maxmemory_policy:";
    struct slice info = reply_text(call_reply(call));
    const char *at = info.len == 0 ? NULL : memmem(info.ptr, info.len, field, sizeof field - 1);
    if (at == NULL) {
        status = error_set(err, STATUS_NOT_READY, "INFO does not tell the database's eviction policy");
    } else {
        at += sizeof field - 1;
        int len = (int)strcspn(at, "\r\n");
        if (len != 10 || memcmp(at, "noeviction", 10) != 0)
            status = error_set(err, STATUS_NOT_READY,
                               "the database's maxmemory-policy is %.*s; customers must never be evicted: set noeviction",
                               len > 32 ? 32 : len, at);
    }
    call_release(call);
    return status;
}

static bool derive(struct slice salt, const char *purpose, uint8_t out[SHA256_BYTES])
{
    return hmac_sha256(salt, slice_cstr(purpose), out);
}

static bool is_salt(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (memchr("0123456789abcdef", text.ptr[i], 16) == NULL)
            return false;
    }
    return text.len == 2 * SALT_BYTES;
}

static enum status take_meta(struct customers *c, const struct reply *meta, struct error *err)
{
    struct slice schema = reply_text(reply_at(meta, 0)), buckets = reply_text(reply_at(meta, 1));
    struct slice salt = reply_text(reply_at(meta, 2)), epoch = reply_text(reply_at(meta, 3));
    if (reply_count(meta) != 4 || !slice_is(schema, SCHEMA))
        return error_set(err, STATUS_NOT_READY, "the data have schema \"%.*s\"; this program knows schema " SCHEMA,
                         (int)(schema.len > 16 ? 16 : schema.len), schema.len > 0 ? schema.ptr : "");
    if (!slice_is(buckets, "256"))
        return error_set(err, STATUS_NOT_READY, "the data lie in %.*s buckets; this program uses 256",
                         (int)(buckets.len > 16 ? 16 : buckets.len), buckets.len > 0 ? buckets.ptr : "");
    char digits[8] = "";
    if (epoch.len > 0 && epoch.len < sizeof digits)
        memcpy(digits, epoch.ptr, epoch.len);
    char *end = digits;
    unsigned long number = strtoul(digits, &end, 10);
    if (!is_salt(salt) || *end != '\0' || number == 0 || number > UINT16_MAX)
        return error_set(err, STATUS_NOT_READY, "the key " META_KEY " is damaged: its salt or epoch is not valid");
    c->secrets.first_claim_number = ((uint64_t)number << 32) + 1;
    if (!derive(salt, "e-mail", c->secrets.email_key) || !derive(salt, "operation", c->secrets.operation_key) ||
        !derive(salt, "cursor", c->secrets.cursor_key))
        return error_set(err, STATUS_INTERNAL, "hashing failed");
    return STATUS_OK;
}

/* A new salt would make every stored e-mail and Idempotency-Key unknown: none is made where there are customers. */
static enum status refuse_lost_meta(struct customers *c, int64_t deadline_ms, struct error *err)
{
    const struct slice exists_meta[] = { SLICE("EXISTS"), SLICE(META_KEY) };
    const struct call_options options = {
        .lane = CALL_READ,
        .target = CALL_TO_SLOT,
        .slot = cluster_key_slot(slice_cstr(META_KEY)),
        .args = exists_meta,
        .n_args = 2,
    };
    struct call *meta = NULL, *calls[BUCKETS];
    enum status status = store_run_take(c, call_new(&options), deadline_ms, &meta, err);
    bool there = status == STATUS_OK && reply_integer(call_reply(meta)) == 1;
    call_release(meta);
    if (status != STATUS_OK || there)
        return status;
    for (int b = 0; b < BUCKETS; b++) {
        struct key index = key_of_bucket((uint8_t)b, 'i');
        const struct slice command[] = { SLICE("EXISTS"), key_slice(&index) };
        calls[b] = store_command(CALL_READ, (uint8_t)b, command, 2);
    }
    status = store_run(c, calls, BUCKETS, deadline_ms, err);
    for (int b = 0; b < BUCKETS; b++) {
        if (status == STATUS_OK && reply_integer(call_reply(calls[b])) == 1)
            status = error_set(err, STATUS_NOT_READY,
                               "the key " META_KEY " is missing, although there are customers: restore it");
        call_release(calls[b]);
    }
    return status;
}

/* Written by the first replica that ever boots on these data; everybody reads what it wrote. */
static enum status check_meta(struct customers *c, int64_t deadline_ms, struct error *err)
{
    uint8_t random[SALT_BYTES];
    char salt[2 * SALT_BYTES + 1];
    if (!random_bytes(random, sizeof random))
        return error_set(err, STATUS_INTERNAL, "no salt could be made");
    hex_encode(random, sizeof random, salt);
    const struct slice args[] = { SLICE(META_KEY), SLICE(SCHEMA), SLICE("256"), slice_cstr(salt), SLICE("1") };
    const struct call_options options = {
        .lane = CALL_WRITE,
        .target = CALL_TO_SLOT,
        .slot = cluster_key_slot(slice_cstr(META_KEY)),
        .script = &script_meta,
        .args = args,
        .n_args = 5,
        .n_keys = 1,
    };
    struct call *call = NULL;
    enum status status = store_run_take(c, call_new(&options), deadline_ms, &call, err);
    if (status == STATUS_OK)
        status = take_meta(c, call_reply(call), err);
    call_release(call);
    crypto_wipe(random, sizeof random);
    crypto_wipe(salt, sizeof salt);
    return status;
}

enum status boot_check(struct customers *c, int64_t deadline_ms, struct error *err)
{
    size_t shards = cluster_shard_count(c->options.cluster);
    if (shards == 0)
        return error_set(err, STATUS_NOT_READY, "the database has not been reached yet");
    enum status status = STATUS_OK;
    for (size_t i = 0; i < shards && status == STATUS_OK; i++)
        status = check_policy(c, i, deadline_ms, err);
    if (status == STATUS_OK)
        status = refuse_lost_meta(c, deadline_ms, err);
    if (status == STATUS_OK)
        status = check_meta(c, deadline_ms, err);
    if (status == STATUS_OK)
        atomic_store(&c->checked, true);
    return status;
}
