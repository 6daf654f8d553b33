#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "fake_env.h"

#include "customerd/aws/profile.h"

static struct fake_env f;
static struct credentials c;
static struct error err;

static enum credentials_result run_line(const char *line)
{
    fake_env_init(&f);
    c = (struct credentials){ .source = NULL };
    return profile_run_process(&f.env, slice_cstr(line), &c, &err);
}

static enum credentials_result run_script(const char *script)
{
    char line[256];
    snprintf(line, sizeof line, "%s \"an argument\"", fake_file("process", script));
    return run_line(line);
}

static void a_process_gives_keys(void **state)
{
    (void)state;
    expect_found(run_script("#!/bin/sh\nprintf '{\"Version\":1,\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"b\","
                            "\"SessionToken\":\"c\",\"Expiration\":\"2023-11-14T23:13:20Z\"}' \"$1\"\n"),
                 &c, "process", "an argument", "b", "c");
}

static void a_process_that_fails_says_so_shortly(void **state)
{
    (void)state;
    expect_failed(run_script("#!/bin/sh\necho sorry >&2\necho hidden >&2\nexit 7\n"), &err, "ended with 7: sorry");
    assert_null(strstr(err.detail, "hidden"));
    expect_failed(run_script("#!/bin/sh\necho '{}'\n"), &err, "Version");
    expect_failed(run_script("#!/bin/sh\nyes | head -c 100000\n"), &err, "too long");
    expect_failed(run_line("/nonexistent"), &err, "started: No such file");
    expect_failed(run_line("'x"), &err, "quotation");
}

static void no_shell_looks_at_the_command(void **state)
{
    (void)state;
    expect_failed(run_line("echo '{\"Version\":2}' ; echo $HOME | cat"), &err, "not a JSON object");
    expect_failed(run_line("echo '{\"Version\":2}'"), &err, "Version");
}

static void a_process_is_given_up_with_all_else(void **state)
{
    (void)state;
    atomic_bool cancelled = true;
    fake_env_init(&f);
    f.env.cancelled = &cancelled;
    expect_failed(profile_run_process(&f.env, slice_cstr("sleep 60"), &c, &err), &err, "given up");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_gives_keys),
        cmocka_unit_test(a_process_that_fails_says_so_shortly),
        cmocka_unit_test(no_shell_looks_at_the_command),
        cmocka_unit_test(a_process_is_given_up_with_all_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
