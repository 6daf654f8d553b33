/* The scrubber. On a database that keeps what it acknowledged it never finds anything: records, claims and index entries
 * change together. It is there for restores, lossy failovers and hands from outside, and it says loudly what it repairs.
 *
 *   index  -> record   an entry without record goes
 *   record -> claim    a claim that is missing, or names somebody without backing, is set again
 *   claim  -> record   a claim without backing goes
 *   key    -> index    a record that is not listed is listed (by SCAN, since nothing else leads to it)
 *
 * It works in pages, one pipelined round trip for each kind of read, and each with a deadline of its own. */
#include "healer.h"

#include <stdio.h>

#define PAGE 64
#define PAGE_TEXT "64"
#define RUN_MS 1000

static int64_t deadline_ms(const struct scrub *s)
{
    return clock_monotonic_ms(s->c->options.clock) + RUN_MS;
}

static struct call *command(uint8_t bucket, const struct slice *words, size_t n)
{
    const struct call_options options = {
        .lane = CALL_READ,
        .target = CALL_TO_SLOT,
        .slot = bucket_slot(bucket),
        .args = words,
        .n_args = n,
    };
    return call_new(&options);
}

static enum status run(struct scrub *s, struct call *const *calls, size_t n, struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (calls[i] == NULL)
            return error_set(err, STATUS_INTERNAL, "out of memory");
    }
    if (atomic_load(s->stop))
        return error_set(err, STATUS_NOT_READY, "stopping");
    return n == 0 ? STATUS_OK : cluster_run(s->c->options.cluster, calls, n, deadline_ms(s), err);
}

static void release_all(struct call *const *calls, size_t n)
{
    for (size_t i = 0; i < n; i++)
        call_release(calls[i]);
}

static void tell(struct scrub *s, const char *event, const struct uuid *id)
{
    char text[UUID_TEXT_SIZE];
    uuid_format(id, text);
    LOG(s->c->options.log, LOG_ERROR, event, LOG_CSTR("customer", text));
}

static enum status reindex(struct scrub *s, const struct uuid *id, struct error *err)
{
    struct key record = key_record(id), index = key_of_bucket(uuid_bucket(id), 'i');
    struct args args;
    args_init(&args);
    args_key(&args, &record);
    args_key(&args, &index);
    args_bytes(&args, id->bytes, UUID_BYTES);
    struct call *call = NULL;
    enum word word;
    enum status status =
        store_script(s->c, &script_reindex, uuid_bucket(id), &args, deadline_ms(s), &call, &word, err);
    call_release(call);
    if (status == STATUS_OK && word != WORD_RIGHT) {
        s->state->repaired_index++;
        tell(s, word == WORD_ADDED ? "scrub-index-entry-added" : "scrub-index-entry-removed", id);
    }
    return status;
}

/* ---- record -> claim ---- */

static enum status set_claim(struct scrub *s, const uint8_t *eh, const struct claim *mine, struct slice stale,
                             struct error *err)
{
    struct key claims = key_claims(eh);
    struct args args;
    args_init(&args);
    args_key(&args, &claims);
    args_bytes(&args, eh, EMAIL_HASH_BYTES);
    args_bytes(&args, mine->id.bytes, UUID_BYTES);
    args_number(&args, mine->n);
    args_slice(&args, stale);
    struct call *call = NULL;
    enum word word;
    enum status status = store_script(s->c, &script_claim, email_bucket(eh), &args, deadline_ms(s), &call, &word, err);
    call_release(call);
    if (status == STATUS_OK && word == WORD_CLAIMED) {
        s->state->repaired_claims++;
        tell(s, "scrub-claim-repaired", &mine->id);
    }
    return status;
}

/* The claim of a live record is not as it should be. It is judged anew from one look at the record, since the e-mail may
 * have changed meanwhile; should it change after that, what is set here is a claim without backing, which harms nobody. */
