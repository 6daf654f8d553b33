#include "customerd/api/command_options.h"
#include "customerd/core/json_utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "warming.h"

#define LOOK_MS 100
#define TELL_EVERY_MS 1000
#define EXIT_SIGNAL 128 /* and the signal's number */

struct warm_arguments {
    struct warm_scope scope;
    const char *start_after;
    const char *state;
    const char *rate_text, *jobs_text;
    int64_t rate, jobs;
};

/* What the main thread has of a run. */
struct watch {
    const struct warm_arguments *arguments;
    struct objects_command command;
    struct warming_options options;
    struct warming warming;
    sigset_t signals;
    int signal_number; /* that ends it; 0: none has come */
    int64_t begin_ms, told_ms;
    uint64_t told;     /* objects finished when it was last told */
};

static void print_help(void)
{
    puts("usage: customerd warm --bucket NAME [OPTIONS] [FLAGS]\n\n"
         "Brings objects from S3 into the cache before anybody asks for them. What is there and fresh is left alone. Tells on\n"
         "stderr, at most once a second, how far it has come; names that could not be warmed go to stdout, one a line, as\n"
         "--from-list reads them. It may be interrupted (SIGINT, SIGTERM) and run again at any time.\n\n"
         "  --bucket NAME      one of CUSTOMERD_OBJECT_BUCKETS\n"
         "  --prefix TEXT      only keys that begin with it\n"
         "  --from-list FILE   keys from a file, one a line as S3 has them, instead of S3's listing\n"
         "  --state FILE       keeps there how far it has come, goes on there, and removes it at the end\n"
         "  --start-after KEY  begins behind this key, in S3's order; not with --from-list\n"
         "  --rate N           at most so many objects a second (0: no bound)\n"
         "  --jobs N           at most so many objects at a time, 1 to 256 (8)\n\n"
         "exit status:\n"
         "  0          done; what is absent, too long to be kept or being written was passed over, and is told\n"
         "  1          not done: the settings, or S3 or the cache does not answer; run it again\n"
         "  2          an option is wrong\n"
         "  3          done, but for the names on stdout\n"
         "  130, 143   interrupted by SIGINT, SIGTERM\n\n"
         "It takes the settings of `customerd serve`; each flag is also an environment variable, and a flag wins.\n\nflags:");
    objects_command_print_flags(stdout);
}

static int fail(const struct error *err, int code)
{
    fprintf(stderr, "customerd warm: %s\n", err->detail);
    return code;
}

/* ---- telling ---- */

static int64_t now_ms(void)
{
    return clock_monotonic_ms(clock_system());
}

/* What the run has come to, with its lock held only as long as copying takes. */
struct look {
    uint64_t counts[WARM_OUTCOMES];
    uint64_t finished;
    struct warm_mark resume_at;
};

static void look(struct watch *w, struct look *out, struct buf *failures)
{
    monitor_lock(&w->warming.monitor);
    memcpy(out->counts, w->warming.queue.counts, sizeof out->counts);
    out->finished = warm_queue_finished(&w->warming.queue);
    out->resume_at = *warm_queue_resume_at(&w->warming.queue);
    *failures = w->warming.failures;
    buf_init(&w->warming.failures, failures->max_bytes);
    monitor_unlock(&w->warming.monitor);
}

static void tell(const struct look *seen, const char *how, int64_t ms)
{
    static const char *const words[WARM_OUTCOMES] = {
        [WARM_FILLED] = "filled",          [WARM_FRESH] = "fresh already",         [WARM_ABSENT] = "absent",
        [WARM_TOO_LONG] = "too long",      [WARM_BUSY] = "being written",          [WARM_UNSERVABLE] = "that can't be served",
        [WARM_FAILED] = "failed",
    };
    double s = (double)(ms > 0 ? ms : 1) / 1e3;
    fprintf(stderr, "warm: %s%" PRIu64 " objects in %.1f s, %.0f/s: %" PRIu64 " filled", how, seen->finished, s,
            (double)seen->finished / s, seen->counts[WARM_FILLED]);
    for (size_t i = WARM_FRESH; i < WARM_OUTCOMES; i++)
        if (seen->counts[i] > 0)
            fprintf(stderr, ", %" PRIu64 " %s", seen->counts[i], words[i]);
    (void)fputc('\n', stderr);
}

