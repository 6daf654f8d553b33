/* probe: runs calls of the cluster client as JSON lines say, several at once, and prints how each ended.
 *
 *     {"id":1,"deadline_ms":1000,"calls":[...]}   one cluster_run of one or more calls (probe_calls.h)
 *     {"id":2,"state":true}                       cluster_state and the shards
 *
 * Configuration is the service's own, from the environment; SIM_THREADS callers run at once. At the end of the input
 * it waits for what runs, destroys the cluster, and exits with 0. Log lines go to stderr. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "customerd/memorydb/cluster.h"
#include "customerd/memorydb/io_thread.h"
#include "probe_calls.h"
#include "probe_text.h"

#define THREADS_MAX 64
#define CALLS_MAX 256

struct job {
    struct job *next;
    json_t *request;
};

struct probe {
    struct config config;
    struct log *log;
    struct iam_refresher *refresher;
    struct login_iam login_iam;
    struct login_password login_password;
    struct io_thread *io;
    struct cluster *cluster;
    struct script_book *book;
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_mutex_t output;
    struct job *first, **last;
    bool ended;
};

/* ---- what is printed ---- */

static void print(struct probe *p, json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII);
    pthread_mutex_lock(&p->output);
    if (text != NULL && (puts(text) == EOF || fflush(stdout) != 0))
        fprintf(stderr, "probe: can't write\n");
    pthread_mutex_unlock(&p->output);
    free(text);
    json_decref(line);
}

static const char *status_name(enum status status)
{
    static const char *const names[] = {
#define X(code, http, slug, title, when) [code] = #code,
        STATUS_TABLE(X)
#undef X
    };
    return names[status];
}

static json_t *describe_call(const struct call *call)
{
    enum status status = call_status(call);
    json_t *out = json_pack("{s:s}", "status", status_name(status));
    if (status == STATUS_OK)
        json_object_set_new(out, "reply", probe_reply_encode(call_reply(call)));
    return out;
}

static json_t *describe_state(struct probe *p)
{
    struct cluster_state state;
    struct cluster_shard_state shard;
    json_t *shards = json_array();
    cluster_state(p->cluster, &state);
    for (size_t i = 0; cluster_shard_state(p->cluster, i, &shard); i++)
        json_array_append_new(shards, json_pack("{s:s,s:b,s:b,s:I,s:I,s:I,s:I}", "node", shard.node, "reads_ready",
                                                shard.reads_ready, "writes_ready", shard.writes_ready, "reads_waiting",
                                                (json_int_t)shard.reads_waiting, "writes_waiting",
                                                (json_int_t)shard.writes_waiting, "requests",
                                                (json_int_t)shard.requests, "slots", (json_int_t)shard.slots));
    return json_pack("{s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:o}", "cluster_mode", state.cluster_mode, "slots_served",
                     (json_int_t)state.slots_served, "topology_age_ms", (json_int_t)state.topology_age_ms, "reconnects",
                     (json_int_t)state.reconnects, "redirects", (json_int_t)state.redirects, "reauths",
                     (json_int_t)state.reauths, "reauth_failures", (json_int_t)state.reauth_failures, "last_failure",
                     state.last_failure, "shards", shards);
}

/* ---- what is run ---- */

static json_t *run_calls(struct probe *p, const json_t *request)
{
    struct call *calls[CALLS_MAX];
    struct error err = { .code = STATUS_OK };
    const json_t *descriptions = json_object_get(request, "calls");
    json_t *outcomes = json_array();
    size_t n = 0;
    while (n < json_array_size(descriptions) && n < CALLS_MAX) {
        calls[n] = probe_call_new(p->book, json_array_get(descriptions, n));
        if (calls[n] == NULL)
            abort();
        n++;
    }
    int64_t start_ms = clock_monotonic_ms(clock_system());
    int64_t deadline_ms = start_ms + json_integer_value(json_object_get(request, "deadline_ms"));
    enum status status = cluster_run(p->cluster, calls, n, deadline_ms, &err);
    int64_t elapsed_ms = clock_monotonic_ms(clock_system()) - start_ms;
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(outcomes, describe_call(calls[i]));
        call_release(calls[i]);
    }
    bool failed = status != STATUS_OK;
    return json_pack("{s:s,s:s,s:i,s:s,s:I,s:o}", "status", status_name(status), "applied",
                     failed && err.applied == APPLIED_UNKNOWN ? "unknown" : "no", "retry_after",
                     failed ? err.retry_after_s : 0, "detail", failed ? err.detail : "", "elapsed_ms",
                     (json_int_t)elapsed_ms, "calls", outcomes);
}

static void run_job(struct probe *p, struct job *job)
{
    bool state = json_is_true(json_object_get(job->request, "state"));
    json_t *line = state ? describe_state(p) : run_calls(p, job->request);
    json_object_set(line, "id", json_object_get(job->request, "id"));
    print(p, line);
    json_decref(job->request);
    free(job);
}

