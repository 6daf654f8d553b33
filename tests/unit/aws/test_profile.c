#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_env.h"

#include "customerd/aws/profile.h"

#define NOBODY 65534

static struct fake_env f;
static struct error err;

static void load(const char *config, const char *credentials, struct profiles *p)
{
    fake_env_init(&f);
    fake_set(&f, "AWS_CONFIG_FILE", fake_file("config", config));
    fake_set(&f, "AWS_SHARED_CREDENTIALS_FILE", fake_file("credentials", credentials));
    assert_int_equal(profiles_load(&f.env, p, &err), STATUS_OK);
}

static void a_home_directory_gives_the_files(void **state)
{
    (void)state;
    struct profiles p;
    char home[128];
    fake_env_init(&f);
    const char *path = fake_file("x", "[default]\nregion = r-1\n");
    snprintf(home, sizeof home, "%.*s", (int)(strlen(path) - 2), path);
    fake_set(&f, "HOME", home);
    fake_set(&f, "AWS_CONFIG_FILE", "~/x");
    assert_int_equal(profiles_load(&f.env, &p, &err), STATUS_OK);
    assert_true(slice_is(profiles_get(&p, slice_cstr("default"), "region"), "r-1"));
    assert_false(profiles_has(&p, slice_cstr("other")));
    profiles_clean_up(&p);
}

static void parts_of_different_keys_never_mix(void **state)
{
    (void)state;
    struct profiles p;
    struct provider_keys keys = { .expires_at_ms = 0 };
    load("[profile p]\naws_access_key_id = ASIAOLD\naws_secret_access_key = old\naws_session_token = stale\n",
         "[p]\naws_access_key_id = AKIANEW\naws_secret_access_key = new\n", &p);
    assert_true(profiles_keys(&p, slice_cstr("p"), &keys));
    assert_true(slice_is(keys.access_key_id, "AKIANEW"));
    assert_true(slice_is(keys.secret_access_key, "new"));
    assert_int_equal(keys.session_token.len, 0);
    assert_false(profiles_keys(&p, slice_cstr("q"), &keys));
    profiles_clean_up(&p);
}

static void sections_of_other_kinds_are_no_profiles(void **state)
{
    (void)state;
    struct profiles p;
    load("[sso-session p]\nregion = a\n[profilep]\nregion = b\n[profile  'p q']\nregion = c\n[profile default]\nregion = d\n",
         "[profile p]\nregion = e\n", &p);
    assert_false(profiles_has(&p, slice_cstr("p")));
    assert_true(slice_is(profiles_get(&p, slice_cstr("p q"), "REGION"), "c"));
    assert_true(slice_is(profiles_get(&p, slice_cstr("default"), "region"), "d"));
    profiles_clean_up(&p);
}

/* In a process without root's rights, to which no directory is closed. */
static int load_behind_a_closed_directory(const char *file)
{
    struct profiles p;
    if (geteuid() == 0 && setuid(NOBODY) != 0)
        return 2;
    fake_env_init(&f);
    fake_set(&f, "AWS_CONFIG_FILE", file);
    fake_set(&f, "AWS_SHARED_CREDENTIALS_FILE", "/nonexistent");
    if (access(file, F_OK) == 0 || profiles_load(&f.env, &p, &err) != STATUS_OK)
        return 1;
    profiles_clean_up(&p);
    return 0;
}

static void a_home_that_is_not_the_services_own_counts_as_empty(void **state)
{
    (void)state;
    char home[] = "/tmp/customerd-home-XXXXXX";
    char file[64];
    int how = -1;
    assert_non_null(mkdtemp(home));
    snprintf(file, sizeof file, "%s/config", home);
    assert_int_equal(chmod(home, 0), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(load_behind_a_closed_directory(file));
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_int_equal(how, 0);
    rmdir(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_home_directory_gives_the_files),
        cmocka_unit_test(parts_of_different_keys_never_mix),
        cmocka_unit_test(sections_of_other_kinds_are_no_profiles),
        cmocka_unit_test(a_home_that_is_not_the_services_own_counts_as_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
