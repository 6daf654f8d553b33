#include "customerd/api/command_options.h"
#include "customerd/api/commands.h"
#include "customerd/api/server.h"
#include "customerd/api/service.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Descriptors for connections on their way out, for the database's connections, the admin listener, and what the libraries open. */
#define SPARE_DESCRIPTORS 384
#define EXIT_SECOND_SIGNAL 130

static void raise_descriptors(const struct config *config)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    rlim_t wanted = (rlim_t)config->http.max_connections + ADMIN_CONNECTIONS_MAX + SPARE_DESCRIPTORS;
    if (files.rlim_cur == RLIM_INFINITY || files.rlim_cur >= wanted)
        return;
    files.rlim_cur = files.rlim_max == RLIM_INFINITY || files.rlim_max > wanted ? wanted : files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
}

/* Before any thread starts, so that all inherit it: the two signals are taken by the main thread alone. */
static void block_signals(sigset_t *stop)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    (void)sigaction(SIGPIPE, &ignore, NULL);
    (void)sigemptyset(stop);
    (void)sigaddset(stop, SIGTERM);
    (void)sigaddset(stop, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, stop, NULL);
}

/* The system call itself: under a sanitizer _exit would look for threads that nobody has joined, and in the middle of
 * stopping there are some. */
static void exit_at_once(int signal_number)
{
    (void)signal_number;
    (void)syscall(SYS_exit_group, EXIT_SECOND_SIGNAL);
}

static void let_second_signal_kill(const sigset_t *stop)
{
    struct sigaction at_once = { .sa_handler = exit_at_once };
    (void)sigaction(SIGTERM, &at_once, NULL);
    (void)sigaction(SIGINT, &at_once, NULL);
    (void)pthread_sigmask(SIG_UNBLOCK, stop, NULL);
}

static void pause_ms(int64_t ms)
{
    struct timespec left = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

static void drain(struct service *s)
{
    const struct config_http *http = &s->config.http;
    struct log *log = s->app.log;
    atomic_store(&s->app.draining, true);
    LOG(log, LOG_INFO, "stopping", LOG_INT("wait_ms", http->drain_wait_ms),
        LOG_INT("timeout_ms", http->drain_timeout_ms));
    pause_ms(http->drain_wait_ms);
    server_drain(s->public);
    size_t left = server_wait_drained(s->public, clock_monotonic_ms(s->app.clock) + http->drain_timeout_ms);
    LOG(log, LOG_INFO, "stopped", LOG_INT("connections_cut", (int64_t)left));
}

static void log_listening(const struct service *s)
{
    const struct config_http *http = &s->config.http;
    LOG(s->app.log, LOG_INFO, "listening", LOG_CSTR("host", http->listen.host),
        LOG_INT("port", s->port), LOG_CSTR("admin_host", http->admin_listen.host),
        LOG_INT("admin_port", s->admin_port));
}

static void run(struct service *s, const sigset_t *stop)
{
    int signal_number;
    log_listening(s);
    while (sigwait(stop, &signal_number) != 0)
        ;
    let_second_signal_kill(stop);
    drain(s);
}

static int fail(const struct error *err)
{
    fprintf(stderr, "customerd: %s\n", err->detail);
    return 1;
}

static void print_help(void)
{
    puts("usage: customerd serve [FLAGS]\n\n"
         "Serves customers over HTTP until SIGTERM or SIGINT; a second signal ends it at once.\n"
         "Each flag is also an environment variable; a flag wins.\n\nflags:");
    service_print_flags(stdout);
}

int command_serve(int argc, char *const *argv)
{
    struct error err = { .code = STATUS_OK };
    sigset_t stop;
    if (command_wants_help(argc, argv)) {
        print_help();
        return 0;
    }
    struct service *s = calloc(1, sizeof *s);
    if (s == NULL)
        return fail(&(struct error){ .detail = "out of memory" });
    enum status status = service_configure(s, argc, argv, &err);
    if (status == STATUS_OK) {
        service_protect_process();
        raise_descriptors(&s->config);
        block_signals(&stop);
        status = service_build(s, &err);
        if (status == STATUS_OK)
            run(s, &stop);
        service_clean_up(s);
    }
    free(s);
    return status == STATUS_OK ? 0 : fail(&err);
}
