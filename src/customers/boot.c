#include "healer.h"

#include <stdio.h>
#include <stdlib.h>

#define SCHEMA "1"

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
        struct slice rest = slice_from(info, (size_t)(at - info.ptr) + sizeof field - 1);
        struct slice policy = slice_take(&rest, '\r');
        if (!slice_is(policy, "noeviction"))
            status = error_set(err, STATUS_NOT_READY,
                               "the database's maxmemory-policy is %.*s; customers must never be evicted: set noeviction",
                               policy.len > 32 ? 32 : (int)policy.len, policy.ptr);
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

/* "" before the first restore, else the epoch, a hyphen and 16 hexadecimal digits. */
bool pass_epoch(struct slice pass, uint32_t *epoch)
{
    char text[PASS_SIZE] = "";
    if (pass.len == 0) {
        *epoch = 1;
        return true;
    }
    if (pass.len >= sizeof text)
        return false;
    memcpy(text, pass.ptr, pass.len);
    char *end = text;
    unsigned long number = strtoul(text, &end, 10);
    *epoch = (uint32_t)number;
    return number > 0 && number <= EPOCH_MAX && *end == '-';
}

enum status meta_parse(const struct slice fields[META_FIELDS], struct meta *out, struct error *err)
{
    struct slice schema = fields[0], buckets = fields[1], pass = fields[4];
    if (schema.len == 0)
        return error_set(err, STATUS_NOT_READY, "there is no key " META_KEY ": nothing was ever stored here, or it was lost");
    if (!slice_is(schema, SCHEMA))
        return error_set(err, STATUS_NOT_READY, "the data have schema \"%.*s\"; this program knows schema " SCHEMA,
                         (int)(schema.len > 16 ? 16 : schema.len), schema.ptr);
    if (!slice_is(buckets, "256"))
        return error_set(err, STATUS_NOT_READY, "the data lie in %.*s buckets; this program uses 256",
                         (int)(buckets.len > 16 ? 16 : buckets.len), buckets.len > 0 ? buckets.ptr : "");
    char digits[8] = "";
    if (fields[3].len > 0 && fields[3].len < sizeof digits)
        memcpy(digits, fields[3].ptr, fields[3].len);
    char *end = digits;
    unsigned long number = strtoul(digits, &end, 10);
    uint32_t ignored;
    if (!is_salt(fields[2]) || *end != '\0' || number == 0 || number > EPOCH_MAX || !pass_epoch(pass, &ignored))
        return error_set(err, STATUS_NOT_READY, "the key " META_KEY " is damaged: its salt, epoch or pass is not valid");
    memcpy(out->salt, fields[2].ptr, sizeof out->salt);
    out->epoch = (uint32_t)number;
    memset(out->pass, 0, sizeof out->pass);
    memcpy(out->pass, pass.ptr, pass.len);
    out->restoring = fields[5].len > 0;
    return STATUS_OK;
}

static bool derive_all(struct slice salt, struct store_secrets *out)
{
    return derive(salt, "e-mail", out->email_key) && derive(salt, "operation", out->operation_key) &&
           derive(salt, "cursor", out->cursor_key);
}

/* Keys are made once: other threads use them. */
static enum status take_salt(struct customers *c, const struct meta *meta, struct error *err)
{
    struct store_secrets secrets;
    struct slice salt = slice_of(meta->salt, sizeof meta->salt);
    enum status status = STATUS_OK;
    if (!derive_all(salt, &secrets))
        status = error_set(err, STATUS_INTERNAL, "hashing failed");
    else if (!c->salted)
        c->secrets = secrets;
    else if (memcmp(&secrets, &c->secrets, sizeof secrets) != 0)
        status = error_set(err, STATUS_NOT_READY, "the data are others than before: this replica must be restarted");
    c->salted = c->salted || status == STATUS_OK;
    crypto_wipe(&secrets, sizeof secrets);
    return status;
}

