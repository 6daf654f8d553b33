#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_env.h"

static struct fake_env f;
static struct error err;

static void expect_region(const char *want)
{
    char region[64] = "";
    assert_int_equal(aws_region(&f.env, region, sizeof region, &err), STATUS_OK);
    assert_string_equal(region, want);
}

static void the_region_comes_from_two_variables_or_the_profile(void **state)
{
    (void)state;
    char region[64];
    fake_env_init(&f);
    fake_set(&f, "AWS_CONFIG_FILE", "/nonexistent/config");
    fake_set(&f, "AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials");
    assert_int_not_equal(aws_region(&f.env, region, sizeof region, &err), STATUS_OK);
    assert_non_null(strstr(err.detail, "AWS_REGION"));
    fake_set(&f, "AWS_CONFIG_FILE", fake_file("region", "[default]\nregion = r-0\n[profile p]\nregion = r-1\n"));
    expect_region("r-0");
    fake_set(&f, "AWS_PROFILE", "p");
    expect_region("r-1");
    fake_set(&f, "AWS_DEFAULT_REGION", "r-2");
    expect_region("r-2");
    fake_set(&f, "AWS_REGION", "r-3");
    expect_region("r-3");
}

/* It becomes part of STS's host name. */
static void a_region_that_could_name_another_host_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "evil.example/", "a.b", "a@b", "A", "a b", "a\nb",
                                       "a234567890123456789012345678901234567890123456789012345678901234" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char region[64];
        fake_env_init(&f);
        fake_set(&f, "AWS_REGION", bad[i]);
        assert_int_equal(aws_region(&f.env, region, sizeof region, &err), STATUS_BAD_PARAMETER);
        assert_non_null(strstr(err.detail, "AWS_REGION"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_region_comes_from_two_variables_or_the_profile),
        cmocka_unit_test(a_region_that_could_name_another_host_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
