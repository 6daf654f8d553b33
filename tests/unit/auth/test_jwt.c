#include "token_maker.h"

#include "unit.h"

#include <stdio.h>

#define NOW_S 1800000000
#define CLAIMS(more) \
    "{\"iss\":\"https://issuer\",\"aud\":\"customerd\",\"sub\":\"svc-1\",\"exp\":1800000600" more "}"

static const struct jwt_expectation expected = { "https://issuer", "customerd", NOW_S, 30 };

static bool header_is_read(const char *header, struct jwt_header *out)
{
    return jwt_read_header(slice_cstr(token_unsigned(header, "{}", 8)), out);
}

static void a_header_names_algorithm_and_key(void **state)
{
    (void)state;
    struct jwt_header h;
    assert_true(header_is_read("{\"alg\":\"PS256\",\"kid\":\"k 1\",\"typ\":\"at+JWT\",\"x5t\":\"?\"}", &h));
    assert_int_equal(h.alg, JWT_PS256);
    assert_string_equal(h.kid, "k 1");
    assert_true(header_is_read("{\"alg\":\"EdDSA\",\"kid\":\"k\"}", &h));
    assert_true(header_is_read("{\"alg\":\"ES256\",\"kid\":\"k\",\"jku\":\"https://evil\",\"jwk\":{}}", &h));
}

static void other_headers_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"alg\":\"none\",\"kid\":\"k\"}", "{\"alg\":\"None\",\"kid\":\"k\"}", "{\"alg\":\"HS256\",\"kid\":\"k\"}",
        "{\"alg\":\"RS512\",\"kid\":\"k\"}", "{\"alg\":\"rs256\",\"kid\":\"k\"}", "{\"kid\":\"k\"}",
        "{\"alg\":[\"RS256\"],\"kid\":\"k\"}", "{\"alg\":\"RS256\"}", "{\"alg\":\"RS256\",\"kid\":\"\"}",
        "{\"alg\":\"RS256\",\"kid\":7}", "{\"alg\":\"RS256\",\"kid\":\"a\\u0000b\"}", "{\"alg\":\"RS256\",\"kid\":\"\\n\"}",
        "{\"alg\":\"RS256\",\"kid\":\"k\",\"crit\":[\"b64\"]}", "{\"alg\":\"RS256\",\"kid\":\"k\",\"zip\":\"DEF\"}",
        "{\"alg\":\"RS256\",\"kid\":\"k\",\"b64\":false}", "{\"alg\":\"RS256\",\"kid\":\"k\",\"typ\":\"JWE\"}",
        "{\"alg\":\"none\",\"alg\":\"RS256\",\"kid\":\"k\"}", "[\"RS256\"]", "{\"alg\":\"RS256\",\"kid\":\"k\"", "",
        "{\"alg\":\"RS256\",\"kid\":\"k\"} {}",
    };
    struct jwt_header h;
    for (size_t i = 0; i < COUNT(bad); i++)
        if (header_is_read(bad[i], &h))
            fail_msg("accepted: %s", bad[i]);
}

static void three_parts_of_base64url_make_a_token(void **state)
{
    (void)state;
    const char *good = token_unsigned("{\"alg\":\"RS256\",\"kid\":\"k\"}", "{}", 8);
    const char *header = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ";
    const char *bad[] = {
        "", ".", "..", "a", text_of("%s.", good), text_of(".%s", good), text_of("%s.e30", header),
        text_of("%s.e30.", header), text_of("%s..AAAA", header), text_of("%s.e30.AA AA", header),
        text_of("%s.e30.AAA=", header), text_of("%s.e30.AA+/", header), text_of("%s=.e30.AAAA", header),
        text_of("%s.e30.AAAA.AAAA.AAAA", header), text_of(" %s", good), text_of("%s\n", good),
    };
    struct jwt_header h;
    assert_true(jwt_read_header(slice_cstr(good), &h));
    for (size_t i = 0; i < COUNT(bad); i++)
        if (jwt_read_header(slice_cstr(bad[i]), &h))
            fail_msg("accepted: %s", bad[i]);
}