/* Gives out the names that failed, keeps the state, and tells how far it has come. */
static enum status look_after(struct watch *w, const char *how, bool last, struct error *err)
{
    struct look seen;
    struct buf failures;
    look(w, &seen, &failures);
    bool written = fwrite(buf_slice(&failures).ptr, 1, failures.len, stdout) == failures.len && fflush(stdout) == 0;
    buf_clean_up(&failures);
    bool new = last || seen.finished != w->told;
    w->told = seen.finished;
    w->told_ms = now_ms();
    if (new)
        tell(&seen, how, w->told_ms - w->begin_ms);
    if (!written)
        return error_set(err, STATUS_INTERNAL, "the names that failed can't be written to stdout");
    return w->arguments->state == NULL || !new
               ? STATUS_OK
               : warm_state_write(w->arguments->state, &w->arguments->scope, &seen.resume_at, err);
}

/* ---- the run ---- */

/* Before any thread: all inherit it, and the main thread takes the signals where it waits. */
static void block_signals(struct watch *w)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    (void)sigaction(SIGPIPE, &ignore, NULL);
    (void)sigemptyset(&w->signals);
    (void)sigaddset(&w->signals, SIGINT);
    (void)sigaddset(&w->signals, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &w->signals, NULL);
}

/* A second signal ends the program at once. */
static void take_signal(struct watch *w, int64_t wait_ms)
{
    const struct timespec wait = { .tv_sec = (time_t)(wait_ms / 1000), .tv_nsec = (long)(wait_ms % 1000) * 1000000 };
    if (w->signal_number != 0) {
        (void)nanosleep(&wait, NULL);
        return;
    }
    int number = sigtimedwait(&w->signals, NULL, &wait);
    if (number <= 0)
        return;
    w->signal_number = number;
    (void)pthread_sigmask(SIG_UNBLOCK, &w->signals, NULL);
    fprintf(stderr, "warm: stopping when what is under way has ended; a second signal ends it at once\n");
}

static bool is_interrupted(void *ctx)
{
    struct watch *w = ctx;
    take_signal(w, 0);
    return w->signal_number != 0;
}

static enum status watch_over(struct watch *w, struct error *err)
{
    enum status status = STATUS_OK;
    while (warming_runs(&w->warming)) {
        take_signal(w, LOOK_MS);
        if (status == STATUS_OK && now_ms() - w->told_ms >= TELL_EVERY_MS)
            status = look_after(w, "", false, err);
        if (status != STATUS_OK || w->signal_number != 0)
            warming_stop(&w->warming);
    }
    struct error ignored;
    const char *how = w->signal_number != 0 ? "interrupted: " : w->warming.end.code != STATUS_OK ? "given up: " : "done: ";
    enum status told = look_after(w, how, true, status == STATUS_OK ? err : &ignored);
    return status == STATUS_OK ? told : status;
}

static void say_how_to_go_on(const struct watch *w)
{
    const struct warm_mark *mark = warm_queue_resume_at(&w->warming.queue);
    if (w->arguments->state != NULL)
        fprintf(stderr, "warm: the same command goes on where this one has ended\n");
    else if (w->arguments->scope.list == NULL && mark->len > 0 && !utf8_look(slice_of(mark->key, mark->len)).has_control)
        fprintf(stderr, "warm: to go on: --start-after \"%.*s\"\n", (int)mark->len, mark->key);
}

static int conclude(struct watch *w, enum status status, struct error *err)
{
    const struct warming *run = &w->warming;
    if (status == STATUS_OK && run->end.code == STATUS_OK && w->signal_number == 0) {
        if (w->arguments->state != NULL)
            (void)unlink(w->arguments->state);
        if (run->queue.counts[WARM_FAILED] == 0)
            return EXIT_SUCCESS;
        return fail(&run->last, EXIT_IN_PART);
    }
    say_how_to_go_on(w);
    if (status == STATUS_OK && run->end.code == STATUS_OK)
        return EXIT_SIGNAL + w->signal_number;
    return fail(status != STATUS_OK ? err : &run->end, EXIT_FAILURE);
}

static int run(struct watch *w, const struct warm_mark *begin)
{
    struct error err = { .code = STATUS_OK };
    enum status status = objects_command_start(&w->command, &err);
    if (status == STATUS_OK)
        status = objects_command_wait(&w->command, is_interrupted, w, &err);
    if (w->signal_number != 0)
        return EXIT_SIGNAL + w->signal_number;
    if (status == STATUS_OK)
        status = warming_start(&w->warming, &w->options, begin, &err);
    if (status != STATUS_OK)
        return fail(&err, EXIT_FAILURE);
    w->begin_ms = w->told_ms = now_ms();
    status = watch_over(w, &err);
    int code = conclude(w, status, &err);
    warming_clean_up(&w->warming);
    return code;
}

