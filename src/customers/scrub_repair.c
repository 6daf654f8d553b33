#include "scrub_repair.h"

int64_t scrub_deadline_ms(const struct scrub *s)
{
    return clock_monotonic_ms(s->c->options.clock) + HEALER_STEP_MS;
}

static void tell(struct scrub *s, const char *event, uint8_t bucket, const struct uuid *id)
{
    char text[UUID_TEXT_SIZE] = "";
    if (id != NULL)
        uuid_format(id, text);
    LOG(s->c->options.log, LOG_ERROR, event, LOG_INT("bucket", bucket), LOG_CSTR("customer", text));
}

void scrub_tell(struct scrub *s, const char *event, uint8_t bucket, const struct uuid *id)
{
    s->damaged++;
    tell(s, event, bucket, id);
}

static void tell_of(struct scrub *s, const char *event, const struct uuid *id)
{
    tell(s, event, uuid_bucket(id), id);
}

static enum status pass_over_damage(struct scrub *s, enum status status, uint8_t bucket, const struct uuid *id)
{
    if (status != STATUS_RECORD_DAMAGED)
        return status;
    scrub_tell(s, "scrub_key_damaged", bucket, id);
    return STATUS_OK;
}

enum status scrub_reindex(struct scrub *s, const struct uuid *id, struct error *err)
{
    const struct key keys[] = { key_record(id), key_of_bucket(uuid_bucket(id), 'i') };
    struct args args;
    args_init_writing(&args, keys, 2);
    args_bytes(&args, id->bytes, UUID_BYTES);
    struct call *call = NULL;
    enum word word;
    enum status status =
        store_script(s->c, &script_reindex, uuid_bucket(id), &args, scrub_deadline_ms(s), &call, &word, err);
    call_release(call);
    if (status == STATUS_OK && word != WORD_RIGHT) {
        s->state->repaired_index++;
        tell_of(s, word == WORD_ADDED ? "scrub_index_entry_added" : "scrub_index_entry_removed", id);
    }
    return pass_over_damage(s, status, uuid_bucket(id), id);
}

static enum status set_claim(struct scrub *s, const uint8_t *eh, const struct claim *mine, struct slice stale,
                             struct error *err)
{
    struct key claims = key_claims(eh);
    struct args args;
    args_init_writing(&args, &claims, 1);
    args_bytes(&args, eh, EMAIL_HASH_BYTES);
    args_bytes(&args, mine->id.bytes, UUID_BYTES);
    args_number(&args, mine->n);
    args_slice(&args, stale);
    struct call *call = NULL;
    enum word word;
    enum status status =
        store_script(s->c, &script_claim, email_bucket(eh), &args, scrub_deadline_ms(s), &call, &word, err);
    call_release(call);
    if (status == STATUS_OK && word == WORD_CLAIMED) {
        s->state->repaired_claims++;
        tell_of(s, "scrub_claim_repaired", &mine->id);
    }
    return status;
}

/* Judged from one look at the record, since its e-mail may have changed meanwhile. Should it change after that, what is
 * set here is a claim without backing, which harms nobody. */
static enum status repair_claim(struct scrub *s, const struct uuid *id, const uint8_t *eh, struct slice found,
                                struct error *err)
{
    struct inspection seen = { .call = NULL };
    enum status status = store_inspect(s->c, id, NULL, scrub_deadline_ms(s), &seen, err);
    if (status != STATUS_OK)
        return status;
    bool same = seen.has_record && seen.record.eh != NULL && memcmp(seen.record.eh, eh, EMAIL_HASH_BYTES) == 0;
    struct claim mine = { .id = *id, .n = same ? seen.record.en : 0 }, other;
    call_release(seen.call);
    if (!same)
        return STATUS_OK;
    enum resolution resolution = RESOLVED_FREE;
    if (claim_parse(found, &other) && memcmp(&other.id, id, sizeof other.id) != 0)
        status = store_resolve_claim(s->c, eh, &other, scrub_deadline_ms(s), &resolution, err);
    if (status != STATUS_OK || resolution == RESOLVED_RESERVED)
        return status;
    if (resolution == RESOLVED_FREE)
        return set_claim(s, eh, &mine, found, err);
    s->state->violations++;
    char with[UUID_TEXT_SIZE], text[UUID_TEXT_SIZE];
    uuid_format(id, text);
    uuid_format(&other.id, with);
    LOG(s->c->options.log, LOG_ERROR, "scrub_two_customers_with_one_email", LOG_INT("bucket", uuid_bucket(id)),
        LOG_CSTR("customer", text), LOG_CSTR("other", with));
    return STATUS_OK;
}

enum status scrub_repair_claim(struct scrub *s, const struct uuid *id, const uint8_t *eh, struct slice found,
                               struct error *err)
{
    return pass_over_damage(s, repair_claim(s, id, eh, found, err), email_bucket(eh), id);
}

/* Whoever takes a claim's backing away lists it in the same step, and it is forgotten only after it went. */
static enum status is_listed(struct scrub *s, const struct uuid *id, struct slice release, bool *listed,
                             struct error *err)
{
    struct key releases = key_of_bucket(uuid_bucket(id), 'r');
    const struct slice words[] = { SLICE("SISMEMBER"), key_slice(&releases), release };
    struct call *call = NULL;
    enum status status = store_read(s->c, uuid_bucket(id), words, 3, scrub_deadline_ms(s), &call, err);
    *listed = status == STATUS_OK && reply_integer(call_reply(call)) == 1;
    call_release(call);
    return status;
}

enum status scrub_drop_claim(struct scrub *s, struct slice eh, struct slice text, struct error *err)
{
    const uint8_t *hash = (const uint8_t *)eh.ptr;
    struct claim claim;
    if (eh.len != EMAIL_HASH_BYTES)
        return STATUS_OK;
    if (!claim_parse(text, &claim)) {
        scrub_tell(s, "scrub_claim_damaged", email_bucket(hash), NULL);
        return STATUS_OK;
    }
    enum resolution resolution = RESOLVED_TAKEN;
    enum status status = store_resolve_claim(s->c, hash, &claim, scrub_deadline_ms(s), &resolution, err);
    if (status != STATUS_OK || resolution != RESOLVED_FREE)
        return pass_over_damage(s, status, uuid_bucket(&claim.id), &claim.id);
    uint8_t bytes[RELEASE_BYTES];
    memcpy(bytes, hash, EMAIL_HASH_BYTES);
    memcpy(bytes + EMAIL_HASH_BYTES, text.ptr, CLAIM_BYTES);
    uint64_t released = 0;
    bool listed = false;
    struct slice release = slice_of(bytes, sizeof bytes);
    status = is_listed(s, &claim.id, release, &listed, err);
    if (status == STATUS_OK && !listed)
        status = store_release(s->c, &release, 1, scrub_deadline_ms(s), &released, err);
    s->state->removed_orphans += released;
    if (released > 0) /* harmless: a claim that came late, after its change had been rolled back */
        LOG(s->c->options.log, LOG_WARN, "scrub_claim_without_backing_removed", LOG_INT("bucket", email_bucket(hash)));
    return pass_over_damage(s, status, email_bucket(hash), &claim.id);
}