/* jansson skips one behind a number. */
static void a_nul_is_not_skipped(void **state)
{
    (void)state;
    struct jwt_header h;
    assert_false(jwt_read_header(slice_cstr("eyJhbGciOiJSUzI1NiIsImtpZCI6ImsiLCJuIjoxAH0.e30.AAAA"), &h));
}

static void an_oversized_token_is_refused(void **state)
{
    (void)state;
    char kid[JWT_MAX_BYTES];
    struct jwt_header h;
    memset(kid, 'k', sizeof kid - 1);
    kid[sizeof kid - 1] = '\0';
    assert_false(header_is_read(text_of("{\"alg\":\"RS256\",\"kid\":\"%s\"}", kid), &h));
    assert_false(header_is_read(text_of("{\"alg\":\"RS256\",\"kid\":\"%.256s\"}", kid), &h));
    assert_true(header_is_read(text_of("{\"alg\":\"RS256\",\"kid\":\"%.255s\"}", kid), &h));
    const char *good = token_unsigned("{\"alg\":\"RS256\",\"kid\":\"k\"}", text_of("{\"x\":\"%.5000s\"}", kid), 8);
    assert_true(jwt_read_header(slice_cstr(good), &h));
    assert_false(jwt_read_header(slice_cstr(text_of("%s%.*s", good, JWT_MAX_BYTES + 1 - (int)strlen(good), kid)), &h));
}

/* "" when they are refused, else the scopes. */
static const char *scopes_of(const char *claims)
{
    struct jwt_claims c;
    jwt_claims_init(&c);
    bool ok = jwt_read_claims(slice_cstr(token_unsigned("{}", claims, 8)), &expected, &c);
    const char *scopes = ok ? text_of("%s", c.scopes.data) : "";
    jwt_claims_clean_up(&c);
    return scopes;
}

static void claims_are_read(void **state)
{
    (void)state;
    struct jwt_claims c;
    jwt_claims_init(&c);
    assert_true(jwt_read_claims(slice_cstr(token_unsigned("{}", CLAIMS(",\"scope\":\"a:b c\",\"nbf\":1800000000.5"), 8)),
                                &expected, &c));
    assert_string_equal(c.subject, "svc-1");
    assert_int_equal(c.expires_s, 1800000600);
    jwt_claims_clean_up(&c);
}

static void scopes_come_as_a_text_or_a_list(void **state)
{
    (void)state;
    assert_string_equal(scopes_of(CLAIMS("")), " ");
    assert_string_equal(scopes_of(CLAIMS(",\"scope\":\" a:r  b:w \"")), " a:r b:w ");
    assert_string_equal(scopes_of(CLAIMS(",\"scope\":[\"a:r\",7,\"b:w c:x\"]")), " a:r b:w c:x ");
    assert_string_equal(scopes_of(CLAIMS(",\"scp\":[\"a:r\"],\"scope\":\"b:w\"")), " b:w a:r ");
    assert_string_equal(scopes_of(CLAIMS(",\"scope\":{\"a\":1}")), " ");
}

static void the_audience_may_be_one_of_several(void **state)
{
    (void)state;
    static const char form[] = "{\"iss\":\"https://issuer\",\"sub\":\"s\",\"exp\":1800000600,\"aud\":%s}";
    static const char *const good[] = { "\"customerd\"", "[\"other\",\"customerd\"]" };
    static const char *const bad[] = { "\"Customerd\"", "\"customerd \"", "[]", "[\"other\"]", "[[\"customerd\"]]",
                                       "{\"customerd\":1}", "null", "\"customerd\\u0000\"" };
    for (size_t i = 0; i < COUNT(good); i++)
        assert_string_equal(scopes_of(text_of(form, good[i])), " ");
    for (size_t i = 0; i < COUNT(bad); i++)
        if (*scopes_of(text_of(form, bad[i])) != '\0')
            fail_msg("accepted: %s", bad[i]);
}

