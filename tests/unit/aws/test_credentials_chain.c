#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake_env.h"

static struct fake_env f;
static struct credentials c;
static struct error err;

static void start(void)
{
    fake_env_init(&f);
    c = (struct credentials){ .source = NULL };
    fake_set(&f, "AWS_REGION", "eu-west-1");
    fake_set(&f, "AWS_CONFIG_FILE", "/nonexistent/config");
    fake_set(&f, "AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials");
}

static const char *asked(void)
{
    return credentials_chain_fetch(&f.env, &c, &err) == STATUS_OK ? c.source : "";
}

static void the_first_provider_that_is_configured_answers(void **state)
{
    (void)state;
    start();
    fake_set(&f, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1");
    fake_reply(&f, 404, "");
    assert_string_equal(asked(), "");
    assert_non_null(strstr(err.detail, "container are not configured, and imds: "));
    assert_non_null(strstr(f.requests[0].url, "/latest/api/token"));

    fake_set(&f, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:2/");
    assert_string_equal(asked(), "");
    assert_string_equal(f.requests[1].url, "http://127.0.0.1:2/");

    fake_set(&f, "AWS_WEB_IDENTITY_TOKEN_FILE", fake_file("jwt", "a.b"));
    assert_string_equal(asked(), "");
    assert_non_null(strstr(err.detail, "AWS_ROLE_ARN"));
    fake_set(&f, "AWS_ROLE_ARN", "r");
    assert_string_equal(asked(), "");
    assert_string_equal(f.requests[2].url, "https://sts.eu-west-1.amazonaws.com/");

    fake_set(&f, "AWS_SHARED_CREDENTIALS_FILE",
             fake_file("credentials", "[default]\naws_access_key_id = a\naws_secret_access_key=b\n"));
    assert_string_equal(asked(), "profile");
    credentials_clean_up(&c);
    fake_set(&f, "AWS_ACCESS_KEY_ID", "a");
    fake_set(&f, "AWS_SECRET_ACCESS_KEY", "b");
    assert_string_equal(asked(), "environment");
    credentials_clean_up(&c);
    assert_int_equal(f.n_requests, 3);
}

static void a_provider_that_fails_ends_the_chain(void **state)
{
    (void)state;
    start();
    fake_set(&f, "AWS_ACCESS_KEY_ID", "a");
    fake_set(&f, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:2/");
    assert_string_equal(asked(), "");
    assert_non_null(strstr(err.detail, "environment"));
    assert_int_equal(f.n_requests, 0);
}

static void without_any_the_error_says_what_was_looked_at(void **state)
{
    (void)state;
    start();
    fake_set(&f, "AWS_EC2_METADATA_DISABLED", "true");
    assert_string_equal(asked(), "");
    assert_non_null(strstr(err.detail, "environment, profile, web identity and container"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_provider_that_is_configured_answers),
        cmocka_unit_test(a_provider_that_fails_ends_the_chain),
        cmocka_unit_test(without_any_the_error_says_what_was_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
