#include "key_set.h"

#include "signature.h"
#include "token_maker.h"

#include "unit.h"

static struct token_key *rsa;
static struct token_key *ec;

static int make_keys(void **state)
{
    (void)state;
    rsa = token_key_new(JWT_RS256, "rsa", 2048);
    ec = token_key_new(JWT_ES256, "ec", 0);
    return signature_global_init() ? 0 : -1;
}

static int free_keys(void **state)
{
    (void)state;
    token_key_free(rsa);
    token_key_free(ec);
    signature_global_clean_up();
    return 0;
}

static struct key_set *parse(const char *text, struct error *err)
{
    return key_set_parse(slice_cstr(text), err);
}

static struct key_set *set_of(const char *keys)
{
    struct error err;
    struct key_set *s = parse(text_of("{\"keys\":[%s]}", keys), &err);
    if (s == NULL)
        fail_msg("%s", err.detail);
    return s;
}

static bool has(const struct key_set *s, const char *kid, enum jwt_alg alg)
{
    struct jwt_header header = { .alg = alg };
    (void)snprintf(header.kid, sizeof header.kid, "%s", kid);
    return key_set_find(s, &header) != NULL;
}

static void keys_are_found_by_name_and_algorithm(void **state)
{
    (void)state;
    struct key_set *s = set_of(text_of("%s,%s", token_key_jwk(rsa, ""), token_key_jwk(ec, ",\"use\":\"sig\"")));
    assert_int_equal(key_set_count(s), 2);
    assert_true(has(s, "rsa", JWT_RS256));
    assert_true(has(s, "rsa", JWT_PS256));
    assert_true(has(s, "ec", JWT_ES256));
    assert_false(has(s, "ec", JWT_RS256));
    assert_false(has(s, "RSA", JWT_RS256));
    key_set_release(s);
}

static void what_a_key_is_for_counts(void **state)
{
    (void)state;
    struct key_set *s = set_of(token_key_jwk(rsa, ",\"alg\":\"PS256\",\"key_ops\":[\"verify\"]"));
    assert_true(has(s, "rsa", JWT_PS256));
    assert_false(has(s, "rsa", JWT_RS256));
    key_set_release(s);
}

/* Each stands beside one that can serve. */
static void keys_that_can_not_serve_are_left_out(void **state)
{
    (void)state;
    struct token_key *small = token_key_new(JWT_RS256, "small", 1024);
    const char *const bad[] = {
        "{\"kty\":\"oct\",\"kid\":\"h\",\"k\":\"AAAA\",\"alg\":\"HS256\"}", token_key_jwk(small, ""),
        token_key_jwk(rsa, ",\"use\":\"enc\""), token_key_jwk(rsa, ",\"key_ops\":[\"sign\"]"),
        token_key_jwk(rsa, ",\"d\":\"AAAA\""), token_key_jwk(rsa, ",\"alg\":\"HS256\""), "7", "{}",
        "{\"kty\":\"RSA\",\"kid\":\"x\",\"n\":\"%%\",\"e\":\"AQAB\"}", "{\"kty\":\"EC\",\"kid\":\"\",\"crv\":\"P-256\"}",
        "{\"kty\":\"EC\",\"kid\":\"p384\",\"crv\":\"P-384\",\"x\":\"AA\",\"y\":\"AA\"}",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct key_set *s = set_of(text_of("%s,%s", bad[i], token_key_jwk(ec, "")));
        if (key_set_count(s) != 1)
            fail_msg("taken: %s", bad[i]);
        key_set_release(s);
    }
    token_key_free(small);
}

static void what_is_no_key_set_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *says;
    } bad[] = {
        { "", "not JSON" }, { "<html>", "not JSON: line 1, column" }, { "[]", "no array" }, { "{\"keys\":{}}", "no array" },
        { "{\"keys\":[{}],\"keys\":[]}", "not JSON" }, { "{\"keys\":null}", "no array" },
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct error err;
        assert_null(parse(bad[i].text, &err));
        if (strstr(err.detail, bad[i].says) == NULL)
            fail_msg("%s: %s", bad[i].text, err.detail);
    }
}

static void at_most_64_keys_are_kept(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(KEY_SET_MAX_BYTES);
    for (int i = 0; i < 70; i++)
        buf_appendf(&text, "%s%s", i == 0 ? "" : ",", token_key_jwk(ec, ""));
    struct key_set *s = set_of(text.data);
    assert_int_equal(key_set_count(s), 64);
    key_set_release(s);
    buf_clean_up(&text);
}

static void a_set_may_have_no_key_left(void **state)
{
    (void)state;
    static const char *const keys[] = { "", "{}", "{\"kty\":\"oct\",\"kid\":\"a\",\"k\":\"AA\"}" };
    for (size_t i = 0; i < COUNT(keys); i++) {
        struct key_set *s = set_of(keys[i]);
        assert_int_equal(key_set_count(s), 0);
        key_set_release(s);
    }
}

static void a_withdrawn_or_changed_key_is_seen(void **state)
{
    (void)state;
    struct token_key *again = token_key_new(JWT_RS256, "rsa", 2048);
    struct key_set *both = set_of(text_of("%s,%s", token_key_jwk(rsa, ""), token_key_jwk(ec, "")));
    struct key_set *one = set_of(token_key_jwk(rsa, ",\"x5t\":\"new\""));
    struct key_set *other = set_of(text_of("%s,%s", token_key_jwk(again, ""), token_key_jwk(ec, "")));
    assert_true(key_set_is_within(one, both));
    assert_false(key_set_is_within(both, one));
    assert_false(key_set_is_within(both, other));
    key_set_release(both);
    key_set_release(one);
    key_set_release(other);
    token_key_free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_found_by_name_and_algorithm),
        cmocka_unit_test(what_a_key_is_for_counts),
        cmocka_unit_test(keys_that_can_not_serve_are_left_out),
        cmocka_unit_test(what_is_no_key_set_is_told),
        cmocka_unit_test(at_most_64_keys_are_kept),
        cmocka_unit_test(a_set_may_have_no_key_left),
        cmocka_unit_test(a_withdrawn_or_changed_key_is_seen),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
