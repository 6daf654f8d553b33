/* The attacks on bearer tokens that are known (RFC 8725), against the whole of the module. */
#include "customerd/auth/authenticator.h"

#include "fake_issuer.h"
#include "token_maker.h"

#include "unit.h"

#define NOW_S 1800000000
#define CLAIMS "{\"iss\":\"https://issuer\",\"aud\":\"customerd\",\"sub\":\"svc-1\",\"exp\":1800000600,\"scope\":\"customers:read\"}"
#define MINUTE_MS 60000

static struct token_key *rsa;
static struct token_key *ec;
static struct token_key *evil; /* has the name of the EC key, and is in no set */
static struct fake_issuer issuer;
static struct authenticator *a;

static const char *key_set(const struct token_key *one, const struct token_key *two)
{
    return two == NULL ? text_of("{\"keys\":[%s]}", token_key_jwk(one, ""))
                       : text_of("{\"keys\":[%s,%s]}", token_key_jwk(one, ""), token_key_jwk(two, ""));
}

static int make_keys(void **state)
{
    (void)state;
    rsa = token_key_new(JWT_RS256, "rsa", 2048);
    ec = token_key_new(JWT_ES256, "ec", 0);
    evil = token_key_new(JWT_ES256, "ec", 0);
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    token_key_free(rsa);
    token_key_free(ec);
    token_key_free(evil);
    return 0;
}

static bool is_ready(void *ctx)
{
    struct error err;
    (void)ctx;
    return authenticator_ready(a, &err) == STATUS_OK;
}

static int start(void **state)
{
    struct error err;
    (void)state;
    fake_issuer_init(&issuer, (int64_t)NOW_S * 1000);
    fake_issuer_answer(&issuer, 200, key_set(rsa, ec));
    const struct authenticator_options options = { .jwks = "https://issuer/keys", .issuer = "https://issuer",
                                                   .audience = "customerd", .http = &issuer.http,
                                                   .clock = &issuer.clock };
    a = authenticator_new(&options, &err);
    return a != NULL && eventually(is_ready, NULL) ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    authenticator_destroy(a);
    a = NULL;
    return 0;
}

static enum status check(const char *token, struct error *err)
{
    struct claims *claims = NULL;
    enum status status =
        authenticator_check(a, slice_cstr(token), clock_monotonic_ms(&issuer.clock) + 2000, &claims, err);
    assert_int_equal(status == STATUS_OK, claims != NULL);
    claims_release(claims);
    return status;
}

static void expect(const char *token, enum status expected)
{
    struct error err = { .detail = "" };
    enum status status = check(token, &err);
    if (status != expected)
        fail_msg("status %d, not %d (%s): %.200s", (int)status, (int)expected, err.detail, token);
    if (status == STATUS_UNAUTHORIZED)
        assert_string_equal(err.detail, "the token is not valid");
}

static uint64_t counted(const char *result)
{
    struct buf out = BUF_INIT(65536);
    authenticator_write_metrics(a, &out);
    const char *line = strstr(out.data, text_of("customerd_auth_tokens_total{result=\"%s\"} ", result));
    uint64_t n = line == NULL ? 0 : strtoull(strchr(line, ' ') + 1, NULL, 10);
    buf_clean_up(&out);
    return n;
}

static void a_good_token_says_who_calls(void **state)
{
    (void)state;
    struct claims *claims = NULL;
    struct error err;
    const struct token_key *const keys[] = { rsa, ec };
    for (size_t i = 0; i < COUNT(keys); i++) {
        assert_int_equal(authenticator_check(a, slice_cstr(token_sign(keys[i], CLAIMS)), 0, &claims, &err), STATUS_OK);
        assert_true(slice_is(claims_subject(claims), "svc-1"));
        assert_true(claims_allow(claims, "customers:read"));
        assert_false(claims_allow(claims, "customers:write"));
        claims_release(claims);
    }
}

static void a_token_is_verified_once_and_ends_in_time(void **state)
{
    (void)state;
    const char *token = token_sign(rsa, CLAIMS);
    for (int i = 0; i < 5; i++)
        expect(token, STATUS_OK);
    assert_int_equal(counted("verified"), 1);
    assert_int_equal(counted("cached"), 4);
    atomic_store(&issuer.realtime_ms, (int64_t)1800000629 * 1000);
    expect(token, STATUS_OK);
    atomic_store(&issuer.realtime_ms, (int64_t)1800000630 * 1000);
    expect(token, STATUS_UNAUTHORIZED);
}

