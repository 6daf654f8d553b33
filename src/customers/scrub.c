/* The scrubber. On a database that keeps what it acknowledged it never finds anything: records, claims and index entries
 * change together. It is there for restores, lossy failovers and hands from outside, and it says loudly what it repairs.
 *
 *   index  -> record   an entry without record goes
 *   record -> claim    a claim that is missing, or names somebody without backing, is set again
 *   claim  -> record   a claim without backing goes
 *   key    -> index    a record that is not listed is listed (by SCAN, since nothing else leads to it)
 *
 * It works in pages, one pipelined round trip for each kind of read, and each with a deadline of its own. */
#include <stdio.h>

#include "scrub_repair.h"

#define PAGE 64
#define PAGE_TEXT "64"

/* OK also when some of the calls met a key of another type: answered() tells. */
static enum status run(struct scrub *s, struct call *const *calls, size_t n, struct error *err)
{
    if (atomic_load(s->stop))
        return error_set(err, STATUS_NOT_READY, "stopping");
    enum status status = store_run(s->c, calls, n, scrub_deadline_ms(s), err);
    return status == STATUS_RECORD_DAMAGED ? STATUS_OK : status;
}

static bool answered(const struct call *call)
{
    return call_status(call) == STATUS_OK;
}

static void release_all(struct call *const *calls, size_t n)
{
    for (size_t i = 0; i < n; i++)
        call_release(calls[i]);
}

/* ---- index -> record -> claim ---- */

/* The claims of records that were read before: a claim that is read before its record could look wrong. */
static enum status check_claims(struct scrub *s, const struct uuid *ids, const struct record *records, size_t n,
                                struct error *err)
{
    struct call *calls[PAGE];
    for (size_t i = 0; i < n; i++) {
        struct key claims = key_claims(records[i].eh);
        const struct slice words[] = { SLICE("HGET"), key_slice(&claims), slice_of(records[i].eh, EMAIL_HASH_BYTES) };
        calls[i] = store_command(CALL_READ, email_bucket(records[i].eh), words, 3);
    }
    enum status status = run(s, calls, n, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        uint8_t expected[CLAIM_BYTES];
        claim_format(&(struct claim){ .id = ids[i], .n = records[i].en }, expected);
        if (!answered(calls[i]))
            scrub_tell(s, "scrub_claims_damaged", email_bucket(records[i].eh), &ids[i]);
        else if (!slice_equal(reply_text(call_reply(calls[i])), slice_of(expected, CLAIM_BYTES)))
            status = scrub_repair_claim(s, &ids[i], records[i].eh, reply_text(call_reply(calls[i])), err);
    }
    release_all(calls, n);
    return status;
}

static enum status check_listed(struct scrub *s, const struct uuid *ids, size_t n, struct error *err)
{
    struct call *calls[PAGE];
    struct uuid with_email[PAGE];
    struct record records[PAGE];
    size_t n_with_email = 0;
    for (size_t i = 0; i < n; i++) {
        struct key key = key_record(&ids[i]);
        const struct slice words[] = { SLICE("GET"), key_slice(&key) };
        calls[i] = store_command(CALL_READ, uuid_bucket(&ids[i]), words, 2);
    }
    enum status status = run(s, calls, n, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        struct record *record = &records[n_with_email];
        bool readable = answered(calls[i]);
        if (readable && reply_type(call_reply(calls[i])) == REPLY_NIL)
            status = scrub_reindex(s, &ids[i], err);
        else if (!readable || !record_parse(reply_text(call_reply(calls[i])), record))
            scrub_tell(s, "scrub_record_damaged", uuid_bucket(&ids[i]), &ids[i]);
        else if (record->eh != NULL)
            with_email[n_with_email++] = ids[i];
    }
    if (status == STATUS_OK)
        status = check_claims(s, with_email, records, n_with_email, err);
    release_all(calls, n);
    return status;
}

