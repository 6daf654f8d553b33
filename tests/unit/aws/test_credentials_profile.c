#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_env.h"

#include "customerd/aws/profile.h"

#define STS_REPLY "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>rid</AccessKeyId><SecretAccessKey>rsecret" \
    "</SecretAccessKey><SessionToken>rtoken</SessionToken><Expiration>2023-11-14T23:13:20Z</Expiration></Credentials>" \
    "</AssumeRoleResult></AssumeRoleResponse>"

static enum credentials_result ask(struct fake_env *f, const char *config, const char *credentials, const char *profile,
                                   struct credentials *c, struct error *err)
{
    *c = (struct credentials){ .source = NULL };
    fake_env_init(f);
    fake_set(f, "AWS_REGION", "eu-west-1");
    fake_set(f, "AWS_CONFIG_FILE", config == NULL ? "/nonexistent/config" : fake_file("config", config));
    fake_set(f, "AWS_SHARED_CREDENTIALS_FILE",
             credentials == NULL ? "/nonexistent/credentials" : fake_file("credentials", credentials));
    fake_set(f, "AWS_PROFILE", profile);
    fake_reply(f, 200, STS_REPLY);
    return credentials_from_profile(&f->env, c, err);
}

static struct fake_env f;
static struct credentials c;
static struct error err;

static void static_keys_come_from_either_file_and_the_credentials_file_wins(void **state)
{
    (void)state;
    expect_found(ask(&f, NULL, "[default]\naws_access_key_id = a\naws_secret_access_key=b\n", NULL, &c, &err), &c,
                 "profile", "a", "b", "");
    expect_found(ask(&f, "[profile \"p q\"]\nAWS_ACCESS_KEY_ID = a\naws_secret_access_key=b\naws_session_token=c\n", NULL,
                     "p q", &c, &err), &c, "profile", "a", "b", "c");
    expect_found(ask(&f, "[profile p]\naws_access_key_id = x\naws_secret_access_key=y\n",
                     "[p]\naws_access_key_id = a\naws_secret_access_key=b\n", "p", &c, &err), &c, "profile", "a", "b", "");
    assert_int_equal(f.n_requests, 0);
}

static void absence_asks_the_next_provider_but_a_chosen_profile_must_exist(void **state)
{
    (void)state;
    assert_int_equal(ask(&f, NULL, NULL, NULL, &c, &err), CREDENTIALS_ABSENT);
    assert_int_equal(ask(&f, "[default]\nregion = x\n", NULL, NULL, &c, &err), CREDENTIALS_ABSENT);
    assert_int_equal(ask(&f, "[profile p]\nregion = x\n", NULL, "p", &c, &err), CREDENTIALS_ABSENT);
    expect_failed(ask(&f, "[p]\nregion = x\n", NULL, "p", &c, &err), &err, "neither");
}

static void a_role_is_assumed_with_its_source_profile(void **state)
{
    (void)state;
    expect_found(ask(&f, "[profile p]\nrole_arn = arn\nsource_profile = base\nexternal_id = e\nrole_session_name = s\n"
                         "duration_seconds = 3600\n", "[base]\naws_access_key_id = a\naws_secret_access_key=b\n", "p", &c,
                     &err), &c, "assume-role", "rid", "rsecret", "rtoken");
    assert_int_equal(f.n_requests, 1);
    assert_string_equal(f.requests[0].body, "Action=AssumeRole&Version=2011-06-15&RoleArn=arn&RoleSessionName=s"
                                            "&ExternalId=e&DurationSeconds=3600");
    assert_non_null(strstr(f.requests[0].headers, "Credential=a/2023"));
}

static void roles_follow_from_each_other_and_a_profile_may_be_its_own_source(void **state)
{
    (void)state;
    expect_found(ask(&f, "[profile p]\nrole_arn = two\nsource_profile = q\n[profile q]\nrole_arn = one\nsource_profile = q\n"
                         "aws_access_key_id = a\naws_secret_access_key=b\n", NULL, "p", &c, &err), &c, "assume-role", "rid",
                 "rsecret", "rtoken");
    assert_int_equal(f.n_requests, 2);
    assert_non_null(strstr(f.requests[0].body, "RoleArn=one"));
    assert_non_null(strstr(f.requests[1].body, "RoleArn=two"));
    assert_non_null(strstr(f.requests[1].headers, "X-Amz-Security-Token: rtoken"));
}

static void a_role_takes_a_named_source(void **state)
{
    (void)state;
    static const char config[] = "[profile p]\nrole_arn = r\ncredential_source = Environment\n";
    expect_failed(ask(&f, config, NULL, "p", &c, &err), &err, "Environment gives no credentials");
    fake_set(&f, "AWS_ACCESS_KEY_ID", "a");
    fake_set(&f, "AWS_SECRET_ACCESS_KEY", "b");
    expect_found(credentials_from_profile(&f.env, &c, &err), &c, "assume-role", "rid", "rsecret", "rtoken");
}

static void wrong_roles_are_refused_without_a_request(void **state)
{
    (void)state;
    static const struct { const char *config, *word; } cases[] = {
        { "[profile p]\nrole_arn = r\n", "needs source_profile or" },
        { "[profile p]\nrole_arn = r\nsource_profile = x\ncredential_source = Environment\n", "exclude" },
        { "[profile p]\nrole_arn = r\nsource_profile = x\n", "doesn't exist" },
        { "[profile p]\nrole_arn = r\nsource_profile = p\n", "no credentials" },
        { "[profile p]\nrole_arn = r\nsource_profile = q\n[profile q]\nrole_arn = r\nsource_profile = p\n", "loop" },
        { "[profile p]\nrole_arn = r\nsource_profile = q\n[profile q]\nregion = r\n", "no credentials" },
        { "[profile p]\nrole_arn = r\ncredential_source = Elsewhere\n", "credential_source must be" },
        { "[profile p]\nrole_arn = r\nsource_profile = p\nmfa_serial = m\n", "mfa_serial" },
        { "[profile p]\nrole_arn = r\nsource_profile = p\nduration_seconds = 5\n", "duration_seconds" },
        { "[profile p]\nrole_arn = r\nsource_profile = p\nduration_seconds = 1h\n", "duration_seconds" },
        { "[profile p]\nrole_arn=r\nsource_profile=a\n[profile a]\nrole_arn=r\nsource_profile=b\n"
          "[profile b]\nrole_arn=r\nsource_profile=c\n[profile c]\nrole_arn=r\nsource_profile=d\n"
          "[profile d]\nrole_arn=r\nsource_profile=e\n[profile e]\nrole_arn=r\ncredential_source=Environment\n", "more than" },
        { "[profile p]\nsso_session = s\n", "SSO" },
        { "[profile p]\naws_access_key_id = a\n", "together" },
        { "[profile p]\nweb_identity_token_file = /x\n", "without role_arn" },
        { "[profile p\n", "line 1" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_failed(ask(&f, cases[i].config, NULL, "p", &c, &err), &err, cases[i].word);
        assert_int_equal(f.n_requests, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(static_keys_come_from_either_file_and_the_credentials_file_wins),
        cmocka_unit_test(absence_asks_the_next_provider_but_a_chosen_profile_must_exist),
        cmocka_unit_test(a_role_is_assumed_with_its_source_profile),
        cmocka_unit_test(roles_follow_from_each_other_and_a_profile_may_be_its_own_source),
        cmocka_unit_test(a_role_takes_a_named_source),
        cmocka_unit_test(wrong_roles_are_refused_without_a_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
