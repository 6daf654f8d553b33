#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake_env.h"

#include "customerd/aws/provider.h"

static const struct provider_json temporary = { .source = "test", .token_member = "Token", .temporary = true };
static const struct provider_json process = { .source = "test", .token_member = "SessionToken", .versioned = true };
static const struct provider_json imds = { .source = "test", .token_member = "Token", .temporary = true, .stays_usable = true };

static enum credentials_result parse(const struct provider_json *form, const char *text, struct credentials *c,
                                     struct error *err)
{
    *c = (struct credentials){ .source = NULL };
    return provider_parse_json(form, slice_cstr(text), FAKE_NOW_MS, c, err);
}

static void each_form_is_read(void **state)
{
    (void)state;
    struct credentials c;
    struct error err;
    expect_found(parse(&temporary, "{\"Code\":\"Success\",\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Token\":\"c\","
                                   "\"Expiration\":\"2023-11-14T22:13:21Z\",\"More\":[1]}", &c, &err),
                 &c, "test", "a", "b", "c");
    expect_found(parse(&process, "{\"Version\":1,\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\"}", &c, &err), &c, "test",
                 "a", "b", "");
    expect_found(parse(&process, "{\"Version\":1,\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"SessionToken\":null}",
                       &c, &err), &c, "test", "a", "b", "");
}

static void expect_refused(const struct provider_json *form, const char *text, const char *word)
{
    struct credentials c;
    struct error err;
    expect_failed(parse(form, text, &c, &err), &err, word);
    assert_null(c.access_key_id.ptr);
}

static void what_is_missing_mistyped_or_expired_is_refused_by_name(void **state)
{
    (void)state;
    expect_refused(&temporary, "{\"SecretAccessKey\":\"b\"}", "no AccessKeyId");
    expect_refused(&temporary, "{\"AccessKeyId\":\"a\"}", "no SecretAccessKey");
    expect_refused(&temporary, "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\"}", "no Token");
    expect_refused(&temporary, "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Token\":\"c\"}", "no Expiration");
    expect_refused(&temporary, "{\"AccessKeyId\":1}", "AccessKeyId is not a string");
    expect_refused(&temporary, "{\"AccessKeyId\":\"\"}", "AccessKeyId is empty");
    expect_refused(&temporary, "{\"AccessKeyId\":\"a\",\"AccessKeyId\":\"b\"}", "JSON");
    expect_refused(&temporary, "{\"AccessKeyId\":\"a\"} x", "JSON");
    expect_refused(&temporary, "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"x\"}", "Code");
    expect_refused(&temporary, "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Token\":\"c\\r\\n\","
                               "\"Expiration\":\"2023-11-14T22:13:21Z\"}", "control");
    expect_refused(&temporary, "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Token\":\"c\",\"Expiration\":\"soon\"}",
                   "RFC 3339");
    expect_refused(&temporary, "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Token\":\"c\","
                               "\"Expiration\":\"2023-11-14T22:13:19Z\"}", "expired");
    expect_refused(&process, "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\"}", "Version");
    expect_refused(&process, "{\"Version\":\"1\",\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\"}", "Version");
    expect_refused(&process, "{\"Version\":2,\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\"}", "Version");
}

static void keys_of_imds_that_look_expired_are_used_for_a_while(void **state)
{
    (void)state;
    struct credentials c;
    struct error err;
    assert_int_equal(parse(&imds, "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Token\":\"c\","
                                  "\"Expiration\":\"2023-11-14T20:00:00Z\"}", &c, &err), CREDENTIALS_FOUND);
    assert_in_range(c.expires_at_ms - FAKE_NOW_MS, 15 * 60000, 25 * 60000);
    credentials_clean_up(&c);
    assert_int_equal(parse(&imds, "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Token\":\"c\","
                                  "\"Expiration\":\"2023-11-15T04:13:20Z\"}", &c, &err), CREDENTIALS_FOUND);
    assert_int_equal(c.expires_at_ms - FAKE_NOW_MS, 6 * 3600000);
    credentials_clean_up(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_is_read),
        cmocka_unit_test(what_is_missing_mistyped_or_expired_is_refused_by_name),
        cmocka_unit_test(keys_of_imds_that_look_expired_are_used_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
