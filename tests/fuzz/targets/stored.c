/* What is read from the database: records, claims, intents and markers of any bytes. What is taken for a customer is the one
 * encoding of it. */
#include "fuzz.h"

#include "record.h"

#include "customerd/customers/customer.h"

static void check_body(struct slice body)
{
    struct customer c;
    struct buf again = BUF_INIT(1u << 20);
    customer_init(&c);
    if (customer_decode(body, &c)) {
        customer_encode(&c, &again);
        REQUIRE(buf_ok(&again) && slice_equal(buf_slice(&again), body));
        const struct customer_stamp stamp = { .version = 1 };
        buf_clear(&again);
        customer_render(&stamp, &c, &again);
        REQUIRE(buf_ok(&again) && again.data[0] == '{' && again.data[again.len - 1] == '}');
    }
    customer_clean_up(&c);
    buf_clean_up(&again);
}

static void check_record(struct slice text)
{
    struct record r;
    if (!record_parse(text, &r))
        return;
    REQUIRE(r.version < UINT64_C(1) << 48 && r.updated_ms >= 0 && (r.eh != NULL) == (r.en > 0));
    REQUIRE(r.body.ptr + r.body.len == text.ptr + text.len);
    check_body(r.body);
}

static void check_claim(struct slice text)
{
    struct claim claim;
    uint8_t again[CLAIM_BYTES];
    if (!claim_parse(text, &claim))
        return;
    claim_format(&claim, again);
    REQUIRE(memcmp(again, text.ptr, CLAIM_BYTES) == 0);
}

static void check_intent(struct slice text)
{
    struct intent intent;
    if (!intent_parse(text, &intent))
        return;
    REQUIRE(intent.deadline_ms >= 0 && intent.eh[EMAIL_HASH_BYTES - 1] == (uint8_t)text.ptr[6 + EMAIL_HASH_BYTES - 1]);
}

static void check_marker(struct slice text)
{
    struct marker marker;
    if (!marker_parse(text, &marker))
        return;
    REQUIRE(marker.fingerprint.len == FINGERPRINT_BYTES && marker.fingerprint.ptr == text.ptr);
    REQUIRE(marker.body.ptr + marker.body.len == text.ptr + text.len);
    check_body(marker.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = fuzz_copy(slice_of(data, size));
    struct slice text = slice_of(copy, size);
    check_record(text);
    check_claim(text);
    check_intent(text);
    check_marker(text);
    check_body(text);
    free(copy);
    return 0;
}
