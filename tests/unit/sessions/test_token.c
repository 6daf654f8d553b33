#include "customerd/sessions/token.h"

#include "unit.h"

static const struct session_token some = {
    .bucket = 0x9e,
    .secret = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31 },
};
#define SOME "9eAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

static void a_token_is_its_bucket_and_its_secret(void **state)
{
    (void)state;
    char text[SESSION_TOKEN_SIZE];
    struct session_token again;
    session_token_format(&some, text);
    assert_string_equal(text, SOME);
    assert_true(session_token_parse(slice_cstr(text), &again));
    assert_int_equal(again.bucket, 0x9e);
    assert_memory_equal(again.secret, some.secret, sizeof some.secret);
}

static void every_other_text_is_none(void **state)
{
    (void)state;
    const char *const none[] = { "", "9", "9e", "9E" "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", SOME "A", SOME "=",
                                 "9gAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "9eAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9",
                                 "9e+AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", " " SOME,
                                 "9eAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh" };
    for (size_t i = 0; i < COUNT(none); i++) {
        struct session_token token;
        char *copy = exact_copy(none[i], strlen(none[i]));
        if (session_token_parse(slice_of(copy, strlen(none[i])), &token))
            fail_msg("taken: %s", none[i]);
        free(copy);
    }
}

static void its_name_is_a_hash_of_the_secret(void **state)
{
    (void)state;
    /* The first half of SHA-256 of the bytes 0 to 31. */
    static const uint8_t expected[SESSION_HASH_BYTES] = { 0x63, 0x0d, 0xcd, 0x29, 0x66, 0xc4, 0x33, 0x66,
                                                          0x91, 0x12, 0x54, 0x48, 0xbb, 0xb2, 0x5b, 0x4f };
    struct session_name name;
    assert_true(session_token_name(&some, &name));
    assert_int_equal(name.bucket, 0x9e);
    assert_memory_equal(name.hash, expected, sizeof expected);
}

static void new_ones_differ(void **state)
{
    (void)state;
    struct session_token a;
    struct session_token b;
    assert_true(session_token_new(7, &a) && session_token_new(7, &b));
    assert_int_equal(a.bucket, 7);
    assert_memory_not_equal(a.secret, b.secret, sizeof a.secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_its_bucket_and_its_secret),
        cmocka_unit_test(every_other_text_is_none),
        cmocka_unit_test(its_name_is_a_hash_of_the_secret),
        cmocka_unit_test(new_ones_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
