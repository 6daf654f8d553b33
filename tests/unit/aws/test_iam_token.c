#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "customerd/aws/iam_token.h"
#include "customerd/core/timestamp.h"

static struct credentials keys(const char *id, const char *secret, const char *token)
{
    struct credentials c = { .expires_at_ms = CREDENTIALS_NEVER_EXPIRE, .source = "test" };
    assert_true(secret_set(&c.access_key_id, slice_cstr(id)));
    assert_true(secret_set(&c.secret_access_key, slice_cstr(secret)));
    assert_true(secret_set(&c.session_token, slice_cstr(token)));
    return c;
}

static int64_t at(const char *time)
{
    int64_t ms = 0;
    assert_true(timestamp_parse_rfc3339(slice_cstr(time), &ms));
    return ms / 1000;
}

static void expect_token(const struct iam_token_options *options, struct credentials c, const char *time, const char *want)
{
    struct secret token = SECRET_INIT;
    struct error err = { .code = STATUS_OK };
    assert_int_equal(iam_token_mint(options, &c, at(time), &token, &err), STATUS_OK);
    assert_string_equal(token.ptr, want);
    secret_clean_up(&token);
    credentials_clean_up(&c);
}

/* The vector of Envoy's authenticator, which sorts the signature in; the signature is what counts. */
static void a_token_with_a_session_token_equals_the_public_vector(void **state)
{
    (void)state;
    struct iam_token_options o = { .service = "elasticache", .resource = "cachename", .user = "test",
                                   .region = "region", .ttl_s = 60 };
    expect_token(&o, keys("akid", "secret", "token"), "2018-01-02T03:04:05Z",
                 "cachename/?Action=connect&User=test&X-Amz-Algorithm=AWS4-HMAC-SHA256"
                 "&X-Amz-Credential=akid%2F20180102%2Fregion%2Felasticache%2Faws4_request&X-Amz-Date=20180102T030405Z"
                 "&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Security-Token=token"
                 "&X-Amz-Signature=3bf9d8841acb6db28373efcab8b9ccf1076a7a9ab39faf489002fa0555a1f89c");
}

static void a_serverless_token_equals_the_public_vector(void **state)
{
    (void)state;
    struct iam_token_options o = { .service = "elasticache", .resource = "my-cache", .user = "user123",
                                   .region = "eu-west-1", .serverless = true, .ttl_s = 900 };
    expect_token(&o, keys("accessKey", "secretKey", ""), "2024-08-02T12:11:50Z",
                 "my-cache/?Action=connect&User=user123&ResourceType=ServerlessCache&X-Amz-Algorithm=AWS4-HMAC-SHA256"
                 "&X-Amz-Credential=accessKey%2F20240802%2Feu-west-1%2Felasticache%2Faws4_request"
                 "&X-Amz-Date=20240802T121150Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host"
                 "&X-Amz-Signature=5dda5db919b1337db6596b2a608924bc10197fb39289b933b60bdb114d5a70dc");
}

static void expect_refused(struct iam_token_options o, const char *word)
{
    struct credentials c = keys("id", "secret", "");
    struct secret token = SECRET_INIT;
    struct error err = { .code = STATUS_OK };
    assert_int_not_equal(iam_token_mint(&o, &c, 1, &token, &err), STATUS_OK);
    assert_non_null(strstr(err.detail, word));
    assert_int_equal(token.len, 0);
    credentials_clean_up(&c);
}

static void wrong_options_are_refused_and_named(void **state)
{
    (void)state;
    const struct iam_token_options good = { .service = "memorydb", .resource = "c", .user = "u", .region = "r", .ttl_s = 900 };
    struct iam_token_options o = good;
    o.service = "s3";
    expect_refused(o, "memorydb or elasticache");
    o = good;
    o.resource = "clustercfg.c.x.memorydb.eu-west-1.amazonaws.com:6379";
    expect_refused(o, "not the endpoint");
    o = good;
    o.user = "";
    expect_refused(o, "user");
    o = good;
    o.region = NULL;
    expect_refused(o, "region");
    o = good;
    o.ttl_s = 901;
    expect_refused(o, "900");
    o = good;
    o.serverless = true;
    expect_refused(o, "serverless");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_with_a_session_token_equals_the_public_vector),
        cmocka_unit_test(a_serverless_token_equals_the_public_vector),
        cmocka_unit_test(wrong_options_are_refused_and_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
