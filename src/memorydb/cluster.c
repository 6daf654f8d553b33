#include "customerd/memorydb/cluster.h"

#include "customerd/core/fiber.h"

#include "inner.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- starting and stopping ---- */

static void wake(void *ctx)
{
    struct cluster *cluster = ctx;
    reactor_wake(cluster->reactor);
}

static void free_parts(struct cluster *cluster)
{
    resolver_destroy(cluster->env.resolver);
    reply_parser_destroy(cluster->env.parser);
    tls_context_destroy(cluster->env.tls);
    free(cluster->published.shards);
    call_metrics_destroy(cluster->metrics);
    pthread_mutex_destroy(&cluster->published.lock);
    free(cluster);
}

static enum status set_up(struct cluster *cluster, struct error *err)
{
    struct connection_env *env = &cluster->env;
    cluster->reactor = io_thread_reactor(cluster->options.io);
    jitter_init(&cluster->jitter);
    env->db = &cluster->options.db;
    env->login = &cluster->options.login;
    env->reactor = cluster->reactor;
    env->jitter = &cluster->jitter;
    if (cluster->options.db.tls) {
        env->tls = tls_context_new(cluster->options.db.ca_file, cluster->options.ca_setting, err);
        if (env->tls == NULL)
            return err->code;
    }
    env->parser = reply_parser_new();
    env->resolver = resolver_new(wake, cluster);
    const char *name = cluster->options.metrics_name;
    if (name != NULL)
        (void)snprintf(cluster->metrics_family, sizeof cluster->metrics_family, "customerd_%s_operation_duration_seconds", name);
    cluster->metrics = call_metrics_new(name == NULL ? NULL : cluster->metrics_family);
    if (env->parser == NULL || env->resolver == NULL || cluster->metrics == NULL)
        return error_set(err, STATUS_INTERNAL, "the database client can't start: out of memory or threads");
    return STATUS_OK;
}

struct cluster *cluster_new(const struct cluster_options *options, struct error *err)
{
    struct cluster *cluster = calloc(1, sizeof *cluster);
    if (cluster == NULL) {
        error_set(err, STATUS_INTERNAL, "out of memory");
        return NULL;
    }
    cluster->options = *options;
    pthread_mutex_init(&cluster->published.lock, NULL);
    if (set_up(cluster, err) != STATUS_OK) {
        free_parts(cluster);
        return NULL;
    }
    io_thread_join(options->io, cluster);
    return cluster;
}

void cluster_login_changed(struct cluster *cluster)
{
    atomic_store(&cluster->login_changed, true);
    reactor_wake(cluster->reactor);
}

void cluster_stop(struct cluster *cluster)
{
    if (!atomic_exchange(&cluster->stopping, true))
        io_thread_leave(cluster->options.io, cluster);
}

void cluster_destroy(struct cluster *cluster)
{
    if (cluster == NULL)
        return;
    cluster_stop(cluster);
    free_parts(cluster);
}

/* ---- running calls ---- */

static bool is_write(const struct call *call)
{
    return call->about.lane == CALL_WRITE;
}

/* Settles how one call ended, as its caller sees it. */
static void settle_outcome(struct call *call)
{
    unsigned flags = call_abandon(call);
    if ((flags & CALL_DONE) != 0)
        call->outcome = call->result;
    else if (is_write(call) && (flags & (CALL_SENT | CALL_IN_DOUBT)) != 0)
        call->outcome = STATUS_OUTCOME_UNKNOWN;
    else
        call->outcome = STATUS_UNAVAILABLE;
}

static bool may_have_been_executed(const struct call *call)
{
    unsigned flags = atomic_load(&call->flags);
    return is_write(call) &&
           (call->outcome == STATUS_OK || call->outcome == STATUS_OUTCOME_UNKNOWN || (flags & CALL_IN_DOUBT) != 0);
}

static enum status explain(const struct call *call, struct error *err)
{
    bool answered = (atomic_load(&call->flags) & CALL_DONE) != 0;
    switch (call->outcome) {
    case STATUS_OUTCOME_UNKNOWN:
        return error_set_retry(err, call->outcome, 1, "the write was sent, but its answer did not come");
    case STATUS_NOT_READY:
        return error_set_retry(err, call->outcome, 1, "the database client is stopping");
    case STATUS_INTERNAL:
        return error_set(err, call->outcome, "out of memory");
    default:
        break;
    }
    if (answered && call->reply != NULL) {
        struct slice word = verdict_word(reply_text(call->reply));
        return error_set_retry(err, call->outcome, 1, "the database answered %.*s", (int)word.len, word.ptr);
    }
    return error_set_retry(err, call->outcome, 1,
                           answered ? "no connection to the database, or too many wait for it"
                                    : "no answer from the database in time");
}

static enum status judge_run(struct cluster *cluster, struct call *const *calls, size_t n, struct error *err)
{
    const struct call *failed = NULL;
    bool executed = false;
    for (size_t i = 0; i < n; i++) {
        settle_outcome(calls[i]);
        call_metrics_observe(cluster->metrics, calls[i]);
        if (failed == NULL && calls[i]->outcome != STATUS_OK)
            failed = calls[i];
        executed = executed || may_have_been_executed(calls[i]);
    }
    if (failed == NULL)
        return STATUS_OK;
    enum status status = explain(failed, err);
    err->applied = executed ? APPLIED_UNKNOWN : APPLIED_NO;
    return status;
}

