#include "keys.h"

#include "unit.h"

#include "customerd/memorydb/cluster.h"

static void every_tag_lies_in_the_slot_of_its_bucket(void **state)
{
    (void)state;
    for (int b = 0; b < BUCKETS; b++) {
        assert_int_equal(strlen(bucket_tag((uint8_t)b)), 3);
        struct key key = key_of_bucket((uint8_t)b, 'i');
        assert_int_equal(cluster_key_slot(key_slice(&key)), 64 * b + 32);
        assert_int_equal(bucket_slot((uint8_t)b), 64 * b + 32);
    }
}

static void all_keys_of_a_bucket_lie_in_its_slot(void **state)
{
    (void)state;
    struct uuid id;
    uint8_t hash[EMAIL_HASH_BYTES] = { 0x7b, '{', '}', 0 };
    assert_true(uuid_new(1700000000000, 0x7b, &id));
    const struct key keys[] = { key_record(&id), key_claims(hash), key_claims_at(0x7b, 0xff), key_marker(0x7b, hash),
                                key_opened(0x7b, hash) };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_int_equal(cluster_key_slot(key_slice(&keys[i])), bucket_slot(0x7b));
}

static void names_are_in_hexadecimal(void **state)
{
    (void)state;
    uint8_t hash[EMAIL_HASH_BYTES] = { 0x00, '{', '*', 0xff };
    struct key marker = key_marker(0, hash), claims = key_claims(hash);
    assert_true(slice_is(key_slice(&marker), "{021}k007b2aff000000000000000000000000"));
    assert_true(slice_is(key_slice(&claims), "{021}u7b"));
    assert_int_equal(email_bucket(hash), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tag_lies_in_the_slot_of_its_bucket),
        cmocka_unit_test(all_keys_of_a_bucket_lie_in_its_slot),
        cmocka_unit_test(names_are_in_hexadecimal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
