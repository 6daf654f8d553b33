#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake_env.h"

#define GOOD "{\"AccessKeyId\":\"id\",\"SecretAccessKey\":\"secret\",\"Token\":\"token\",\"Expiration\":\"2023-11-14T23:13:20Z\"}"

static enum credentials_result ask(struct fake_env *f, struct credentials *c, struct error *err)
{
    *c = (struct credentials){ .source = NULL };
    return credentials_from_container(&f->env, c, err);
}

static void a_relative_uri_goes_to_the_ecs_address_and_wins(void **state)
{
    (void)state;
    struct fake_env f;
    struct credentials c;
    struct error err;
    fake_env_init(&f);
    fake_set(&f, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/x");
    fake_set(&f, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/other");
    fake_reply(&f, 200, GOOD);
    assert_int_equal(ask(&f, &c, &err), CREDENTIALS_FOUND);
    assert_true(c.expires_at_ms == FAKE_NOW_MS + 3600000);
    expect_found(CREDENTIALS_FOUND, &c, "container", "id", "secret", "token");
    assert_string_equal(f.requests[0].url, "http://169.254.170.2/v2/credentials/x");
    assert_null(strstr(f.requests[0].headers, "Authorization"));
}

static void the_token_file_wins_and_is_read_anew(void **state)
{
    (void)state;
    struct fake_env f;
    struct credentials c;
    struct error err;
    fake_env_init(&f);
    fake_set(&f, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials");
    fake_set(&f, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "from-variable");
    fake_reply(&f, 200, GOOD);
    expect_found(ask(&f, &c, &err), &c, "container", "id", "secret", "token");
    fake_set(&f, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", fake_file("pod-token", "first"));
    expect_found(ask(&f, &c, &err), &c, "container", "id", "secret", "token");
    fake_file("pod-token", "second");
    expect_found(ask(&f, &c, &err), &c, "container", "id", "secret", "token");
    assert_non_null(strstr(f.requests[0].headers, "Authorization: from-variable\n"));
    assert_non_null(strstr(f.requests[1].headers, "Authorization: first\n"));
    assert_non_null(strstr(f.requests[2].headers, "Authorization: second\n"));
    assert_string_equal(f.requests[2].url, "http://169.254.170.23/v1/credentials");
}

static void unset_variables_ask_the_next_provider(void **state)
{
    (void)state;
    struct fake_env f;
    struct credentials c;
    struct error err;
    fake_env_init(&f);
    assert_int_equal(ask(&f, &c, &err), CREDENTIALS_ABSENT);
    assert_int_equal(f.n_requests, 0);
}

static void expect_configuration_refused(const char *name, const char *value, const char *word)
{
    struct fake_env f;
    struct credentials c;
    struct error err;
    fake_env_init(&f);
    fake_set(&f, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/");
    fake_set(&f, name, value);
    fake_reply(&f, 200, GOOD);
    expect_failed(ask(&f, &c, &err), &err, word);
    assert_int_equal(f.n_requests, 0);
}

static void wrong_configuration_sends_nothing(void **state)
{
    (void)state;
    expect_configuration_refused("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@evil.example/", "begin with /");
    expect_configuration_refused("AWS_CONTAINER_CREDENTIALS_FULL_URI", "file:///etc/passwd", "http");
    expect_configuration_refused("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/\r\nX: y", "control");
    expect_configuration_refused("AWS_CONTAINER_AUTHORIZATION_TOKEN", "a\r\nX: y", "line break");
    expect_configuration_refused("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nonexistent/token", "can't be opened");
    expect_configuration_refused("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", fake_file("crlf-token", "a\n"), "line break");
    expect_configuration_refused("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", fake_file("empty-token", ""), "empty");
}

static void expect_answer(int status, const char *body, size_t attempts, const char *word)
{
    struct fake_env f;
    struct credentials c;
    struct error err;
    fake_env_init(&f);
    fake_set(&f, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/");
    fake_reply(&f, status, body);
    expect_failed(ask(&f, &c, &err), &err, word);
    assert_int_equal(f.n_requests, attempts);
    assert_null(c.access_key_id.ptr);
}

static void bad_answers_are_refused_and_only_passing_ones_asked_again(void **state)
{
    (void)state;
    expect_answer(500, "", 3, "500");
    expect_answer(429, "", 3, "429");
    expect_answer(0, NULL, 3, "transport");
    expect_answer(403, "", 1, "403");
    expect_answer(302, "", 1, "302");
    expect_answer(200, "<html>", 1, "JSON");
    expect_answer(200, "{\"AccessKeyId\":\"id\"", 1, "JSON");
    expect_answer(200, "[]", 1, "JSON");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_relative_uri_goes_to_the_ecs_address_and_wins),
        cmocka_unit_test(the_token_file_wins_and_is_read_anew),
        cmocka_unit_test(unset_variables_ask_the_next_provider),
        cmocka_unit_test(wrong_configuration_sends_nothing),
        cmocka_unit_test(bad_answers_are_refused_and_only_passing_ones_asked_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
