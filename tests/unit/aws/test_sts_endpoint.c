#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_env.h"

#include "customerd/aws/sts_endpoint.h"

static void expect_endpoint(const char *given, const char *url, const char *host)
{
    struct fake_env f;
    struct sts_endpoint e;
    struct error err;
    fake_env_init(&f);
    fake_set(&f, "AWS_REGION", "eu-west-1");
    fake_set(&f, "AWS_ENDPOINT_URL_STS", given);
    if (url == NULL) {
        assert_int_not_equal(sts_endpoint_find(&f.env, true, &e, &err), STATUS_OK);
        return;
    }
    assert_int_equal(sts_endpoint_find(&f.env, true, &e, &err), STATUS_OK);
    assert_string_equal(e.url, url);
    assert_string_equal(e.host, host);
    assert_string_equal(e.region, "eu-west-1");
}

static void a_given_endpoint_is_https_or_on_the_loopback(void **state)
{
    (void)state;
    expect_endpoint("https://STS.example:443/", "https://STS.example:443/", "sts.example");
    expect_endpoint("https://sts.example:8443", "https://sts.example:8443/", "sts.example:8443");
    expect_endpoint("http://127.0.0.1:4566", "http://127.0.0.1:4566/", "127.0.0.1:4566");
    expect_endpoint("http://localhost:80", "http://localhost:80/", "localhost");
    expect_endpoint("http://[::1]:4566/", "http://[::1]:4566/", "[::1]:4566");
    expect_endpoint("http://sts.localhost:4566", "http://sts.localhost:4566/", "sts.localhost:4566");
    expect_endpoint("http://localhost.example", NULL, NULL);
    expect_endpoint("http://evillocalhost", NULL, NULL);
    expect_endpoint("http://sts.example", NULL, NULL);
    expect_endpoint("http://.localhost", NULL, NULL);
    expect_endpoint("http://127.evil.example", NULL, NULL);
    expect_endpoint("http://169.254.169.254", NULL, NULL);
    expect_endpoint("https://user@sts.example", NULL, NULL);
    expect_endpoint("https://sts.example/path", NULL, NULL);
    expect_endpoint("https://", NULL, NULL);
    expect_endpoint("ftp://127.0.0.1", NULL, NULL);
}

static void without_one_it_is_the_regions(void **state)
{
    (void)state;
    static const struct {
        const char *region, *host;
    } cases[] = {
        { "eu-west-1", "sts.eu-west-1.amazonaws.com" },
        { "us-gov-east-1", "sts.us-gov-east-1.amazonaws.com" },
        { "cn-north-1", "sts.cn-north-1.amazonaws.com.cn" },
        { "us-iso-east-1", "sts.us-iso-east-1.c2s.ic.gov" },
        { "us-isob-east-1", "sts.us-isob-east-1.sc2s.sgov.gov" },
        { "us-isof-south-1", "sts.us-isof-south-1.csp.hci.ic.gov" },
        { "eu-isoe-west-1", "sts.eu-isoe-west-1.cloud.adc-e.uk" },
        { "eusc-de-east-1", "sts.eusc-de-east-1.amazonaws.eu" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake_env f;
        struct sts_endpoint e;
        struct error err;
        fake_env_init(&f);
        fake_set(&f, "AWS_REGION", cases[i].region);
        assert_int_equal(sts_endpoint_find(&f.env, false, &e, &err), STATUS_OK);
        assert_string_equal(e.host, cases[i].host);
        assert_memory_equal(e.url, "https://sts.", 12);
    }
}

static void a_region_is_needed_to_sign_but_not_to_reach_a_given_endpoint(void **state)
{
    (void)state;
    struct fake_env f;
    struct sts_endpoint e;
    struct error err;
    fake_env_init(&f);
    fake_set(&f, "AWS_CONFIG_FILE", "/nonexistent/config");
    fake_set(&f, "AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials");
    assert_int_not_equal(sts_endpoint_find(&f.env, false, &e, &err), STATUS_OK);
    fake_set(&f, "AWS_ENDPOINT_URL_STS", "https://sts.example");
    assert_int_not_equal(sts_endpoint_find(&f.env, true, &e, &err), STATUS_OK);
    assert_int_equal(sts_endpoint_find(&f.env, false, &e, &err), STATUS_OK);
    assert_string_equal(e.region, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_given_endpoint_is_https_or_on_the_loopback),
        cmocka_unit_test(without_one_it_is_the_regions),
        cmocka_unit_test(a_region_is_needed_to_sign_but_not_to_reach_a_given_endpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