static void what_is_not_as_expected_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"iss\":\"https://issuer/\",\"aud\":\"customerd\",\"sub\":\"s\",\"exp\":1800000600}",
        "{\"aud\":\"customerd\",\"sub\":\"s\",\"exp\":1800000600}",
        "{\"iss\":\"https://issuer\",\"sub\":\"s\",\"exp\":1800000600}",
        "{\"iss\":\"https://issuer\",\"aud\":\"customerd\",\"exp\":1800000600}",
        "{\"iss\":\"https://issuer\",\"aud\":\"customerd\",\"sub\":\"s\"}",
        "{\"iss\":\"https://issuer\",\"aud\":\"customerd\",\"sub\":\"\",\"exp\":1800000600}",
        "{\"iss\":\"https://issuer\",\"aud\":\"customerd\",\"sub\":7,\"exp\":1800000600}",
        "{\"iss\":\"https://issuer\",\"aud\":\"customerd\",\"sub\":\"a\\u0000b\",\"exp\":1800000600}",
        "{\"iss\":\"https://issuer\",\"aud\":\"customerd\",\"sub\":\"a\\nb\",\"exp\":1800000600}",
        "{\"iss\":\"https://issuer\",\"aud\":\"customerd\",\"sub\":\"s\",\"exp\":\"1800000600\"}",
        "{\"iss\":\"https://issuer\",\"aud\":\"customerd\",\"sub\":\"s\",\"exp\":-1}",
        "{\"iss\":\"https://issuer\",\"aud\":\"customerd\",\"sub\":\"s\",\"exp\":1e300}",
        "{\"iss\":\"https://issuer\",\"aud\":\"customerd\",\"sub\":\"s\",\"exp\":true}",
        "{\"iss\":\"https://issuer\",\"iss\":\"https://issuer\",\"aud\":\"customerd\",\"sub\":\"s\",\"exp\":1800000600}",
        CLAIMS(",\"nbf\":1800000031"), CLAIMS(",\"nbf\":\"0\""), CLAIMS(",\"iat\":1800000031"), CLAIMS(",\"nbf\":null"),
        "[]", "", "{\"sub\":\"\xff\"}",
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        if (*scopes_of(bad[i]) != '\0')
            fail_msg("accepted: %s", bad[i]);
}

static void clocks_may_differ_by_the_leeway(void **state)
{
    (void)state;
    static const char form[] = "{\"iss\":\"https://issuer\",\"aud\":\"customerd\",\"sub\":\"s\",\"exp\":%d,\"nbf\":%d}";
    assert_string_equal(scopes_of(text_of(form, NOW_S - 29, NOW_S + 30)), " ");
    assert_string_equal(scopes_of(text_of(form, NOW_S - 30, NOW_S)), "");
    assert_string_equal(scopes_of(text_of(form, NOW_S + 60, NOW_S + 31)), "");
}

static void a_subject_has_at_most_255_bytes(void **state)
{
    (void)state;
    static const char form[] = "{\"iss\":\"https://issuer\",\"aud\":\"customerd\",\"sub\":\"%.*s\",\"exp\":1800000600}";
    char sub[300];
    memset(sub, 's', sizeof sub);
    assert_string_equal(scopes_of(text_of(form, 255, sub)), " ");
    assert_string_equal(scopes_of(text_of(form, 256, sub)), "");
    assert_string_equal(scopes_of(text_of(form, 9, "J\xc3\xb6rg \xe2\x82\xac")), " ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_names_algorithm_and_key),
        cmocka_unit_test(other_headers_are_refused),
        cmocka_unit_test(three_parts_of_base64url_make_a_token),
        cmocka_unit_test(a_nul_is_not_skipped),
        cmocka_unit_test(an_oversized_token_is_refused),
        cmocka_unit_test(claims_are_read),
        cmocka_unit_test(scopes_come_as_a_text_or_a_list),
        cmocka_unit_test(the_audience_may_be_one_of_several),
        cmocka_unit_test(what_is_not_as_expected_is_refused),
        cmocka_unit_test(clocks_may_differ_by_the_leeway),
        cmocka_unit_test(a_subject_has_at_most_255_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