static enum status repair_claim(struct scrub *s, const struct uuid *id, const uint8_t *eh, struct slice found,
                                struct error *err)
{
    struct inspection seen = { .call = NULL };
    enum status status = store_inspect(s->c, id, NULL, deadline_ms(s), &seen, err);
    if (status != STATUS_OK)
        return status;
    bool same = seen.has_record && seen.record.eh != NULL && memcmp(seen.record.eh, eh, EMAIL_HASH_BYTES) == 0;
    struct claim mine = { .id = *id, .n = same ? seen.record.en : 0 }, other;
    bool foreign = claim_parse(found, &other) && memcmp(&other.id, id, sizeof other.id) != 0;
    enum resolution resolution = RESOLVED_FREE;
    if (same && foreign)
        status = store_resolve_claim(s->c, eh, &other, deadline_ms(s), &resolution, err);
    if (status == STATUS_OK && same && resolution == RESOLVED_TAKEN) {
        s->state->violations++;
        tell(s, "scrub-two-customers-with-one-email", id);
    } else if (status == STATUS_OK && same && resolution == RESOLVED_FREE) {
        status = set_claim(s, eh, &mine, foreign ? found : slice_of("", 0), err);
    }
    call_release(seen.call);
    return status;
}

/* The claims of records that were read before: a claim that is read before its record could look wrong. */
static enum status check_claims(struct scrub *s, const struct uuid *ids, const struct record *records, size_t n,
                                struct error *err)
{
    struct call *calls[PAGE];
    for (size_t i = 0; i < n; i++) {
        struct key claims = key_claims(records[i].eh);
        const struct slice words[] = { SLICE("HGET"), key_slice(&claims), slice_of(records[i].eh, EMAIL_HASH_BYTES) };
        calls[i] = command(email_bucket(records[i].eh), words, 3);
    }
    enum status status = run(s, calls, n, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        uint8_t expected[CLAIM_BYTES];
        claim_format(&(struct claim){ .id = ids[i], .n = records[i].en }, expected);
        struct slice found = reply_text(call_reply(calls[i]));
        if (!slice_equal(found, slice_of(expected, CLAIM_BYTES)))
            status = repair_claim(s, &ids[i], records[i].eh, found, err);
    }
    release_all(calls, n);
    return status;
}

/* ---- index -> record ---- */

static enum status check_listed(struct scrub *s, const struct uuid *ids, size_t n, struct error *err)
{
    struct call *calls[PAGE];
    struct uuid with_email[PAGE];
    struct record records[PAGE];
    size_t n_with_email = 0;
    for (size_t i = 0; i < n; i++) {
        struct key key = key_record(&ids[i]);
        const struct slice words[] = { SLICE("GET"), key_slice(&key) };
        calls[i] = command(uuid_bucket(&ids[i]), words, 2);
    }
    enum status status = run(s, calls, n, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        const struct reply *reply = call_reply(calls[i]);
        struct record *record = &records[n_with_email];
        if (reply_type(reply) == REPLY_NIL)
            status = reindex(s, &ids[i], err);
        else if (!record_parse(reply_text(reply), record))
            tell(s, "scrub-record-damaged", &ids[i]);
        else if (record->eh != NULL)
            with_email[n_with_email++] = ids[i];
    }
    if (status == STATUS_OK)
        status = check_claims(s, with_email, records, n_with_email, err);
    release_all(calls, n);
    return status;
}

