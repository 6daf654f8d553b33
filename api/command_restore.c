#include "customerd/api/command_options.h"
#include "customerd/api/commands.h"
#include "customerd/api/service.h"
#include "customerd/customers/restore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 60000
#define EXIT_TO_DECIDE 3

static void print_help(void)
{
    puts("usage: customerd restore [FLAGS]\n\n"
         "To be run after a snapshot was restored, or after a failover of a database that may lose what it acknowledged:\n"
         "raises the epoch, compares and repairs all data, and then lets the service write again. While it runs, and until\n"
         "it has ended well, every replica refuses requests (503); none has to be stopped or restarted. It may be\n"
         "interrupted and run again at any time. Each repair is a line on stderr, which names the customer.\n\n"
         "exit status:\n"
         "  0   the data are whole, and the service writes\n"
         "  1   not done, the service stays shut out: run it again\n"
         "  3   the service writes, but what is told must be looked at: customers that share an e-mail, damaged keys\n\n"
         "It takes the settings of `customerd serve`; each flag is also an environment variable, and a flag wins.\n\nflags:");
    service_print_flags(stdout);
}

static void say(void *ctx, const char *text)
{
    (void)ctx;
    printf("restore: %s\n", text);
    (void)fflush(stdout);
}

static void pause_ms(void *ctx, int64_t ms)
{
    const struct timespec time = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };
    (void)ctx;
    (void)nanosleep(&time, NULL);
}

static int print_report(const struct restore_report *r)
{
    printf("restore: done, epoch %" PRIu32 "; the service writes again\n"
           "  %" PRIu64 " begun e-mail changes rolled back, %" PRIu64 " given-up claims removed\n"
           "  %" PRIu64 " claims set anew, %" PRIu64 " claims without a customer removed, %" PRIu64 " index entries repaired\n",
           r->epoch, r->rolled_back, r->released, r->repaired_claims, r->removed_claims, r->repaired_index);
    if (r->shared_emails > 0)
        printf("  %" PRIu64 " customers have the e-mail of another one, too (scrub_two_customers_with_one_email on stderr):\n"
               "  give one of each pair another e-mail, or delete it\n",
               r->shared_emails);
    if (r->damaged > 0)
        printf("  %" PRIu64 " keys could not be read and were passed over (..._damaged on stderr)\n", r->damaged);
    return r->shared_emails > 0 || r->damaged > 0 ? EXIT_TO_DECIDE : EXIT_SUCCESS;
}

static enum status restore(struct service *s, struct restore_report *report, struct error *err)
{
    enum status status = service_build_database(s, STDERR_FILENO, err);
    if (status != STATUS_OK)
        return status;
    const struct customers_options options = {
        .cluster = s->app.cluster,
        .clock = s->app.clock,
        .log = s->app.log,
        .store = s->config.store,
        .request_timeout_ms = s->config.http.request_timeout_ms,
    };
    const struct restore_options how = { .patience_ms = PATIENCE_MS, .say = say, .pause = pause_ms };
    return customers_restore(&options, &how, report, err);
}

int command_restore(int argc, char *const *argv)
{
    struct restore_report report;
    struct error err = { .code = STATUS_OK };
    if (command_wants_help(argc, argv)) {
        print_help();
        return EXIT_SUCCESS;
    }
    struct service *s = calloc(1, sizeof *s);
    if (s == NULL)
        return EXIT_FAILURE;
    enum status status = service_configure(s, argc, argv, &err);
    if (status == STATUS_OK) {
        service_protect_process();
        status = restore(s, &report, &err);
        service_clean_up(s);
    }
    free(s);
    if (status == STATUS_OK)
        return print_report(&report);
    fprintf(stderr, "customerd restore: %s\n", err.detail);
    return EXIT_FAILURE;
}
