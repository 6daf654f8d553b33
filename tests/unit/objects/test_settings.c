#include "customerd/objects/settings.h"

#include "unit.h"

#include <stdio.h>

static const struct objects_settings good = {
    .buckets = "shop,my.files-2",
    .cache = { .endpoint = { .host = "cache.example", .port = 6379 },
               .tls = true,
               .auth = DB_AUTH_IAM,
               .user = "cache",
               .iam_service = "elasticache",
               .iam_resource = "objects",
               .timeout_ms = 250 },
    .bounds = { .fence_ms = 30000 },
    .s3 = { .timeout_ms = 2000 },
};

#define REQUEST_TIMEOUT_MS 3000

static void assert_refused(const struct objects_settings *settings, const char *begins)
{
    struct error err;
    assert_int_equal(objects_settings_check(settings, REQUEST_TIMEOUT_MS, &err), STATUS_BAD_PARAMETER);
    assert_memory_equal(err.detail, begins, strlen(begins));
}

static void test_what_is_whole_is_taken(void **state)
{
    (void)state;
    struct error err;
    struct objects_settings password = good;
    password.cache.auth = DB_AUTH_PASSWORD;
    password.cache.tls = false;
    (void)snprintf(password.cache.password_file, sizeof password.cache.password_file, "%s", "/run/secret");
    assert_int_equal(objects_settings_check(&good, REQUEST_TIMEOUT_MS, &err), STATUS_OK);
    assert_int_equal(objects_settings_check(&password, REQUEST_TIMEOUT_MS, &err), STATUS_OK);
}

static void test_what_is_missing_is_named(void **state)
{
    (void)state;
    struct objects_settings s = good;
    s.buckets[0] = '\0';
    assert_refused(&s, "CUSTOMERD_OBJECT_BUCKETS: not set");
    s = good;
    s.cache.endpoint.host[0] = '\0';
    assert_refused(&s, "CUSTOMERD_CACHE_ENDPOINT: not set");
    s = good;
    s.cache.user[0] = '\0';
    assert_refused(&s, "CUSTOMERD_CACHE_USER: not set");
    s = good;
    s.cache.iam_resource[0] = '\0';
    assert_refused(&s, "CUSTOMERD_CACHE_IAM_RESOURCE: not set");
    s = good;
    s.cache.auth = DB_AUTH_PASSWORD;
    assert_refused(&s, "CUSTOMERD_CACHE_PASSWORD_FILE: not set");
}

static void test_what_does_not_go_together_is_refused(void **state)
{
    (void)state;
    struct objects_settings s = good;
    s.cache.tls = false;
    assert_refused(&s, "CUSTOMERD_CACHE_TLS: \"off\"");
    s = good;
    (void)snprintf(s.cache.iam_resource, sizeof s.cache.iam_resource, "%s", "objects.cache.amazonaws.com");
    assert_refused(&s, "CUSTOMERD_CACHE_IAM_RESOURCE: \"objects.cache.amazonaws.com\" is not a name");
    s = good;
    s.cache.iam_serverless = true;
    (void)snprintf(s.cache.iam_service, sizeof s.cache.iam_service, "%s", "memorydb");
    assert_refused(&s, "CUSTOMERD_CACHE_IAM_SERVERLESS: \"on\"");
    s = good;
    s.bounds.fence_ms = s.s3.timeout_ms;
    assert_refused(&s, "CUSTOMERD_OBJECT_FENCE_MS: \"2000\" is not more than");
}

/* Else a request would be over before anything is done in place of what does not answer. */
static void test_what_is_asked_for_a_request_ends_before_it(void **state)
{
    (void)state;
    struct error err;
    struct objects_settings s = good;
    s.s3.timeout_ms = REQUEST_TIMEOUT_MS - 1;
    s.cache.timeout_ms = REQUEST_TIMEOUT_MS - 1;
    assert_int_equal(objects_settings_check(&s, REQUEST_TIMEOUT_MS, &err), STATUS_OK);
    s.s3.timeout_ms = REQUEST_TIMEOUT_MS;
    assert_refused(&s, "CUSTOMERD_OBJECT_S3_TIMEOUT_MS: \"3000\" is not less than CUSTOMERD_REQUEST_TIMEOUT_MS, which is 3000");
    s = good;
    s.cache.timeout_ms = REQUEST_TIMEOUT_MS;
    assert_refused(&s, "CUSTOMERD_CACHE_TIMEOUT_MS: \"3000\" is not less than CUSTOMERD_REQUEST_TIMEOUT_MS, which is 3000");
}

static void test_buckets_have_names_that_s3_allows(void **state)
{
    (void)state;
    static const char *const bad[] = { "ab", "Shop", "shop,", ",shop", "shop,,files", "sh/op", "-shop", "shop-", "a..b", "shop files" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct objects_settings s = good;
        (void)snprintf(s.buckets, sizeof s.buckets, "%s", bad[i]);
        assert_refused(&s, "CUSTOMERD_OBJECT_BUCKETS: \"");
    }
}

static void test_a_bucket_is_one_of_the_list_as_a_whole(void **state)
{
    (void)state;
    static const char *const not_there[] = { "", "sho", "shops", "shop,my.files-2", "files", "my" };
    assert_true(objects_settings_has_bucket(&good, slice_cstr("shop")));
    assert_true(objects_settings_has_bucket(&good, slice_cstr("my.files-2")));
    for (size_t i = 0; i < COUNT(not_there); i++)
        assert_false(objects_settings_has_bucket(&good, slice_cstr(not_there[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_whole_is_taken),
        cmocka_unit_test(test_what_is_missing_is_named),
        cmocka_unit_test(test_what_does_not_go_together_is_refused),
        cmocka_unit_test(test_what_is_asked_for_a_request_ends_before_it),
        cmocka_unit_test(test_buckets_have_names_that_s3_allows),
        cmocka_unit_test(test_a_bucket_is_one_of_the_list_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