/* On the I/O thread itself a fiber's calls take their way at once. */
static enum inbox_result submit(struct cluster *cluster, struct call *const *calls, size_t n)
{
    struct call_queue queue = { .head = NULL };
    if (!io_thread_is_caller(cluster->options.io))
        return inbox_put(&cluster->inbox, calls, n);
    assert(fiber_current() != NULL);
    if (cluster->left)
        return INBOX_CLOSED;
    for (size_t i = 0; i < n; i++)
        call_queue_push(&queue, calls[i]);
    route_runs(cluster, &queue);
    return INBOX_TAKEN;
}

enum status cluster_run(struct cluster *cluster, struct call *const *calls, size_t n, int64_t deadline_ms,
                        struct error *err)
{
    const struct clock *clock = cluster->options.clock;
    int64_t now_ms = clock_monotonic_ms(clock);
    if (n == 0)
        return STATUS_OK;
    if (!call_share_run(calls, n, now_ms, deadline_ms))
        return error_set(err, STATUS_INTERNAL, "a call was run twice");
    enum inbox_result result = submit(cluster, calls, n);
    if (result == INBOX_CLOSED) {
        call_unshare_run(calls, n);
        for (size_t i = 0; i < n; i++)
            calls[i]->outcome = STATUS_NOT_READY;
        return error_set_retry(err, STATUS_NOT_READY, 1, "the database client is stopping");
    }
    if (result == INBOX_TAKEN_ASLEEP)
        reactor_wake(cluster->reactor);
    while (!call_wait_run(calls[0], now_ms, deadline_ms) && now_ms < deadline_ms)
        now_ms = clock_monotonic_ms(clock);
    /* Calls that are given up may outlive the fiber. */
    atomic_store_explicit(&calls[0]->waiter, NULL, memory_order_release);
    return judge_run(cluster, calls, n, err);
}

enum status cluster_run_take(struct cluster *cluster, struct call *call, int64_t deadline_ms, struct call **out,
                             struct error *err)
{
    *out = NULL;
    if (call == NULL)
        return error_set(err, STATUS_INTERNAL, "out of memory");
    enum status status = cluster_run(cluster, &call, 1, deadline_ms, err);
    if (status == STATUS_OK)
        *out = call;
    else
        call_release(call);
    return status;
}

/* ---- about the cluster ---- */

size_t cluster_shard_count(struct cluster *cluster)
{
    pthread_mutex_lock(&cluster->published.lock);
    size_t n = cluster->published.n_shards;
    pthread_mutex_unlock(&cluster->published.lock);
    return n;
}

static bool is_served(struct node *node)
{
    return atomic_load(&node->lanes[CALL_READ].ready) && atomic_load(&node->lanes[CALL_WRITE].ready);
}

void cluster_state(struct cluster *cluster, struct cluster_state *out)
{
    struct published *published = &cluster->published;
    *out = (struct cluster_state){ .topology_age_ms = -1 };
    pthread_mutex_lock(&published->lock);
    out->cluster_mode = published->cluster_mode;
    out->n_shards = published->n_shards;
    for (size_t i = 0; i < published->n_shards; i++) {
        if (is_served(published->shards[i]))
            out->slots_served += atomic_load(&published->shards[i]->slots);
    }
    if (published->known)
        out->topology_age_ms = clock_monotonic_ms(cluster->options.clock) - published->learnt_ms;
    snprintf(out->last_failure, sizeof out->last_failure, "%s", published->last_failure);
    pthread_mutex_unlock(&published->lock);
    out->reconnects = atomic_load(&published->reconnects);
    out->redirects = atomic_load(&published->redirects);
    out->reauths = atomic_load(&cluster->env.reauths);
    out->reauth_failures = atomic_load(&cluster->env.reauth_failures);
}

bool cluster_shard_state(struct cluster *cluster, size_t i, struct cluster_shard_state *out)
{
    struct published *published = &cluster->published;
    pthread_mutex_lock(&published->lock);
    bool found = i < published->n_shards;
    if (found) {
        struct node *node = published->shards[i];
        bool v6 = strchr(node->peer.host, ':') != NULL;
        struct lane *reads = &node->lanes[CALL_READ], *writes = &node->lanes[CALL_WRITE];
        snprintf(out->node, sizeof out->node, "%s%s%s:%u", v6 ? "[" : "", node->peer.host, v6 ? "]" : "",
                 (unsigned)node->peer.port);
        out->reads_ready = atomic_load(&reads->ready);
        out->writes_ready = atomic_load(&writes->ready);
        out->reads_waiting = atomic_load(&reads->load);
        out->writes_waiting = atomic_load(&writes->load);
        out->requests = atomic_load(&node->places.taken);
        out->slots = atomic_load(&node->slots);
    }
    pthread_mutex_unlock(&published->lock);
    return found;
}