/* One page of a bucket's index. *n is 0 at its end. */
static enum status read_index(struct scrub *s, uint8_t bucket, struct slice from, struct uuid ids[PAGE], size_t *n,
                              struct error *err)
{
    struct key index = key_of_bucket(bucket, 'i');
    const struct slice words[] = { SLICE("ZRANGEBYLEX"), key_slice(&index), from, SLICE("+"),
                                   SLICE("LIMIT"), SLICE("0"), SLICE(PAGE_TEXT) };
    struct call *call = store_command(CALL_READ, bucket, words, 7);
    enum status status = run(s, &call, 1, err);
    *n = 0;
    if (status == STATUS_OK && !answered(call))
        scrub_tell(s, "scrub_index_damaged", bucket, NULL);
    else if (status == STATUS_OK)
        *n = reply_count(call_reply(call));
    for (size_t i = 0; i < *n; i++) {
        struct slice id = reply_text(reply_at(call_reply(call), i));
        if (id.len != UUID_BYTES || *n > PAGE) {
            scrub_tell(s, "scrub_index_damaged", bucket, NULL);
            *n = i; /* what comes after it is not scrubbed until somebody has looked */
            break;
        }
        memcpy(ids[i].bytes, id.ptr, UUID_BYTES);
    }
    call_release(call);
    return status;
}

static enum status scrub_index(struct scrub *s, uint8_t bucket, struct error *err)
{
    struct uuid ids[PAGE];
    char from[1 + UUID_BYTES] = { '-' };
    size_t n;
    enum status status = read_index(s, bucket, slice_of(from, 1), ids, &n, err);
    while (status == STATUS_OK && n > 0) {
        from[0] = '(';
        memcpy(from + 1, ids[n - 1].bytes, UUID_BYTES);
        status = check_listed(s, ids, n, err);
        if (status == STATUS_OK)
            status = read_index(s, bucket, slice_of(from, sizeof from), ids, &n, err);
    }
    return status;
}

/* ---- claim -> record ---- */

/* Most claims name a live record with this e-mail; only the others are looked at closely. */
static enum status check_owners(struct scrub *s, const struct reply *entries, struct error *err)
{
    size_t n = 0, n_entries = reply_count(entries) / 2;
    enum status status = STATUS_OK;
    for (size_t first = 0; first < n_entries && status == STATUS_OK; first += n) {
        struct call *calls[PAGE];
        for (n = 0; n < PAGE && first + n < n_entries; n++) {
            struct claim claim = { .n = 0 };
            if (!claim_parse(reply_text(reply_at(entries, 2 * (first + n) + 1)), &claim))
                claim = (struct claim){ .n = 0 }; /* nobody */
            struct key key = key_record(&claim.id);
            const struct slice words[] = { SLICE("GET"), key_slice(&key) };
            calls[n] = store_command(CALL_READ, uuid_bucket(&claim.id), words, 2);
        }
        status = run(s, calls, n, err);
        for (size_t i = 0; i < n && status == STATUS_OK; i++) {
            struct slice eh = reply_text(reply_at(entries, 2 * (first + i)));
            struct record record;
            bool live = answered(calls[i]) && record_parse(reply_text(call_reply(calls[i])), &record) &&
                        record.eh != NULL && slice_equal(eh, slice_of(record.eh, EMAIL_HASH_BYTES));
            if (!live)
                status = scrub_drop_claim(s, eh, reply_text(reply_at(entries, 2 * (first + i) + 1)), err);
        }
        release_all(calls, n);
    }
    return status;
}

static void keep_cursor(char cursor[SCRUB_CURSOR_SIZE], struct slice next)
{
    if (next.len == 0)
        next = slice_cstr("0");
    snprintf(cursor, SCRUB_CURSOR_SIZE, "%.*s", (int)next.len, next.ptr);
}

static struct call *ask_claims(uint8_t bucket, uint8_t second, const char *cursor)
{
    struct key claims = key_claims_at(bucket, second);
    const struct slice words[] = { SLICE("HSCAN"), key_slice(&claims), slice_cstr(cursor), SLICE("COUNT"),
                                   SLICE(PAGE_TEXT) };
    return store_command(CALL_READ, bucket, words, 5);
}