enum status boot_admit(struct customers *c, const struct meta *meta, struct error *err)
{
    struct admission *older = atomic_load(&c->admission);
    uint64_t first = ((uint64_t)meta->epoch << 32) + 1;
    enum status status = take_salt(c, meta, err);
    if (status != STATUS_OK)
        return status;
    if (older != NULL && older->first_claim_number == first && strcmp(older->pass, meta->pass) == 0)
        return STATUS_OK;
    if (older != NULL && older->first_claim_number > first)
        return error_set(err, STATUS_NOT_READY,
                         "the data are of epoch %u, and were of a later one before: run `customerd restore`", meta->epoch);
    struct admission *made = calloc(1, sizeof *made);
    if (made == NULL)
        return error_set(err, STATUS_INTERNAL, "out of memory");
    made->first_claim_number = first;
    memcpy(made->pass, meta->pass, sizeof made->pass);
    made->older = older;
    atomic_store(&c->admission, made);
    return STATUS_OK;
}

static enum status take_meta(struct customers *c, const struct reply *reply, struct error *err)
{
    struct slice fields[META_FIELDS];
    struct meta meta;
    for (size_t i = 0; i < META_FIELDS; i++)
        fields[i] = reply_text(reply_at(reply, i));
    enum status status = meta_parse(fields, &meta, err);
    if (status == STATUS_OK && meta.restoring)
        status = error_set(err, STATUS_NOT_READY,
                           "a restore is running; where `customerd restore` was interrupted, run it again");
    if (status == STATUS_OK)
        status = boot_admit(c, &meta, err);
    crypto_wipe(meta.salt, sizeof meta.salt);
    return status;
}

enum status meta_read(struct customers *c, struct meta *out, int64_t deadline_ms, struct error *err)
{
    static const char *const names[META_FIELDS] = { "schema", "buckets", "salt", "epoch", "fence", "restore" };
    struct call *calls[META_FIELDS];
    struct slice fields[META_FIELDS];
    for (size_t i = 0; i < META_FIELDS; i++) {
        const struct slice words[] = { SLICE("HGET"), SLICE(META_KEY), slice_cstr(names[i]) };
        const struct call_options options = {
            .lane = CALL_READ,
            .target = CALL_TO_SLOT,
            .slot = cluster_key_slot(slice_cstr(META_KEY)),
            .args = words,
            .n_args = 3,
        };
        calls[i] = call_new(&options);
    }
    enum status status = store_run(c, calls, META_FIELDS, deadline_ms, err);
    for (size_t i = 0; i < META_FIELDS && status == STATUS_OK; i++)
        fields[i] = reply_text(call_reply(calls[i]));
    if (status == STATUS_OK)
        status = meta_parse(fields, out, err);
    for (size_t i = 0; i < META_FIELDS; i++)
        call_release(calls[i]);
    return status;
}

bool boot_still_admitted(struct customers *c, int64_t deadline_ms)
{
    struct meta meta;
    struct error ignored;
    const struct admission *mine = atomic_load(&c->admission);
    if (meta_read(c, &meta, deadline_ms, &ignored) != STATUS_OK)
        return ignored.code != STATUS_NOT_READY; /* a shard that is away is no news; another meta key is */
    crypto_wipe(meta.salt, sizeof meta.salt);
    return !meta.restoring && strcmp(meta.pass, mine->pass) == 0;
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

enum status boot_check_shards(struct customers *c, int64_t deadline_ms, struct error *err)
{
    size_t shards = cluster_shard_count(c->options.cluster);
    if (shards == 0)
        return error_set(err, STATUS_NOT_READY, "the database has not been reached yet");
    enum status status = STATUS_OK;
    for (size_t i = 0; i < shards && status == STATUS_OK; i++)
        status = check_policy(c, i, deadline_ms, err);
    return status == STATUS_OK ? refuse_lost_meta(c, deadline_ms, err) : status;
}

enum status boot_check(struct customers *c, int64_t deadline_ms, struct error *err)
{
    enum status status = boot_check_shards(c, deadline_ms, err);
    if (status == STATUS_OK)
        status = check_meta(c, deadline_ms, err);
    if (status == STATUS_OK)
        atomic_store(&c->checked, true);
    return status;
}