static void without_a_signature_nothing_is_believed(void **state)
{
    (void)state;
    static const char *const headers[] = { "{\"alg\":\"none\",\"kid\":\"ec\"}", "{\"alg\":\"NONE\",\"kid\":\"ec\"}",
                                           "{\"alg\":\"\",\"kid\":\"ec\"}", "{\"alg\":\"ES256\",\"kid\":\"ec\"}" };
    for (size_t i = 0; i < COUNT(headers); i++)
        for (size_t len = 0; len <= 64; len += 32)
            expect(token_unsigned(headers[i], CLAIMS, len), STATUS_UNAUTHORIZED);
}

/* The verifier must not take the public key for the secret of an HMAC. */
static void key_confusion_fails(void **state)
{
    (void)state;
    const char *jwk = token_key_jwk(rsa, "");
    expect(token_sign_hmac(jwk, strlen(jwk), "{\"alg\":\"HS256\",\"kid\":\"rsa\"}", CLAIMS), STATUS_UNAUTHORIZED);
    expect(token_sign_hmac(jwk, strlen(jwk), "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", CLAIMS), STATUS_UNAUTHORIZED);
    expect(token_sign_hmac("", 0, "{\"alg\":\"HS256\",\"kid\":\"rsa\"}", CLAIMS), STATUS_UNAUTHORIZED);
}

static void another_s_key_fails_wherever_the_token_points(void **state)
{
    (void)state;
    const char *const headers[] = {
        "{\"alg\":\"ES256\",\"kid\":\"ec\"}",
        "{\"alg\":\"ES256\",\"kid\":\"ec\",\"jku\":\"https://evil/keys\"}",
        "{\"alg\":\"ES256\",\"kid\":\"ec\",\"x5u\":\"https://evil/cert\"}",
        text_of("{\"alg\":\"ES256\",\"kid\":\"ec\",\"jwk\":%s}", token_key_jwk(evil, "")),
        "{\"alg\":\"ES256\",\"kid\":\"../ec\"}", "{\"alg\":\"ES256\",\"kid\":\"rsa\"}", "{\"alg\":\"ES256\"}",
        "{\"alg\":\"ES256\",\"kid\":\"unknown\"}",
    };
    for (size_t i = 0; i < COUNT(headers); i++)
        expect(token_sign_text(evil, headers[i], CLAIMS), STATUS_UNAUTHORIZED);
    /* What points elsewhere is not even looked at: signed with our key it is a good token. */
    for (size_t i = 0; i < 4; i++)
        expect(token_sign_text(ec, headers[i], CLAIMS), STATUS_OK);
    assert_int_equal(atomic_load(&issuer.fetches), 1);
}

static void what_is_not_for_this_service_or_time_fails(void **state)
{
    (void)state;
    static const char *const claims[] = {
        "{\"iss\":\"https://other\",\"aud\":\"customerd\",\"sub\":\"s\",\"exp\":1800000600}",
        "{\"iss\":\"https://issuer\",\"aud\":\"other\",\"sub\":\"s\",\"exp\":1800000600}",
        "{\"iss\":\"https://issuer\",\"aud\":\"customerd\",\"sub\":\"s\",\"exp\":1799999970}",
        "{\"iss\":\"https://issuer\",\"aud\":\"customerd\",\"sub\":\"s\",\"exp\":1800000600,\"nbf\":1800000031}",
        "{\"iss\":\"https://issuer\",\"aud\":\"customerd\",\"sub\":\"s\"}",
    };
    for (size_t i = 0; i < COUNT(claims); i++)
        expect(token_sign(ec, claims[i]), STATUS_UNAUTHORIZED);
}

static void tampered_parts_fail(void **state)
{
    (void)state;
    const char *read = token_sign(ec, CLAIMS);
    const char *write = token_sign(ec, "{\"iss\":\"https://issuer\",\"aud\":\"customerd\",\"sub\":\"s\",\"exp\":1800000600,"
                                       "\"scope\":\"admin\"}");
    int header = (int)(strchr(read, '.') - read);
    const char *signature = strrchr(read, '.');
    const char *admin = strchr(write, '.') + 1;
    expect(text_of("%.*s.%.*s%s", header, read, (int)(strchr(admin, '.') - admin), admin, signature), STATUS_UNAUTHORIZED);
    expect(text_of("%.*s", (int)strlen(read) - 1, read), STATUS_UNAUTHORIZED);
    expect(text_of("%sA", read), STATUS_UNAUTHORIZED);
    expect(text_of("%s=", read), STATUS_UNAUTHORIZED);
    expect("", STATUS_UNAUTHORIZED);
    char long_token[9000];
    memset(long_token, 'A', sizeof long_token - 1);
    long_token[sizeof long_token - 1] = '\0';
    expect(long_token, STATUS_UNAUTHORIZED);
    expect(read, STATUS_OK);
}

