#include "store.h"

void answer_init(struct answer *a)
{
    memset(a, 0, sizeof *a);
    buf_init(&a->json, CUSTOMER_MAX_BYTES + 1024);
}

void answer_clean_up(struct answer *a)
{
    buf_clean_up(&a->json);
}

static enum status read_record(struct customers *c, const struct uuid *id, int64_t deadline_ms, struct call **call,
                               struct error *err)
{
    struct key key = key_record(id);
    const struct slice command[] = { SLICE("GET"), key_slice(&key) };
    return store_read(c, uuid_bucket(id), command, 2, deadline_ms, call, err);
}

enum status customers_get(struct customers *c, const struct uuid *id, int64_t deadline_ms, struct answer *out,
                          struct error *err)
{
    struct call *call = NULL;
    enum status status = customers_ready(c, err);
    if (status == STATUS_OK)
        status = read_record(c, id, deadline_ms, &call, err);
    if (status != STATUS_OK)
        return status;
    struct record record;
    const struct reply *reply = call_reply(call);
    if (reply_type(reply) == REPLY_NIL) {
        status = error_set(err, STATUS_NOT_FOUND, "there is no customer with this id");
    } else if (!record_parse(reply_text(reply), &record)) {
        status = error_set(err, STATUS_RECORD_DAMAGED, "the customer's record is damaged");
    } else {
        out->id = *id;
        out->version = record.version;
        status = store_render(id, record.version, record.updated_ms, record.body, &out->json, err);
    }
    call_release(call);
    return status;
}

/* Who holds the e-mail; *found is false when nobody does. */
static enum status read_claim(struct customers *c, const uint8_t eh[EMAIL_HASH_BYTES], int64_t deadline_ms,
                              struct claim *claim, bool *found, struct error *err)
{
    struct key key = key_claims(eh);
    const struct slice command[] = { SLICE("HGET"), key_slice(&key), slice_of(eh, EMAIL_HASH_BYTES) };
    struct call *call = NULL;
    enum status status = store_read(c, email_bucket(eh), command, 3, deadline_ms, &call, err);
    if (status != STATUS_OK)
        return status;
    *found = reply_type(call_reply(call)) == REPLY_STRING;
    if (*found && !claim_parse(reply_text(call_reply(call)), claim))
        status = error_set(err, STATUS_RECORD_DAMAGED, "the e-mail's claim is damaged");
    call_release(call);
    return status;
}

/* The claim says who, the record decides: a claim may be reserved, or have lost its backing. */
enum status customers_find_by_email(struct customers *c, struct slice email_normal, int64_t deadline_ms,
                                    struct page *out, struct error *err)
{
    uint8_t eh[EMAIL_HASH_BYTES];
    struct claim claim;
    bool found = false;
    enum status status = customers_ready(c, err);
    if (status == STATUS_OK)
        status = store_email_hash(c, email_normal, eh, err);
    if (status == STATUS_OK)
        status = read_claim(c, eh, deadline_ms, &claim, &found, err);
    struct call *call = NULL;
    if (status == STATUS_OK && found)
        status = read_record(c, &claim.id, deadline_ms, &call, err);
    if (status != STATUS_OK || !found)
        return status;
    struct record record;
    const struct reply *reply = call_reply(call);
    if (reply_type(reply) == REPLY_STRING) {
        if (!record_parse(reply_text(reply), &record)) {
            status = error_set(err, STATUS_RECORD_DAMAGED, "the customer's record is damaged");
        } else if (record.eh != NULL && memcmp(record.eh, eh, EMAIL_HASH_BYTES) == 0) {
            status = store_render(&claim.id, record.version, record.updated_ms, record.body, &out->items, err);
            out->count = 1;
        }
    }
    call_release(call);
    return status;
}
