#include "signature.h"

#include "token_maker.h"

#include "unit.h"

#include <stdlib.h>

static struct token_key *keys[JWT_ALGS];

static int make_keys(void **state)
{
    (void)state;
    if (!signature_global_init())
        return -1;
    for (int alg = 0; alg < JWT_ALGS; alg++)
        keys[alg] = token_key_new((enum jwt_alg)alg, "k", 2048);
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    for (int alg = 0; alg < JWT_ALGS; alg++)
        token_key_free(keys[alg]);
    signature_global_clean_up();
    return 0;
}

static bool verifies(const char *token, enum jwt_alg alg, const char *key)
{
    return signature_verify(slice_cstr(token), alg, key);
}

static void each_algorithm_verifies_its_own(void **state)
{
    (void)state;
    for (int alg = 0; alg < JWT_ALGS; alg++) {
        const char *token = token_sign(keys[alg], "{\"a\":1}");
        for (int other = 0; other < JWT_ALGS; other++)
            assert_int_equal(verifies(token, (enum jwt_alg)other, token_key_jwk(keys[alg], "")), alg == other);
    }
}

static void another_key_of_the_same_kind_does_not(void **state)
{
    (void)state;
    for (int alg = 0; alg < JWT_ALGS; alg++) {
        struct token_key *other = token_key_new((enum jwt_alg)alg, "k", 2048);
        assert_false(verifies(token_sign(other, "{}"), (enum jwt_alg)alg, token_key_jwk(keys[alg], "")));
        token_key_free(other);
    }
}

/* Every single character that is changed makes it another token; bits that no byte takes up are for the reader to refuse. */
static void what_was_changed_is_refused(void **state)
{
    (void)state;
    char *token = strdup(token_sign(keys[JWT_ES256], "{\"sub\":\"a\"}"));
    const char *key = token_key_jwk(keys[JWT_ES256], "");
    assert_true(verifies(token, JWT_ES256, key));
    for (size_t i = 0; token[i] != '\0'; i++) {
        char before = token[i];
        token[i] = before == 'A' ? 'B' : 'A';
        struct jwt_header header;
        if (jwt_read_header(slice_cstr(token), &header) && verifies(token, JWT_ES256, key))
            fail_msg("accepted with another character at %zu", i);
        token[i] = before;
    }
    free(token);
}

/* RFC 7515 appendix A.3. */
static void the_standards_example_verifies(void **state)
{
    (void)state;
    static const char es256[] =
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    static const char key[] = "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                              "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}";
    assert_true(verifies(es256, JWT_ES256, key));
    /* RFC 8037 appendix A.4. */
    static const char eddsa[] = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
                                "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    static const char okp[] = "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}";
    assert_true(verifies(eddsa, JWT_EDDSA, okp));
}

static void keys_that_do_not_fit_are_told(void **state)
{
    (void)state;
    struct token_key *small = token_key_new(JWT_RS256, "k", 1024);
    assert_false(signature_key_fits(token_key_jwk(small, ""), JWT_RS256));
    token_key_free(small);
    assert_true(signature_key_fits(token_key_jwk(keys[JWT_RS256], ""), JWT_PS256));
    assert_false(signature_key_fits(token_key_jwk(keys[JWT_RS256], ""), JWT_ES256));
    assert_false(signature_key_fits(token_key_jwk(keys[JWT_ES256], ""), JWT_EDDSA));
    static const char *const bad[] = {
        "", "{}", "[]", "{\"kty\":\"RSA\"}", "{\"kty\":\"oct\",\"k\":\"AAAA\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AA\",\"y\":\"AA\"}", "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AA\"}",
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        for (int alg = 0; alg < JWT_ALGS; alg++)
            assert_false(signature_key_fits(bad[i], (enum jwt_alg)alg));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_algorithm_verifies_its_own),
        cmocka_unit_test(another_key_of_the_same_kind_does_not),
        cmocka_unit_test(what_was_changed_is_refused),
        cmocka_unit_test(the_standards_example_verifies),
        cmocka_unit_test(keys_that_do_not_fit_are_told),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