/* What one HSCAN told, and where the next begins ("0": it was the last). */
static enum status take_claims(struct scrub *s, uint8_t bucket, const struct call *call, char cursor[SCRUB_CURSOR_SIZE],
                               struct error *err)
{
    struct slice next = slice_of("", 0);
    enum status status = STATUS_OK;
    if (answered(call)) {
        next = reply_text(reply_at(call_reply(call), 0));
        status = check_owners(s, reply_at(call_reply(call), 1), err);
    } else {
        scrub_tell(s, "scrub_claims_damaged", bucket, NULL);
    }
    keep_cursor(cursor, next);
    return status;
}

static enum status scrub_claims_at(struct scrub *s, uint8_t bucket, uint8_t second, const struct call *first,
                                   struct error *err)
{
    char cursor[SCRUB_CURSOR_SIZE];
    enum status status = take_claims(s, bucket, first, cursor, err);
    while (status == STATUS_OK && strcmp(cursor, "0") != 0) {
        struct call *call = ask_claims(bucket, second, cursor);
        status = run(s, &call, 1, err);
        if (status == STATUS_OK)
            status = take_claims(s, bucket, call, cursor, err);
        call_release(call);
    }
    return status;
}

/* Most of a bucket's hashes are small: their first pages are asked for together. */
static enum status scrub_claims(struct scrub *s, uint8_t bucket, struct error *err)
{
    enum status status = STATUS_OK;
    for (int first = 0; first < 256 && status == STATUS_OK; first += PAGE) {
        struct call *calls[PAGE];
        for (int i = 0; i < PAGE; i++)
            calls[i] = ask_claims(bucket, (uint8_t)(first + i), "0");
        status = run(s, calls, PAGE, err);
        for (int i = 0; i < PAGE && status == STATUS_OK; i++)
            status = scrub_claims_at(s, bucket, (uint8_t)(first + i), calls[i], err);
        release_all(calls, PAGE);
    }
    return status;
}

/* ---- key -> index ---- */

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False for a key that is not a record's: nobody would ever read it. */
static bool id_of_key(struct slice key, struct uuid *out)
{
    static const size_t head = 6; /* {tag}c */
    if (key.len != head + 2 * UUID_BYTES)
        return false;
    for (size_t i = 0; i < UUID_BYTES; i++) {
        int high = digit(key.ptr[head + 2 * i]), low = digit(key.ptr[head + 2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out->bytes[i] = (uint8_t)(high << 4 | low);
    }
    struct key right = key_record(out);
    return slice_equal(key, key_slice(&right));
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
            calls[n] = store_command(CALL_READ, uuid_bucket(&ids[n]), words, 3);
            n++;
        }
        status = run(s, calls, n, err);
        for (size_t i = 0; i < n && status == STATUS_OK; i++) {
            if (answered(calls[i]) && reply_type(call_reply(calls[i])) == REPLY_NIL)
                status = scrub_reindex(s, &ids[i], err);
        }
        release_all(calls, n);
    }
    return status;
}

enum status scrub_keys(struct scrub *s, struct error *err)
{
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
    struct slice next = slice_of("", 0);
    if (status == STATUS_OK && answered(call)) {
        next = reply_text(reply_at(call_reply(call), 0));
        status = check_scanned(s, reply_at(call_reply(call), 1), err);
    }
    keep_cursor(s->cursor, next);
    if (strcmp(s->cursor, "0") == 0) {
        s->shard++;
        s->cursor[0] = '\0';
    }
    call_release(call);
    return status;
}

/* One part that fails must not keep the others from their turn. */
enum status scrub_bucket(struct scrub *s, uint8_t bucket, struct error *err)
{
    struct error ignored;
    enum status status = scrub_index(s, bucket, err);
    enum status claims = scrub_claims(s, bucket, status == STATUS_OK ? err : &ignored);
    return status == STATUS_OK ? claims : status;
}

enum status scrub_step(struct scrub *s, struct error *err)
{
    struct error ignored;
    enum status status = scrub_bucket(s, (uint8_t)s->bucket, err);
    if (s->shard >= cluster_shard_count(s->c->options.cluster)) {
        s->shard = 0;
        s->cursor[0] = '\0';
    }
    enum status scanned = scrub_keys(s, status == STATUS_OK ? err : &ignored);
    if (status == STATUS_OK)
        status = scanned;
    s->bucket = (s->bucket + 1) % BUCKETS;
    if (s->bucket == 0)
        s->state->scrub_passes++;
    return status;
}