static int warm(struct watch *w, const struct warm_arguments *a)
{
    struct warm_mark begin = { .len = 0 };
    struct error err = { .code = STATUS_OK };
    w->arguments = a;
    w->options = (struct warming_options){ .command = &w->command, .scope = a->scope, .rate = a->rate, .jobs = a->jobs };
    if (a->start_after != NULL) {
        begin.len = strlen(a->start_after);
        memcpy(begin.key, a->start_after, begin.len);
    }
    if (a->state != NULL && (warm_state_read(a->state, &a->scope, &begin, &err) != STATUS_OK ||
                             warm_state_write(a->state, &a->scope, &begin, &err) != STATUS_OK))
        return fail(&err, EXIT_FAILURE);
    block_signals(w);
    int code = run(w, &begin);
    objects_command_clean_up(&w->command);
    return code;
}

/* ---- arguments ---- */

static enum status check_text(const char *name, const char *text, size_t min, struct error *err)
{
    struct slice t = slice_cstr(text);
    struct utf8_facts facts = utf8_look(t);
    if (t.len >= min && t.len <= OBJECT_KEY_MAX_BYTES && facts.valid)
        return STATUS_OK;
    return error_set(err, STATUS_BAD_PARAMETER, "%s: expected %zu to %d bytes of UTF-8", name, min, OBJECT_KEY_MAX_BYTES);
}

static enum status check_arguments(struct warm_arguments *a, struct error *err)
{
    if (a->scope.bucket == NULL)
        return error_set(err, STATUS_BAD_PARAMETER, "--bucket is needed");
    if (a->scope.list != NULL && a->start_after != NULL)
        return error_set(err, STATUS_BAD_PARAMETER, "--start-after goes with S3's listing, not with --from-list");
    if (a->start_after != NULL && a->state != NULL)
        return error_set(err, STATUS_BAD_PARAMETER, "--start-after and --state both say where to begin: give one of them");
    enum status status = check_text("--prefix", a->scope.prefix, 0, err);
    if (status == STATUS_OK && a->start_after != NULL)
        status = check_text("--start-after", a->start_after, 1, err);
    if (status == STATUS_OK && a->scope.list != NULL)
        status = check_text("--from-list", a->scope.list, 1, err);
    if (status == STATUS_OK)
        status = command_option_number("--rate", a->rate_text, 0, 1000000, &a->rate, err);
    if (status == STATUS_OK)
        status = command_option_number("--jobs", a->jobs_text, 1, WARM_JOBS_MAX, &a->jobs, err);
    return status;
}

/* A list that can't be read is told before anything runs. */
static enum status check_list(const struct warm_arguments *a, struct error *err)
{
    if (a->scope.list == NULL || access(a->scope.list, R_OK) == 0)
        return STATUS_OK;
    return error_set(err, STATUS_BAD_PARAMETER, "--from-list: %.150s can't be read: %s", a->scope.list, strerrordesc_np(errno));
}

int command_warm(int argc, char *const *argv)
{
    struct warm_arguments a = { .scope = { .prefix = "" }, .rate = 0, .jobs = 8 };
    struct error err = { .code = STATUS_OK };
    const struct command_option options[] = {
        { "--bucket", &a.scope.bucket, NULL },    { "--prefix", &a.scope.prefix, NULL },
        { "--from-list", &a.scope.list, NULL },   { "--state", &a.state, NULL },
        { "--start-after", &a.start_after, NULL }, { "--rate", &a.rate_text, NULL },
        { "--jobs", &a.jobs_text, NULL },         { NULL, NULL, NULL },
    };
    int n_rest = 0;
    if (command_wants_help(argc, argv)) {
        print_help();
        return EXIT_SUCCESS;
    }
    struct watch *w = calloc(1, sizeof *w);
    char **rest = calloc((size_t)argc, sizeof *rest);
    int code = EXIT_FAILURE;
    if (w == NULL || rest == NULL)
        code = fail(&(struct error){ .detail = "out of memory" }, EXIT_FAILURE);
    else if (command_options_take(argc, argv, options, rest, &n_rest, &err) != STATUS_OK || check_arguments(&a, &err) != STATUS_OK)
        code = fail(&err, EXIT_USAGE);
    else if (objects_command_configure(&w->command, n_rest, rest, &err) != STATUS_OK ||
             objects_command_check_bucket(&w->command, a.scope.bucket, &err) != STATUS_OK || check_list(&a, &err) != STATUS_OK)
        code = fail(&err, EXIT_FAILURE);
    else
        code = warm(w, &a);
    free(w);
    free(rest);
    return code;
}
