#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake_env.h"

#define GOOD "{\"Code\":\"Success\",\"AccessKeyId\":\"id\",\"SecretAccessKey\":\"secret\",\"Token\":\"token\"," \
             "\"Expiration\":\"2023-11-15T04:13:20Z\"}"

static enum credentials_result ask(struct fake_env *f, struct credentials *c, struct error *err)
{
    *c = (struct credentials){ .source = NULL };
    return credentials_from_imds(&f->env, c, err);
}

static void a_session_comes_first_and_goes_with_every_request(void **state)
{
    (void)state;
    struct fake_env f;
    struct credentials c;
    struct error err;
    fake_env_init(&f);
    fake_reply(&f, 200, "session");
    fake_reply(&f, 200, "my-role\n");
    fake_reply(&f, 200, GOOD);
    expect_found(ask(&f, &c, &err), &c, "imds", "id", "secret", "token");
    assert_int_equal(f.n_requests, 3);
    assert_string_equal(f.requests[0].method, "PUT");
    assert_string_equal(f.requests[0].url, "http://169.254.169.254/latest/api/token");
    assert_string_equal(f.requests[0].headers, "X-aws-ec2-metadata-token-ttl-seconds: 21600\n");
    assert_string_equal(f.requests[1].url, "http://169.254.169.254/latest/meta-data/iam/security-credentials/");
    assert_string_equal(f.requests[1].headers, "X-aws-ec2-metadata-token: session\n");
    assert_string_equal(f.requests[2].url, "http://169.254.169.254/latest/meta-data/iam/security-credentials/my-role");
    assert_string_equal(f.requests[2].headers, "X-aws-ec2-metadata-token: session\n");
}

static void the_first_version_is_never_used(void **state)
{
    (void)state;
    static const int refusals[] = { 400, 403, 404, 405, 503, 0 };
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct fake_env f;
        struct credentials c;
        struct error err;
        fake_env_init(&f);
        fake_reply(&f, refusals[i], "");
        expect_failed(ask(&f, &c, &err), &err, "imds");
        for (size_t k = 0; k < f.n_requests; k++)
            assert_string_equal(f.requests[k].method, "PUT");
    }
}

static void endpoint_and_mode_are_honoured(void **state)
{
    (void)state;
    struct fake_env f;
    struct credentials c;
    struct error err;
    fake_env_init(&f);
    fake_reply(&f, 403, "");
    fake_set(&f, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6");
    expect_failed(ask(&f, &c, &err), &err, "403");
    assert_string_equal(f.requests[0].url, "http://[fd00:ec2::254]/latest/api/token");
    fake_set(&f, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1338/");
    expect_failed(ask(&f, &c, &err), &err, "403");
    assert_string_equal(f.requests[1].url, "http://127.0.0.1:1338/latest/api/token");
    fake_set(&f, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "gopher://x");
    expect_failed(ask(&f, &c, &err), &err, "not an http URL");
    fake_set(&f, "AWS_EC2_METADATA_DISABLED", "True");
    assert_int_equal(ask(&f, &c, &err), CREDENTIALS_ABSENT);
    assert_int_equal(f.n_requests, 2);
}

static void expect_refused(const char *session, const char *role, const char *keys, const char *word)
{
    struct fake_env f;
    struct credentials c;
    struct error err;
    fake_env_init(&f);
    fake_reply(&f, 200, session);
    fake_reply(&f, 200, role);
    fake_reply(&f, 200, keys);
    expect_failed(ask(&f, &c, &err), &err, word);
}

static void odd_answers_are_refused(void **state)
{
    (void)state;
    expect_refused("", "role", GOOD, "session's token");
    expect_refused("a\r\nb", "role", GOOD, "session's token");
    expect_refused("s", "../../x", GOOD, "role's name");
    expect_refused("s", "", GOOD, "role's name");
    expect_refused("s", "<html>", GOOD, "role's name");
    expect_refused("s", "role", "{\"Code\":\"Failed\"}", "Code");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_comes_first_and_goes_with_every_request),
        cmocka_unit_test(the_first_version_is_never_used),
        cmocka_unit_test(endpoint_and_mode_are_honoured),
        cmocka_unit_test(odd_answers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