static void *work(void *arg)
{
    struct probe *p = arg;
    for (;;) {
        pthread_mutex_lock(&p->lock);
        while (p->first == NULL && !p->ended)
            pthread_cond_wait(&p->work, &p->lock);
        struct job *job = p->first;
        if (job != NULL) {
            p->first = job->next;
            if (p->first == NULL)
                p->last = &p->first;
        }
        pthread_mutex_unlock(&p->lock);
        if (job == NULL)
            return NULL;
        run_job(p, job);
    }
}

static void add_job(struct probe *p, json_t *request)
{
    struct job *job = calloc(1, sizeof *job);
    if (job == NULL)
        abort();
    job->request = request;
    pthread_mutex_lock(&p->lock);
    *p->last = job;
    p->last = &job->next;
    pthread_cond_signal(&p->work);
    pthread_mutex_unlock(&p->lock);
}

static void read_jobs(struct probe *p)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    while ((len = getline(&line, &size, stdin)) > 0) {
        json_error_t problem;
        json_t *request = json_loadb(line, (size_t)len, JSON_ALLOW_NUL, &problem);
        if (request == NULL) {
            fprintf(stderr, "probe: %s\n", problem.text);
            break;
        }
        add_job(p, request);
    }
    free(line);
    pthread_mutex_lock(&p->lock);
    p->ended = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
}

static size_t thread_count(void)
{
    const char *text = getenv("SIM_THREADS");
    long n = text != NULL ? strtol(text, NULL, 10) : 16;
    return n < 1 || n > THREADS_MAX ? 16 : (size_t)n;
}

static void serve(struct probe *p)
{
    pthread_t threads[THREADS_MAX];
    size_t n = thread_count();
    for (size_t i = 0; i < n; i++)
        if (pthread_create(&threads[i], NULL, work, p) != 0)
            abort();
    read_jobs(p);
    for (size_t i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
}

/* ---- start and end ---- */

static enum status start_refresher(struct probe *p, struct error *err)
{
    char region[64];
    struct iam_refresher_options options = { .env = credentials_env_system(), .log = p->log };
    enum status status = http_client_global_init(err);
    if (status == STATUS_OK)
        status = aws_region(options.env, region, sizeof region, err);
    if (status != STATUS_OK)
        return status;
    options.token = (struct iam_token_options){ .service = p->config.iam.service,
                                                .resource = p->config.iam.resource,
                                                .user = p->config.db.user,
                                                .region = region,
                                                .serverless = p->config.iam.serverless,
                                                .ttl_s = p->config.iam.token_ttl_s };
    p->refresher = iam_refresher_new(&options, err);
    return p->refresher != NULL ? STATUS_OK : err->code;
}

static enum status choose_login(struct probe *p, struct login *out, struct error *err)
{
    switch (p->config.db.auth) {
    case DB_AUTH_NONE:
        *out = login_none();
        return STATUS_OK;
    case DB_AUTH_PASSWORD:
        p->login_password = (struct login_password){ .user = p->config.db.user, .file = p->config.db.password_file };
        *out = login_password(&p->login_password);
        return STATUS_OK;
    case DB_AUTH_IAM:
        break;
    }
    enum status status = start_refresher(p, err);
    p->login_iam = (struct login_iam){ .refresher = p->refresher, .user = p->config.db.user };
    *out = login_iam(&p->login_iam);
    return status;
}

static enum status start(struct probe *p, struct error *err)
{
    struct config_sources sources;
    struct cluster_options options = { .ca_setting = "CUSTOMERD_DB_CA_FILE", .clock = clock_system() };
    enum status status = config_load(&(struct config_input){ .environment = environ }, &p->config, &sources, err);
    if (status != STATUS_OK)
        return status;
    p->log = log_new(STDERR_FILENO, p->config.log_level, clock_system());
    p->book = script_book_new();
    if (p->log == NULL || p->book == NULL)
        return error_set(err, STATUS_INTERNAL, "out of memory");
    options.db = p->config.db;
    options.log = p->log;
    status = choose_login(p, &options.login, err);
    if (status != STATUS_OK)
        return status;
    p->io = options.io = io_thread_new(options.clock, err);
    if (p->io == NULL)
        return err->code;
    p->cluster = cluster_new(&options, err);
    return p->cluster != NULL ? STATUS_OK : err->code;
}

int main(void)
{
    struct probe p = { .lock = PTHREAD_MUTEX_INITIALIZER,
                       .work = PTHREAD_COND_INITIALIZER,
                       .output = PTHREAD_MUTEX_INITIALIZER };
    struct error err = { .code = STATUS_OK };
    p.last = &p.first;
    signal(SIGPIPE, SIG_IGN);
    json_object_seed(0);
    enum status status = start(&p, &err);
    if (status == STATUS_OK)
        serve(&p);
    else
        fprintf(stderr, "probe: %s\n", err.detail);
    cluster_destroy(p.cluster);
    iam_refresher_destroy(p.refresher);
    io_thread_destroy(p.io);
    script_book_destroy(p.book);
    log_destroy(p.log);
    return status == STATUS_OK ? 0 : 1;
}
