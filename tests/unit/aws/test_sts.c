#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake_env.h"

#include "customerd/aws/sts.h"

#define REPLY(call) "<" call "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" call "Result><AssumedRoleUser>" \
    "<Arn>arn</Arn></AssumedRoleUser><Credentials><AccessKeyId>id</AccessKeyId><SecretAccessKey>sec/ret" \
    "</SecretAccessKey><SessionToken>token</SessionToken><Expiration>2023-11-14T23:13:20Z</Expiration></Credentials></" \
    call "Result></" call "Response>"

static const struct sts_role role = { .arn = SLICE("arn:aws:iam::1:role/r"), .session_name = SLICE("me @home"),
                                      .external_id = SLICE("a&b"), .duration_s = 900 };

static void signer_init(struct credentials *c, const char *token)
{
    *c = (struct credentials){ .source = "test" };
    assert_true(secret_set(&c->access_key_id, slice_cstr("AKIDEXAMPLE")));
    assert_true(secret_set(&c->secret_access_key, slice_cstr("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")));
    assert_true(secret_set(&c->session_token, slice_cstr(token)));
}

static void assume_role_is_signed_and_its_answer_read(void **state)
{
    (void)state;
    struct fake_env f;
    struct credentials c = { .source = NULL }, signer;
    struct error err;
    fake_env_init(&f);
    signer_init(&signer, "session");
    fake_set(&f, "AWS_REGION", "eu-west-1");
    fake_reply(&f, 200, REPLY("AssumeRole"));
    expect_found(sts_assume_role(&f.env, &role, &signer, &c, &err), &c, "assume-role", "id", "sec/ret", "token");
    assert_string_equal(f.requests[0].method, "POST");
    assert_string_equal(f.requests[0].url, "https://sts.eu-west-1.amazonaws.com/");
    assert_string_equal(f.requests[0].body,
                        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr"
                        "&RoleSessionName=me%20%40home&ExternalId=a%26b&DurationSeconds=900");
    assert_non_null(strstr(f.requests[0].headers, "X-Amz-Date: 20231114T221320Z\n"));
    assert_non_null(strstr(f.requests[0].headers, "X-Amz-Security-Token: session\n"));
    /* The signature is botocore's of the same request. */
    assert_non_null(strstr(f.requests[0].headers,
                           "Authorization: AWS4-HMAC-SHA256 "
                           "Credential=AKIDEXAMPLE/20231114/eu-west-1/sts/aws4_request, "
                           "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, "
                           "Signature=e946909447b698a0bd09c0bbaf869415b858640b2feadaf833c423dd12adc9d3\n"));
    credentials_clean_up(&signer);
}

static void web_identity_is_not_signed_and_its_file_read_anew(void **state)
{
    (void)state;
    struct fake_env f;
    struct credentials c = { .source = NULL };
    struct error err;
    fake_env_init(&f);
    fake_set(&f, "AWS_DEFAULT_REGION", "cn-north-1");
    fake_reply(&f, 200, REPLY("AssumeRoleWithWebIdentity"));
    const char *file = fake_file("web-token", "a.b");
    struct sts_role unnamed = { .arn = SLICE("r") };
    expect_found(sts_assume_role_with_web_identity(&f.env, &unnamed, file, &c, &err), &c, "web-identity", "id",
                 "sec/ret", "token");
    fake_file("web-token", "c.d");
    expect_found(sts_assume_role_with_web_identity(&f.env, &unnamed, file, &c, &err), &c, "web-identity", "id",
                 "sec/ret", "token");
    assert_string_equal(f.requests[0].url, "https://sts.cn-north-1.amazonaws.com.cn/");
    assert_null(strstr(f.requests[0].headers, "Authorization"));
    assert_non_null(strstr(f.requests[0].body, "&RoleSessionName=customerd-"));
    assert_non_null(strstr(f.requests[0].body, "&WebIdentityToken=a.b"));
    assert_non_null(strstr(f.requests[1].body, "&WebIdentityToken=c.d"));
}

static void expect_refused(int status, const char *body, const char *word)
{
    struct fake_env f;
    struct credentials c = { .source = NULL }, signer;
    struct error err;
    fake_env_init(&f);
    signer_init(&signer, "");
    fake_set(&f, "AWS_REGION", "eu-west-1");
    fake_reply(&f, status, body);
    expect_failed(sts_assume_role(&f.env, &role, &signer, &c, &err), &err, word);
    assert_null(c.access_key_id.ptr);
    credentials_clean_up(&signer);
}

static void refusals_and_odd_answers_say_what_is_wrong(void **state)
{
    (void)state;
    expect_refused(403, "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code></Error></ErrorResponse>",
                   "STS answered 403 AccessDenied");
    expect_refused(400, "<html", "STS answered 400");
    expect_refused(200, REPLY("AssumeRoleWithWebIdentity"), "no AccessKeyId");
    expect_refused(200, "<AssumeRoleResponse>", "XML");
    expect_refused(200, "{}", "XML");
    expect_refused(500, "", "500");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(assume_role_is_signed_and_its_answer_read),
        cmocka_unit_test(web_identity_is_not_signed_and_its_file_read_anew),
        cmocka_unit_test(refusals_and_odd_answers_say_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