static enum status scrub_index(struct scrub *s, uint8_t bucket, struct error *err)
{
    struct key index = key_of_bucket(bucket, 'i');
    char from[1 + UUID_BYTES] = { '-' };
    size_t from_len = 1, n = PAGE;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && n == PAGE) {
        const struct slice words[] = { SLICE("ZRANGEBYLEX"), key_slice(&index), slice_of(from, from_len), SLICE("+"),
                                       SLICE("LIMIT"), SLICE("0"), SLICE(PAGE_TEXT) };
        struct call *call = command(bucket, words, 7);
        struct uuid ids[PAGE];
        n = 0;
        status = run(s, &call, 1, err);
        for (size_t i = 0; status == STATUS_OK && i < reply_count(call_reply(call)) && i < PAGE; i++) {
            struct slice id = reply_text(reply_at(call_reply(call), i));
            if (id.len == UUID_BYTES)
                memcpy(ids[n++].bytes, id.ptr, UUID_BYTES);
        }
        call_release(call);
        if (n == 0)
            break;
        from[0] = '(';
        memcpy(from + 1, ids[n - 1].bytes, UUID_BYTES);
        from_len = sizeof from;
        status = check_listed(s, ids, n, err);
    }
    return status;
}

/* ---- claim -> record ---- */

static enum status drop_if_free(struct scrub *s, struct slice eh, struct slice text, struct error *err)
{
    struct claim claim;
    enum resolution resolution = RESOLVED_TAKEN;
    enum status status = STATUS_OK;
    if (claim_parse(text, &claim))
        status = store_resolve_claim(s->c, (const uint8_t *)eh.ptr, &claim, deadline_ms(s), &resolution, err);
    if (status != STATUS_OK || resolution != RESOLVED_FREE)
        return status;
    uint8_t release[RELEASE_BYTES];
    memcpy(release, eh.ptr, EMAIL_HASH_BYTES);
    memcpy(release + EMAIL_HASH_BYTES, text.ptr, CLAIM_BYTES);
    bool released = false;
    status = store_release(s->c, slice_of(release, sizeof release), deadline_ms(s), &released, err);
    if (released) {
        s->state->removed_orphans++;
        LOG(s->c->options.log, LOG_INFO, "scrub-claim-without-backing-removed", LOG_INT("bucket", email_bucket(
            (const uint8_t *)eh.ptr)));
    }
    return status;
}

/* Most claims name a live record with this e-mail; only the others are looked at closely. */
static enum status check_owners(struct scrub *s, const struct reply *entries, struct error *err)
{
    size_t n = 0, n_entries = reply_count(entries) / 2;
    enum status status = STATUS_OK;
    for (size_t first = 0; first < n_entries && status == STATUS_OK; first += n) {
        struct call *calls[PAGE];
        for (n = 0; n < PAGE && first + n < n_entries; n++) {
            struct claim claim = { .n = 0 };
            bool fine = claim_parse(reply_text(reply_at(entries, 2 * (first + n) + 1)), &claim);
            struct key key = key_record(&claim.id);
            const struct slice words[] = { SLICE("GET"), key_slice(&key) };
            calls[n] = command(fine ? uuid_bucket(&claim.id) : 0, words, 2);
        }
        status = run(s, calls, n, err);
        for (size_t i = 0; i < n && status == STATUS_OK; i++) {
            struct slice eh = reply_text(reply_at(entries, 2 * (first + i)));
            struct slice claim = reply_text(reply_at(entries, 2 * (first + i) + 1));
            struct record record;
            bool live = record_parse(reply_text(call_reply(calls[i])), &record) && record.eh != NULL &&
                        slice_equal(eh, slice_of(record.eh, EMAIL_HASH_BYTES));
            if (!live && eh.len == EMAIL_HASH_BYTES)
                status = drop_if_free(s, eh, claim, err);
        }
        release_all(calls, n);
    }
    return status;
}

static void keep_cursor(char *cursor, size_t size, struct slice next)
{
    snprintf(cursor, size, "%.*s", (int)next.len, next.len > 0 ? next.ptr : "0");
}

