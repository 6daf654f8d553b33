#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "customerd/aws/process.h"
#include "customerd/core/clock.h"

static enum status run_bounded(const char *script, const struct process_bounds *bounds, struct process_result *out,
                               struct error *err)
{
    char sh[] = "sh";
    char c[] = "-c";
    char text[1024];
    snprintf(text, sizeof text, "%s", script);
    char *argv[] = { sh, c, text, NULL };
    *out = (struct process_result){ .output = BUF_INIT(4096), .errors = BUF_INIT(16) };
    return process_run(argv, bounds, out, err);
}

static enum status run_script(const char *script, int64_t timeout_ms, struct process_result *out, struct error *err)
{
    const struct process_bounds bounds = { .timeout_ms = timeout_ms };
    return run_bounded(script, &bounds, out, err);
}

static void clean(struct process_result *r)
{
    buf_clean_up(&r->output);
    buf_clean_up(&r->errors);
}

static void output_errors_and_exit_code_are_taken(void **state)
{
    (void)state;
    struct process_result r;
    struct error err;
    assert_int_equal(run_script("cat; echo out; echo 0123456789abcdefXYZ >&2; exit 3", 20000, &r, &err), STATUS_OK);
    assert_string_equal(r.output.data, "out\n");
    assert_string_equal(r.errors.data, "0123456789abcdef");
    assert_int_equal(r.exit_code, 3);
    clean(&r);
    assert_int_equal(run_script("kill -9 $$", 20000, &r, &err), STATUS_OK);
    assert_int_equal(r.exit_code, 128 + 9);
    clean(&r);
}

/* By exec, since a shell blocks signals for moments of its own. */
static void the_program_starts_with_no_signal_blocked_or_ignored(void **state)
{
    (void)state;
    struct process_result r;
    struct error err;
    sigset_t all, before;
    unsigned long long blocked = 1, ignored = 1;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR1, SIG_IGN);
    enum status status = run_script("exec grep -E '^Sig(Blk|Ign)' /proc/self/status", 20000, &r, &err);
    signal(SIGHUP, SIG_DFL);
    signal(SIGUSR1, SIG_DFL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(sscanf(r.output.data, "SigBlk: %llx SigIgn: %llx", &blocked, &ignored), 2);
    assert_true(blocked == 0);
    assert_true((ignored & 0x7fffffff) == 0); /* the two behind are the C library's own */
    clean(&r);
}

static void the_program_gets_no_descriptor_of_the_service(void **state)
{
    (void)state;
    struct process_result r;
    struct error err;
    assert_int_equal(dup2(STDIN_FILENO, 57), 57);
    assert_int_equal(run_script("exec ls /proc/self/fd", 20000, &r, &err), STATUS_OK);
    close(57);
    assert_string_equal(r.output.data, "0\n1\n2\n3\n"); /* the last is the folder that is listed */
    clean(&r);
}

static void expect_ended_early(const char *script, int64_t timeout_ms, const char *word)
{
    struct process_result r;
    struct error err;
    int64_t start_ms = clock_monotonic_ms(clock_system());
    assert_int_not_equal(run_script(script, timeout_ms, &r, &err), STATUS_OK);
    assert_non_null(strstr(err.detail, word));
    assert_true(clock_monotonic_ms(clock_system()) - start_ms < 20000);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left, running or dead */
    clean(&r);
}

static void time_and_output_are_bounded(void **state)
{
    (void)state;
    expect_ended_early("sleep 60", 200, "in time");
    expect_ended_early("sleep 60 & wait", 200, "in time");
    expect_ended_early("exec >&- 2>&-; sleep 60", 200, "in time");
    /* It leaves its group, as far as a program can. */
    expect_ended_early("exec perl -e 'setpgrp(0, getpgrp(getppid())); sleep 60'", 200, "in time");
    expect_ended_early("while :; do echo 0123456789; done", 30000, "too long");
}

struct canceller {
    int fd;
    atomic_bool cancelled;
};

static void *cancel_at_its_end(void *arg)
{
    struct canceller *c = arg;
    char byte;
    (void)!read(c->fd, &byte, 1);
    atomic_store(&c->cancelled, true);
    return NULL;
}

/* The program tells that it runs by opening a FIFO. */
static void a_run_can_be_given_up(void **state)
{
    (void)state;
    char directory[] = "/tmp/customerd-process-XXXXXX";
    char path[64], script[200];
    struct canceller canceller = { .fd = -1 };
    const struct process_bounds bounds = { .timeout_ms = 60000, .cancelled = &canceller.cancelled };
    struct process_result r;
    struct error err;
    pthread_t thread;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/started", directory);
    assert_int_equal(mkfifo(path, 0600), 0);
    canceller.fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pthread_create(&thread, NULL, cancel_at_its_end, &canceller), 0);
    snprintf(script, sizeof script, "echo >%s; sleep 60", path);
    int64_t start_ms = clock_monotonic_ms(clock_system());
    assert_int_equal(run_bounded(script, &bounds, &r, &err), STATUS_UNAVAILABLE);
    assert_true(clock_monotonic_ms(clock_system()) - start_ms < 20000);
    assert_string_equal(err.detail, "the program was given up");
    pthread_join(thread, NULL);
    close(canceller.fd);
    unlink(path);
    rmdir(directory);
    clean(&r);
}

static void an_end_that_nobody_sees_is_a_failure_not_a_wait(void **state)
{
    (void)state;
    signal(SIGCHLD, SIG_IGN);
    expect_ended_early("exit 0", 60000, "SIGCHLD");
    signal(SIGCHLD, SIG_DFL);
}

static void a_program_that_is_missing_is_named_as_such(void **state)
{
    (void)state;
    char name[] = "/nonexistent/program";
    char *argv[] = { name, NULL };
    struct process_result r = { .output = BUF_INIT(64), .errors = BUF_INIT(64) };
    struct error err;
    const struct process_bounds bounds = { .timeout_ms = 1000 };
    assert_int_not_equal(process_run(argv, &bounds, &r, &err), STATUS_OK);
    assert_string_equal(err.detail, "the program can't be started: No such file or directory");
    clean(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_errors_and_exit_code_are_taken),
        cmocka_unit_test(the_program_starts_with_no_signal_blocked_or_ignored),
        cmocka_unit_test(the_program_gets_no_descriptor_of_the_service),
        cmocka_unit_test(time_and_output_are_bounded),
        cmocka_unit_test(a_run_can_be_given_up),
        cmocka_unit_test(an_end_that_nobody_sees_is_a_failure_not_a_wait),
        cmocka_unit_test(a_program_that_is_missing_is_named_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
