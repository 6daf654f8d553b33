#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake_env.h"

static enum credentials_result ask(struct fake_env *f, struct credentials *c, struct error *err)
{
    *c = (struct credentials){ .source = NULL };
    return credentials_from_environment(&f->env, c, err);
}

static void keys_with_and_without_a_session_token_are_found(void **state)
{
    (void)state;
    struct fake_env f;
    struct credentials c;
    struct error err;
    fake_env_init(&f);
    fake_set(&f, "AWS_ACCESS_KEY_ID", "id");
    fake_set(&f, "AWS_SECRET_ACCESS_KEY", "secret");
    fake_set(&f, "AWS_SESSION_TOKEN", "");
    assert_int_equal(ask(&f, &c, &err), CREDENTIALS_FOUND);
    assert_true(c.expires_at_ms == CREDENTIALS_NEVER_EXPIRE);
    expect_found(CREDENTIALS_FOUND, &c, "environment", "id", "secret", "");
    fake_set(&f, "AWS_SESSION_TOKEN", "token");
    fake_set(&f, "AWS_CREDENTIAL_EXPIRATION", "2023-11-14T22:13:21Z");
    assert_int_equal(ask(&f, &c, &err), CREDENTIALS_FOUND);
    assert_true(c.expires_at_ms == FAKE_NOW_MS + 1000);
    expect_found(CREDENTIALS_FOUND, &c, "environment", "id", "secret", "token");
}

static void without_keys_the_next_provider_is_asked(void **state)
{
    (void)state;
    struct fake_env f;
    struct credentials c;
    struct error err;
    fake_env_init(&f);
    fake_set(&f, "AWS_ACCESS_KEY_ID", "");
    fake_set(&f, "AWS_SESSION_TOKEN", "token");
    assert_int_equal(ask(&f, &c, &err), CREDENTIALS_ABSENT);
}

static void expect_refused(const char *id, const char *secret, const char *token, const char *expires, const char *word)
{
    struct fake_env f;
    struct credentials c;
    struct error err;
    fake_env_init(&f);
    fake_set(&f, "AWS_ACCESS_KEY_ID", id);
    fake_set(&f, "AWS_SECRET_ACCESS_KEY", secret);
    fake_set(&f, "AWS_SESSION_TOKEN", token);
    fake_set(&f, "AWS_CREDENTIAL_EXPIRATION", expires);
    expect_failed(ask(&f, &c, &err), &err, word);
    assert_null(c.secret_access_key.ptr);
}

static void halves_line_breaks_and_expired_keys_are_refused(void **state)
{
    (void)state;
    expect_refused("id", "", "", "", "without AWS_SECRET_ACCESS_KEY");
    expect_refused("", "secret", "", "", "without AWS_ACCESS_KEY_ID");
    expect_refused("id", "secret", "tok\r\nen", "", "session token holds");
    expect_refused("i\nd", "secret", "", "", "access key id holds");
    expect_refused("id", "secret", "", "2023-11-14T22:13:20Z", "expired");
    expect_refused("id", "secret", "", "tomorrow", "RFC 3339");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_with_and_without_a_session_token_are_found),
        cmocka_unit_test(without_keys_the_next_provider_is_asked),
        cmocka_unit_test(halves_line_breaks_and_expired_keys_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