static enum status scrub_claims_at(struct scrub *s, uint8_t bucket, uint8_t second, struct error *err)
{
    struct key claims = key_claims_at(bucket, second);
    char cursor[24] = "0";
    enum status status = STATUS_OK;
    do {
        const struct slice words[] = { SLICE("HSCAN"), key_slice(&claims), slice_cstr(cursor), SLICE("COUNT"),
                                       SLICE(PAGE_TEXT) };
        struct call *call = command(bucket, words, 5);
        status = run(s, &call, 1, err);
        if (status == STATUS_OK)
            status = check_owners(s, reply_at(call_reply(call), 1), err);
        if (status == STATUS_OK)
            keep_cursor(cursor, sizeof cursor, reply_text(reply_at(call_reply(call), 0)));
        call_release(call);
    } while (status == STATUS_OK && strcmp(cursor, "0") != 0);
    return status;
}

/* ---- key -> index ---- */

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool id_of_key(struct slice key, struct uuid *out)
{
    static const size_t head = 6; /* {tag}c */
    if (key.len != head + 2 * UUID_BYTES || key.ptr[0] != '{' || key.ptr[head - 1] != 'c')
        return false;
    for (size_t i = 0; i < UUID_BYTES; i++) {
        int high = digit(key.ptr[head + 2 * i]), low = digit(key.ptr[head + 2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static enum status check_scanned(struct scrub *s, const struct reply *keys, struct error *err)
{
    enum status status = STATUS_OK;
    size_t at = 0;
    while (at < reply_count(keys) && status == STATUS_OK) {
        struct call *calls[PAGE];
        struct uuid ids[PAGE];
        size_t n = 0;
        for (; n < PAGE && at < reply_count(keys); at++) {
            if (!id_of_key(reply_text(reply_at(keys, at)), &ids[n]))
                continue;
            struct key index = key_of_bucket(uuid_bucket(&ids[n]), 'i');
            const struct slice words[] = { SLICE("ZSCORE"), key_slice(&index), slice_of(ids[n].bytes, UUID_BYTES) };
            calls[n] = command(uuid_bucket(&ids[n]), words, 3);
            n++;
        }
        status = run(s, calls, n, err);
        for (size_t i = 0; i < n && status == STATUS_OK; i++) {
            if (reply_type(call_reply(calls[i])) == REPLY_NIL)
                status = reindex(s, &ids[i], err);
        }
        release_all(calls, n);
    }
    return status;
}

static enum status scan_step(struct scrub *s, struct error *err)
{
    if (s->shard >= cluster_shard_count(s->c->options.cluster)) {
        s->shard = 0;
        s->cursor[0] = '\0';
    }
    const struct slice words[] = { SLICE("SCAN"), slice_cstr(s->cursor[0] == '\0' ? "0" : s->cursor),
                                   SLICE("MATCH"), SLICE("{???}c*"), SLICE("COUNT"), SLICE("512") };
    const struct call_options options = {
        .lane = CALL_READ,
        .target = CALL_TO_SHARD,
        .shard = s->shard,
        .args = words,
        .n_args = 6,
    };
    struct call *call = call_new(&options);
    enum status status = run(s, &call, 1, err);
    if (status == STATUS_OK)
        status = check_scanned(s, reply_at(call_reply(call), 1), err);
    if (status == STATUS_OK) {
        keep_cursor(s->cursor, sizeof s->cursor, reply_text(reply_at(call_reply(call), 0)));
        if (strcmp(s->cursor, "0") == 0) {
            s->shard++;
            s->cursor[0] = '\0';
        }
    }
    call_release(call);
    return status;
}

enum status scrub_step(struct scrub *s, struct error *err)
{
    uint8_t bucket = (uint8_t)s->bucket;
    enum status status = scrub_index(s, bucket, err);
    for (int second = 0; second < 256 && status == STATUS_OK; second++)
        status = scrub_claims_at(s, bucket, (uint8_t)second, err);
    if (status == STATUS_OK)
        status = scan_step(s, err);
    /* A bucket that can't be reached now must not keep the others waiting. */
    s->bucket = (s->bucket + 1) % BUCKETS;
    if (s->bucket == 0)
        s->state->scrub_passes++;
    return status;
}