static void a_new_key_is_fetched_when_it_is_first_met(void **state)
{
    (void)state;
    struct token_key *next = token_key_new(JWT_EDDSA, "next", 0);
    const char *token = token_sign(next, CLAIMS);
    expect(token, STATUS_UNAUTHORIZED); /* the issuer does not know it yet */
    fake_issuer_answer(&issuer, 200, key_set(rsa, next));
    atomic_fetch_add(&issuer.skipped_ms, MINUTE_MS);
    expect(token, STATUS_OK);
    token_key_free(next);
}

static void a_withdrawn_key_ends_what_it_signed(void **state)
{
    (void)state;
    struct token_key *next = token_key_new(JWT_EDDSA, "next", 0);
    const char *old = token_sign(ec, CLAIMS);
    expect(old, STATUS_OK);
    fake_issuer_answer(&issuer, 200, key_set(next, NULL));
    atomic_fetch_add(&issuer.skipped_ms, MINUTE_MS);
    expect(token_sign(next, CLAIMS), STATUS_OK);
    expect(old, STATUS_UNAUTHORIZED);
    token_key_free(next);
}

/* Known keys go on; what can't be judged meanwhile is not called wrong. */
static void an_outage_of_the_issuer(void **state)
{
    (void)state;
    fake_issuer_answer(&issuer, 0, NULL);
    atomic_fetch_add(&issuer.skipped_ms, MINUTE_MS);
    expect(token_sign_text(evil, "{\"alg\":\"ES256\",\"kid\":\"unknown\"}", CLAIMS), STATUS_AUTH_UNAVAILABLE);
    expect(token_sign(ec, CLAIMS), STATUS_OK);
    expect("not a token", STATUS_UNAUTHORIZED);
}

static void without_keys_nothing_can_be_judged(void **state)
{
    (void)state;
    struct error err;
    authenticator_destroy(a);
    fake_issuer_init(&issuer, (int64_t)NOW_S * 1000);
    const struct authenticator_options options = { .jwks = "https://issuer/keys", .issuer = "https://issuer",
                                                   .audience = "customerd", .http = &issuer.http,
                                                   .clock = &issuer.clock };
    a = authenticator_new(&options, &err);
    assert_non_null(a);
    assert_int_equal(authenticator_ready(a, &err), STATUS_AUTH_UNAVAILABLE);
    assert_int_equal(check(token_sign(ec, CLAIMS), &err), STATUS_AUTH_UNAVAILABLE);
    assert_true(err.retry_after_s > 0);
    fake_issuer_answer(&issuer, 200, key_set(ec, NULL));
    assert_true(eventually(is_ready, NULL));
    expect(token_sign(ec, CLAIMS), STATUS_OK);
}

static void a_file_without_keys_stops_the_start(void **state)
{
    (void)state;
    struct error err;
    const struct authenticator_options options = { .jwks = "/nowhere", .issuer = "i", .audience = "a",
                                                   .http = &issuer.http, .clock = &issuer.clock };
    assert_null(authenticator_new(&options, &err));
    assert_non_null(strstr(err.detail, "/nowhere"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_token_says_who_calls, start, stop),
        cmocka_unit_test_setup_teardown(a_token_is_verified_once_and_ends_in_time, start, stop),
        cmocka_unit_test_setup_teardown(without_a_signature_nothing_is_believed, start, stop),
        cmocka_unit_test_setup_teardown(key_confusion_fails, start, stop),
        cmocka_unit_test_setup_teardown(another_s_key_fails_wherever_the_token_points, start, stop),
        cmocka_unit_test_setup_teardown(what_is_not_for_this_service_or_time_fails, start, stop),
        cmocka_unit_test_setup_teardown(tampered_parts_fail, start, stop),
        cmocka_unit_test_setup_teardown(a_new_key_is_fetched_when_it_is_first_met, start, stop),
        cmocka_unit_test_setup_teardown(a_withdrawn_key_ends_what_it_signed, start, stop),
        cmocka_unit_test_setup_teardown(an_outage_of_the_issuer, start, stop),
        cmocka_unit_test_setup_teardown(without_keys_nothing_can_be_judged, start, stop),
        cmocka_unit_test_setup_teardown(a_file_without_keys_stops_the_start, start, stop),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
