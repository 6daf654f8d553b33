#include "customerd/core/crypto.h"

#include "unit.h"

#include <limits.h>

static void assert_hex(const uint8_t *bytes, const char *expected)
{
    char text[2 * SHA256_BYTES + 1];
    hex_encode(bytes, SHA256_BYTES, text);
    assert_string_equal(text, expected);
}

static void sha256_matches_fips_180_vectors(void **state)
{
    (void)state;
    uint8_t digest[SHA256_BYTES];
    assert_true(sha256(slice_cstr("abc"), digest));
    assert_hex(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_true(sha256(slice_cstr(NULL), digest));
    assert_hex(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static int rests;

static void count_rest(void)
{
    rests++;
}

static void sha256_with_rests_is_the_same_and_rests_between_pieces(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        int rests;
    } cases[] = { { 0, 0 }, { 1, 0 }, { 262144, 0 }, { 262145, 1 }, { 1000000, 3 } };
    char *bytes = repeated("0123456789", 100000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t whole[SHA256_BYTES], pieces[SHA256_BYTES];
        rests = 0;
        assert_true(sha256(slice_of(bytes, cases[i].len), whole));
        assert_true(sha256_with_rests(slice_of(bytes, cases[i].len), count_rest, pieces));
        assert_memory_equal(whole, pieces, SHA256_BYTES);
        assert_int_equal(rests, cases[i].rests);
    }
    free(bytes);
}

static void hmac_matches_rfc_4231_vectors(void **state)
{
    (void)state;
    uint8_t digest[SHA256_BYTES];
    uint8_t long_key[131];
    assert_true(hmac_sha256(slice_cstr("Jefe"), slice_cstr("what do ya want for nothing?"), digest));
    assert_hex(digest, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(long_key, 0xaa, sizeof long_key);
    assert_true(hmac_sha256(slice_of(long_key, sizeof long_key),
                            slice_cstr("Test Using Larger Than Block-Size Key - Hash Key First"), digest));
    assert_hex(digest, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void hmac_takes_empty_keys_and_data(void **state)
{
    (void)state;
    uint8_t digest[SHA256_BYTES];
    assert_true(hmac_sha256(slice_cstr(NULL), slice_cstr(NULL), digest));
    assert_hex(digest, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void sha1_names_scripts_as_redis_does(void **state)
{
    (void)state;
    char hex[41];
    assert_true(sha1_hex(slice_cstr("return 1"), hex));
    assert_string_equal(hex, "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
}

static void random_bytes_differ(void **state)
{
    (void)state;
    uint8_t a[32] = { 0 };
    uint8_t b[32] = { 0 };
    assert_true(random_bytes(a, sizeof a));
    assert_true(random_bytes(b, sizeof b));
    assert_memory_not_equal(a, b, sizeof a);
    assert_true(random_bytes(NULL, 0));
}

static void comparison_and_wiping(void **state)
{
    (void)state;
    char bytes[] = "secret";
    assert_true(crypto_equal("abc", "abc", 3));
    assert_false(crypto_equal("abc", "abd", 3));
    assert_true(crypto_equal(NULL, NULL, 0));
    crypto_wipe(bytes, sizeof bytes);
    assert_memory_equal(bytes, "\0\0\0\0\0\0", sizeof bytes);
    crypto_wipe(NULL, 0);
}

static void base64url_has_no_padding(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        { "", "" }, { "f", "Zg" }, { "fo", "Zm8" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg" }, { "\xfb\xff\xfe", "-__-" },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct buf b = BUF_INIT(100);
        uint8_t back[16];
        base64url_encode(&b, slice_cstr(pairs[i][0]));
        assert_true(slice_is(buf_slice(&b), pairs[i][1]));
        int len = base64url_decode(buf_slice(&b), back, sizeof back);
        assert_int_equal(len, strlen(pairs[i][0]));
        assert_memory_equal(back, pairs[i][0], (size_t)len);
        buf_clean_up(&b);
    }
}

static void base64url_refuses_what_is_not_its_own(void **state)
{
    (void)state;
    static const char *const bad[] = { "Z", "Zg==", "Zh", "Zm9", "Z+8v", "Zm/v", "Zm 9", "Zm9vY", "\xff\xff", "Zg\n" };
    uint8_t out[16];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(base64url_decode(slice_cstr(bad[i]), out, sizeof out), -1);
    assert_int_equal(base64url_decode(slice_cstr("Zm9v"), out, 2), -1);
    assert_int_equal(base64url_decode(slice_cstr("Zm9v"), out, 3), 3);
}

static void base64url_knows_its_64_letters_alone(void **state)
{
    (void)state;
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (int byte = 0; byte <= UCHAR_MAX; byte++) {
        const char text[] = { 'A', 'A', 'A', (char)byte };
        const char *letter = byte == 0 ? NULL : strchr(letters, byte);
        uint8_t out[3] = { 0 };
        assert_int_equal(base64url_decode(slice_of(text, sizeof text), out, sizeof out), letter == NULL ? -1 : 3);
        if (letter != NULL)
            assert_int_equal(out[2], letter - letters);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_matches_fips_180_vectors),
        cmocka_unit_test(sha256_with_rests_is_the_same_and_rests_between_pieces),
        cmocka_unit_test(hmac_matches_rfc_4231_vectors),
        cmocka_unit_test(hmac_takes_empty_keys_and_data),
        cmocka_unit_test(sha1_names_scripts_as_redis_does),
        cmocka_unit_test(random_bytes_differ),
        cmocka_unit_test(comparison_and_wiping),
        cmocka_unit_test(base64url_has_no_padding),
        cmocka_unit_test(base64url_refuses_what_is_not_its_own),
        cmocka_unit_test(base64url_knows_its_64_letters_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
