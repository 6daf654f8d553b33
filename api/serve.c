#include "customerd/api/commands.h"
#include "customerd/api/server.h"
#include "customerd/api/service.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Descriptors for the database's connections, the admin listener, and what the libraries open. */
#define SPARE_DESCRIPTORS 256
#define EXIT_SECOND_SIGNAL 130

/* Tokens and keys are in memory: no core file, no reading by another process of the user. */
static void protect_process(const struct config *config)
{
    const struct rlimit none = { .rlim_cur = 0, .rlim_max = 0 };
    struct rlimit files;
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)setrlimit(RLIMIT_CORE, &none);
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
    struct resources resources;
    resources_init(&resources);
    config_print_flags(resources_parts(&resources), stdout);
}

static enum status configure(struct service *s, int argc, char *const *argv, struct error *err)
{
    struct config_sources sources;
    resources_init(&s->resources);
    const struct config_input input = { argc - 1, argv + 1, environ, resources_parts(&s->resources) };
    enum status status = config_load(&input, &s->config, &sources, err);
    if (status == STATUS_OK)
        status = resources_choose(&s->resources, s->config.resources, err);
    if (status == STATUS_OK)
        status = config_check_serve(&s->config, resources_use_database(&s->resources), err);
    return status == STATUS_OK ? resources_check(&s->resources, &s->config, err) : status;
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
    enum status status = configure(s, argc, argv, &err);
    if (status == STATUS_OK) {
        protect_process(&s->config);
        block_signals(&stop);
        status = service_build(s, &err);
        if (status == STATUS_OK)
            run(s, &stop);
        service_clean_up(s);
    }
    free(s);
    return status == STATUS_OK ? 0 : fail(&err);
}
