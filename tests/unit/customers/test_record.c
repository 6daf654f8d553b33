#include "record.h"

#include "unit.h"

#define HEAD "\x01" "\0\0\0\0\0\x07" "\x01\x93\0\0\0\x02" 
#define EN "\0\x01\0\0\0\x03"
#define BN "\0\x01\0\0\0\x09"
#define EH "0123456789abcdef"

static void a_record_with_email_is_read(void **state)
{
    (void)state;
    static const char text[] = HEAD EN BN EH "body";
    struct record record;
    assert_true(record_parse(slice_of(text, sizeof text - 1), &record));
    assert_int_equal(record.version, 7);
    assert_int_equal(record.updated_ms, 0x019300000002);
    assert_int_equal(record.en, 0x100000003);
    assert_int_equal(record.bn, 0x100000009);
    assert_memory_equal(record.eh, EH, EMAIL_HASH_BYTES);
    assert_true(slice_is(record.body, "body"));
}

static void a_record_without_email_has_no_hash(void **state)
{
    (void)state;
    static const char text[] = HEAD "\0\0\0\0\0\0" BN "body";
    struct record record;
    assert_true(record_parse(slice_of(text, sizeof text - 1), &record));
    assert_null(record.eh);
    assert_true(slice_is(record.body, "body"));
}

static void a_record_that_is_cut_or_of_another_format_is_refused(void **state)
{
    (void)state;
    static const char text[] = HEAD EN BN EH;
    struct record record;
    for (size_t len = 0; len < sizeof text - 1; len++)
        assert_false(record_parse(slice_of(text, len), &record));
    static const char other[] = "\x02" "\0\0\0\0\0\0" "\0\0\0\0\0\0" "\0\0\0\0\0\0" "\0\0\0\0\0\0";
    assert_false(record_parse(slice_of(other, sizeof other - 1), &record));
}

static void a_claim_survives_writing_and_reading(void **state)
{
    (void)state;
    struct claim claim = { .n = 0x0102030405ff }, back;
    memcpy(claim.id.bytes, EH, UUID_BYTES);
    uint8_t text[CLAIM_BYTES];
    claim_format(&claim, text);
    assert_memory_equal(text + UUID_BYTES, "\x01\x02\x03\x04\x05\xff", 6);
    assert_true(claim_parse(slice_of(text, sizeof text), &back));
    assert_int_equal(back.n, claim.n);
    assert_memory_equal(back.id.bytes, EH, UUID_BYTES);
    assert_false(claim_parse(slice_of(text, sizeof text - 1), &back));
    assert_false(claim_parse(slice_of("", 0), &back));
}

static void an_intent_is_read_and_bounded(void **state)
{
    (void)state;
    static const char text[] = "\0\x01\0\0\0\x09" EH "\x01\x93\0\0\0\x05" "attempt1" "operation-0123-0";
    struct intent intent;
    assert_true(intent_parse(slice_of(text, 52), &intent));
    assert_int_equal(intent.n, 0x100000009);
    assert_int_equal(intent.deadline_ms, 0x019300000005);
    assert_memory_equal(intent.eh, EH, EMAIL_HASH_BYTES);
    assert_false(intent_parse(slice_of(text, 51), &intent));
}

static void a_marker_is_read_and_bounded(void **state)
{
    (void)state;
    static const char text[] = "FFFFFFFFFFFFFFFF" "attempt1" EH "\0\0\0\0\0\x07" "\x01\x93\0\0\0\x02" "body";
    struct marker marker;
    assert_true(marker_parse(slice_of(text, sizeof text - 1), &marker));
    assert_int_equal(marker.version, 7);
    assert_int_equal(marker.updated_ms, 0x019300000002);
    assert_memory_equal(marker.id.bytes, EH, UUID_BYTES);
    assert_true(slice_is(marker.fingerprint, "FFFFFFFFFFFFFFFF"));
    assert_true(slice_is(marker.body, "body"));
    assert_true(marker_parse(slice_of(text, 52), &marker));
    assert_int_equal(marker.body.len, 0);
    assert_false(marker_parse(slice_of(text, 51), &marker));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_with_email_is_read),
        cmocka_unit_test(a_record_without_email_has_no_hash),
        cmocka_unit_test(a_record_that_is_cut_or_of_another_format_is_refused),
        cmocka_unit_test(a_claim_survives_writing_and_reading),
        cmocka_unit_test(an_intent_is_read_and_bounded),
        cmocka_unit_test(a_marker_is_read_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
