/* The client against real servers that this test starts: TLS and plain, with cluster mode and without. */
#include "customerd/core/crypto.h"
#include "customerd/memorydb/cluster.h"
#include "customerd/memorydb/io_thread.h"

#include "redis_server.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct lab lab;

/* ---- a client ---- */

struct client {
    struct cluster *cluster;
    struct cluster_options options;
    char password_file[96];
    struct login_password password;
};

static void client_defaults(struct client *c, const struct redis *r, bool tls)
{
    *c = (struct client){ .cluster = NULL };
    struct config_db *db = &c->options.db;
    snprintf(db->endpoint.host, sizeof db->endpoint.host, "localhost");
    db->endpoint.port = tls ? r->tls_port : r->port;
    db->tls = tls;
    snprintf(db->ca_file, sizeof db->ca_file, "%s", lab.ca_file);
    db->connect_timeout_ms = 2000;
    db->reauth_s = 36000;
    db->topology_refresh_s = 60;
    db->queue_max = 4096;
    c->options.ca_setting = "CUSTOMERD_DB_CA_FILE";
    c->options.login = login_none();
    c->options.clock = clock_system();
}

static void client_start(struct client *c)
{
    struct error err;
    c->options.io = io_thread_new(c->options.clock, &err);
    assert_non_null(c->options.io);
    c->cluster = cluster_new(&c->options, &err);
    assert_non_null(c->cluster);
}

static void write_password(struct client *c, const char *password)
{
    FILE *f = fopen(c->password_file, "w");
    assert_non_null(f);
    fprintf(f, "%s\n", password);
    fclose(f);
}

static void use_password(struct client *c, const char *user, const char *password)
{
    snprintf(c->password_file, sizeof c->password_file, "%s/password", lab.dir);
    write_password(c, password);
    c->password = (struct login_password){ .user = user, .file = c->password_file };
    c->options.login = login_password(&c->password);
}

static struct cluster_state state_of(struct client *c)
{
    struct cluster_state state;
    cluster_state(c->cluster, &state);
    return state;
}

static bool serves_all(void *ctx)
{
    return state_of(ctx).slots_served == CLUSTER_SLOTS;
}

static void await_ready(struct client *c)
{
    if (!poll_until(serves_all, c, 10000))
        fail_msg("not ready: %s", state_of(c).last_failure);
}

/* ---- calls ---- */

#define WORDS_MAX 8

static struct call *command(enum call_lane lane, const char *const *words)
{
    struct slice args[WORDS_MAX];
    size_t n = 0;
    while (words[n] != NULL) {
        args[n] = slice_cstr(words[n]);
        n++;
    }
    struct call *call = call_new(&(struct call_options){
        .lane = lane, .target = CALL_TO_SLOT, .slot = n > 1 ? cluster_key_slot(args[1]) : 0, .args = args, .n_args = n });
    assert_non_null(call);
    return call;
}

#define READ(...) command(CALL_READ, (const char *const[]){ __VA_ARGS__, NULL })
#define WRITE(...) command(CALL_WRITE, (const char *const[]){ __VA_ARGS__, NULL })

static enum status run(struct client *c, struct call *call, int64_t timeout_ms, struct error *err)
{
    return cluster_run(c->cluster, &call, 1, monotonic_ms() + timeout_ms, err);
}

/* Runs a call that must succeed. */
static struct call *ran(struct client *c, struct call *call)
{
    struct error err = { .code = STATUS_OK };
    enum status status = run(c, call, 10000, &err);
    if (status != STATUS_OK)
        fail_msg("%s: %s", status_slug(status), err.detail);
    return call;
}

static void expect_text(struct client *c, struct call *call, const char *expected)
{
    assert_true(slice_is(reply_text(call_reply(ran(c, call))), expected));
    call_release(call);
}

static struct script make_script(const char *text)
{
    struct script s = { .name = "test", .source = slice_cstr(text) };
    assert_true(sha1_hex(s.source, s.sha1));
    return s;
}

static struct call *script_call(const struct script *script, const char *key, const char *arg)
{
    struct slice args[] = { slice_cstr(key), slice_cstr(arg) };
    struct call *call = call_new(&(struct call_options){ .lane = CALL_WRITE, .target = CALL_TO_SLOT,
                                                         .slot = cluster_key_slot(args[0]), .script = script,
                                                         .args = args, .n_args = 2, .n_keys = 1 });
    assert_non_null(call);
    return call;
}

/* ---- set-ups ---- */

struct setup {
    struct redis redis;
    struct client client;
};

static struct setup *start(bool tls, bool cluster_mode, const char *extra)
{
    struct setup *s = calloc(1, sizeof *s);
    redis_start(&s->redis, &lab, cluster_mode, extra);
    client_defaults(&s->client, &s->redis, tls);
    return s;
}

static void stop(struct setup *s)
{
    cluster_destroy(s->client.cluster);
    io_thread_destroy(s->client.options.io);
    redis_stop(&s->redis);
    free(s);
}

static void set_and_get(bool tls, bool cluster_mode, const char *extra)
{
    struct setup *s = start(tls, cluster_mode, extra);
    client_start(&s->client);
    expect_text(&s->client, WRITE("SET", "a", "one"), "OK");
    expect_text(&s->client, READ("GET", "a"), "one");
    await_ready(&s->client);
    assert_int_equal(cluster_shard_count(s->client.cluster), 1);
    assert_int_equal(state_of(&s->client).cluster_mode, cluster_mode);
    stop(s);
}

/* ---- tests ---- */

static void serves_over_tls_with_cluster_mode(void **state)
{
    (void)state;
    set_and_get(true, true, "");
}

static void serves_by_announced_host_name(void **state)
{
    (void)state;
    set_and_get(true, true, "--cluster-announce-hostname localhost --cluster-preferred-endpoint-type hostname");
}

static void serves_by_announced_address(void **state)
{
    (void)state;
    set_and_get(true, true, "--cluster-announce-ip 127.0.0.1");
}

static void serves_over_tls_without_cluster_mode(void **state)
{
    (void)state;
    set_and_get(true, false, "");
}

static void serves_over_plain_tcp(void **state)
{
    (void)state;
    set_and_get(false, true, "");
    set_and_get(false, false, "");
}

static void many_calls_in_one_run_are_answered_in_order(void **state)
{
    (void)state;
    enum { N = 200 };
    struct call *calls[N];
    char text[N][16];
    struct error err;
    struct setup *s = start(true, false, "");
    client_start(&s->client);
    for (int i = 0; i < N; i++) {
        snprintf(text[i], sizeof text[i], "%d", i);
        calls[i] = WRITE("ECHO", text[i]);
    }
    assert_int_equal(cluster_run(s->client.cluster, calls, N, monotonic_ms() + 10000, &err), STATUS_OK);
    for (int i = 0; i < N; i++) {
        assert_int_equal(call_status(calls[i]), STATUS_OK);
        assert_true(slice_is(reply_text(call_reply(calls[i])), text[i]));
        call_release(calls[i]);
    }
    stop(s);
}

struct worker {
    pthread_t thread;
    struct client *client;
    int id, count;
    atomic_int *failures;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    char key[32], value[32];
    struct error err;
    for (int i = 0; i < w->count; i++) {
        snprintf(key, sizeof key, "key-%d-%d", w->id, i % 10);
        snprintf(value, sizeof value, "value-%d-%d", w->id, i);
        struct call *set = WRITE("SET", key, value), *get = READ("GET", key);
        if (run(w->client, set, 10000, &err) != STATUS_OK || run(w->client, get, 10000, &err) != STATUS_OK ||
            !slice_is(reply_text(call_reply(get)), value))
            atomic_fetch_add(w->failures, 1);
        call_release(set);
        call_release(get);
    }
    return NULL;
}

static void *kill_connections(void *arg)
{
    struct setup *s = arg;
    for (int i = 0; i < 10; i++) {
        redis_command(&s->redis, "CLIENT KILL TYPE normal SKIPME yes");
        struct call *call = READ("PING");
        ran(&s->client, call);
        call_release(call);
    }
    return NULL;
}

static void load(struct setup *s, int count, bool killing)
{
    enum { WORKERS = 16 };
    struct worker workers[WORKERS];
    atomic_int failures = 0;
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){ .client = &s->client, .id = i, .count = count, .failures = &failures };
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    }
    if (killing)
        kill_connections(s);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i].thread, NULL);
    assert_int_equal(atomic_load(&failures), 0);
}

static void sixteen_threads_read_what_they_wrote(void **state)
{
    (void)state;
    struct setup *s = start(true, false, "");
    client_start(&s->client);
    load(s, 300, false);
    stop(s);
}

static void killed_connections_are_not_noticed(void **state)
{
    (void)state;
    struct setup *s = start(true, true, "");
    client_start(&s->client);
    await_ready(&s->client);
    load(s, 300, true);
    assert_true(state_of(&s->client).reconnects >= 1);
    stop(s);
}

static void large_values_pass_unharmed(void **state)
{
    (void)state;
    enum { SIZE = 3 << 20 };
    char *value = malloc(SIZE + 1);
    struct setup *s = start(true, false, "");
    client_start(&s->client);
    for (int i = 0; i < SIZE; i++)
        value[i] = (char)('a' + i % 23);
    value[SIZE] = '\0';
    expect_text(&s->client, WRITE("SET", "large", value), "OK");
    expect_text(&s->client, READ("GET", "large"), value);
    stop(s);
    free(value);
}

static void a_script_is_sent_again_whole_when_it_is_forgotten(void **state)
{
    (void)state;
    struct setup *s = start(true, false, "");
    struct script script = make_script("return redis.call('SET', KEYS[1], ARGV[1])");
    client_start(&s->client);
    for (int i = 0; i < 3; i++) {
        expect_text(&s->client, script_call(&script, "k", "v"), "OK");
        redis_command(&s->redis, "SCRIPT FLUSH");
    }
    expect_text(&s->client, READ("GET", "k"), "v");
    stop(s);
}

static void final_errors_have_their_status(void **state)
{
    (void)state;
    struct error err;
    struct setup *s = start(true, false, "");
    client_start(&s->client);
    expect_text(&s->client, WRITE("SET", "text", "v"), "OK");
    struct call *wrong = WRITE("SADD", "text", "x"), *unknown = WRITE("NOSUCH", "x"), *full = WRITE("SET", "b", "x");
    assert_int_equal(run(&s->client, wrong, 5000, &err), STATUS_RECORD_DAMAGED);
    assert_int_equal(run(&s->client, unknown, 5000, &err), STATUS_UNAVAILABLE);
    assert_int_equal(err.applied, APPLIED_NO);
    redis_command(&s->redis, "CONFIG SET maxmemory 1");
    assert_int_equal(run(&s->client, full, 5000, &err), STATUS_STORAGE_FULL);
    assert_int_equal(err.applied, APPLIED_NO);
    call_release(wrong);
    call_release(unknown);
    call_release(full);
    stop(s);
}

static void a_call_is_run_once(void **state)
{
    (void)state;
    struct error err;
    struct setup *s = start(true, false, "");
    client_start(&s->client);
    struct call *call = ran(&s->client, READ("PING"));
    assert_int_equal(run(&s->client, call, 1000, &err), STATUS_INTERNAL);
    call_release(call);
    stop(s);
}

/* ---- refusals ---- */

static bool has_failed(void *ctx)
{
    return state_of(ctx).last_failure[0] != '\0';
}

static void expect_refusal(struct setup *s, const char *reason)
{
    struct error err;
    client_start(&s->client);
    struct call *call = READ("GET", "a");
    assert_int_equal(run(&s->client, call, 600, &err), STATUS_UNAVAILABLE);
    call_release(call);
    assert_true(poll_until(has_failed, &s->client, 5000));
    if (strstr(state_of(&s->client).last_failure, reason) == NULL)
        fail_msg("failed otherwise: %s", state_of(&s->client).last_failure);
    assert_int_equal(state_of(&s->client).slots_served, 0);
    stop(s);
}

static void a_wrong_host_name_is_refused(void **state)
{
    (void)state;
    struct setup *s = start(true, false, "");
    snprintf(s->client.options.db.endpoint.host, 256, "127.0.0.2"); /* the server listens on 127.0.0.1 alone */
    redis_stop(&s->redis);
    s->redis.extra = "--bind 127.0.0.1 127.0.0.2";
    redis_start_again(&s->redis);
    expect_refusal(s, "certificate refused: IP address mismatch");
}

static void an_untrusted_authority_is_refused(void **state)
{
    (void)state;
    struct setup *s = start(true, false, "");
    snprintf(s->client.options.db.ca_file, 256, "%s", lab.other_ca_file);
    expect_refusal(s, "certificate refused");
}

static void old_tls_is_refused(void **state)
{
    (void)state;
    expect_refusal(start(true, false, "--tls-protocols TLSv1.1 --tls-ciphers DEFAULT@SECLEVEL=0"), "TLS");
}

static void a_plain_server_is_not_taken_for_a_tls_server(void **state)
{
    (void)state;
    struct setup *s = start(true, false, "");
    s->client.options.db.endpoint.port = s->redis.port;
    expect_refusal(s, "");
}

static void an_unreadable_ca_file_stops_the_start(void **state)
{
    (void)state;
    struct setup *s = start(true, false, "");
    struct error err;
    s->client.options.io = io_thread_new(clock_system(), &err);
    assert_non_null(s->client.options.io);
    snprintf(s->client.options.db.ca_file, 256, "/nonexistent/ca.pem");
    assert_null(cluster_new(&s->client.options, &err));
    assert_non_null(strstr(err.detail, "CUSTOMERD_DB_CA_FILE"));
    stop(s);
}

/* ---- signing in ---- */

static void set_user(struct setup *s, const char *password)
{
    char line[128];
    snprintf(line, sizeof line, "ACL SETUSER app reset on >%s ~* &* +@all", password);
    assert_string_equal(redis_command(&s->redis, line), "+OK\r\n");
}

static void signs_in_with_user_and_password(void **state)
{
    (void)state;
    struct setup *s = start(true, false, "");
    set_user(s, "right");
    use_password(&s->client, "app", "right");
    client_start(&s->client);
    expect_text(&s->client, READ("ACL", "WHOAMI"), "app");
    stop(s);
}

static void a_wrong_password_is_refused_and_a_new_one_taken_up(void **state)
{
    (void)state;
    struct setup *s = start(true, false, "");
    set_user(s, "right");
    use_password(&s->client, "app", "wrong");
    client_start(&s->client);
    assert_true(poll_until(has_failed, &s->client, 5000));
    assert_non_null(strstr(state_of(&s->client).last_failure, "WRONGPASS"));
    write_password(&s->client, "right");
    expect_text(&s->client, READ("ACL", "WHOAMI"), "app");
    stop(s);
}

static bool has_renewed(void *ctx)
{
    return state_of(ctx).reauths >= 4;
}

static void signs_in_again_in_time_under_load(void **state)
{
    (void)state;
    struct setup *s = start(true, false, "");
    set_user(s, "right");
    use_password(&s->client, "app", "right");
    s->client.options.db.reauth_s = 1;
    client_start(&s->client);
    await_ready(&s->client);
    load(s, 300, false);
    assert_true(poll_until(has_renewed, &s->client, 10000));
    assert_int_equal(state_of(&s->client).reauth_failures, 0);
    assert_int_equal(state_of(&s->client).reconnects, 0);
    stop(s);
}

static bool renewal_has_failed(void *ctx)
{
    return state_of(ctx).reauth_failures >= 1;
}

static void a_failed_renewal_keeps_the_connection(void **state)
{
    (void)state;
    struct setup *s = start(true, false, "");
    set_user(s, "right");
    use_password(&s->client, "app", "right");
    s->client.options.db.reauth_s = 1;
    client_start(&s->client);
    await_ready(&s->client);
    write_password(&s->client, "wrong");
    assert_true(poll_until(renewal_has_failed, &s->client, 10000));
    expect_text(&s->client, READ("ACL", "WHOAMI"), "app");
    write_password(&s->client, "right");
    uint64_t before = state_of(&s->client).reauths;
    assert_true(poll_until(has_renewed, &s->client, 10000));
    assert_true(state_of(&s->client).reauths > before);
    assert_int_equal(state_of(&s->client).reconnects, 0);
    stop(s);
}

/* ---- faults ---- */

static void a_hung_server_costs_no_more_than_the_deadline(void **state)
{
    (void)state;
    struct error err;
    struct setup *s = start(true, false, "");
    client_start(&s->client);
    await_ready(&s->client);
    redis_signal(&s->redis, SIGSTOP);
    int64_t before = monotonic_ms();
    struct call *read = READ("GET", "a"), *write = WRITE("SET", "a", "b");
    assert_int_equal(run(&s->client, read, 300, &err), STATUS_UNAVAILABLE);
    assert_int_equal(run(&s->client, write, 300, &err), STATUS_OUTCOME_UNKNOWN);
    assert_int_equal(err.applied, APPLIED_UNKNOWN);
    assert_in_range((uint64_t)(monotonic_ms() - before), 600, 900);
    call_release(read);
    call_release(write);
    redis_signal(&s->redis, SIGCONT);
    expect_text(&s->client, WRITE("SET", "c", "d"), "OK");
    stop(s);
}

static bool has_lost(void *ctx)
{
    struct cluster_shard_state shard;
    struct client *c = ctx;
    return !cluster_shard_state(c->cluster, 0, &shard) || (!shard.reads_ready && !shard.writes_ready);
}

static void a_hung_connection_is_given_up(void **state)
{
    (void)state;
    struct error err;
    struct setup *s = start(true, false, "");
    client_start(&s->client);
    await_ready(&s->client);
    redis_signal(&s->redis, SIGSTOP);
    struct call *read = READ("GET", "a"), *write = WRITE("SET", "a", "b");
    struct call *both[] = { read, write };
    assert_int_equal(cluster_run(s->client.cluster, both, 2, monotonic_ms() + 100, &err), STATUS_UNAVAILABLE);
    assert_int_equal(err.applied, APPLIED_UNKNOWN);
    assert_true(poll_until(has_lost, &s->client, 5000));
    call_release(read);
    call_release(write);
    redis_signal(&s->redis, SIGCONT);
    await_ready(&s->client);
    stop(s);
}

static bool fails_at_once(void *ctx)
{
    struct error err;
    struct call *call = READ("GET", "a");
    int64_t before = monotonic_ms();
    enum status status = run(ctx, call, 1000, &err);
    call_release(call);
    return status == STATUS_UNAVAILABLE && err.retry_after_s == 1 && monotonic_ms() - before < 100;
}

static void a_restarted_server_is_found_again(void **state)
{
    (void)state;
    struct setup *s = start(true, true, "");
    client_start(&s->client);
    expect_text(&s->client, WRITE("SET", "a", "kept"), "OK");
    redis_stop(&s->redis);
    assert_true(poll_until(fails_at_once, &s->client, 10000));
    redis_start_again(&s->redis);
    await_ready(&s->client);
    expect_text(&s->client, READ("GET", "a"), "kept");
    stop(s);
}

static void uncovered_slots_wait_and_then_work(void **state)
{
    (void)state;
    struct error err;
    struct setup *s = start(true, true, "");
    client_start(&s->client);
    await_ready(&s->client);
    redis_command(&s->redis, "CONFIG SET cluster-require-full-coverage no");
    char line[64];
    struct slice key = slice_cstr("a");
    snprintf(line, sizeof line, "CLUSTER DELSLOTS %u", cluster_key_slot(key));
    assert_string_equal(redis_command(&s->redis, line), "+OK\r\n");
    struct call *write = WRITE("SET", "a", "b");
    assert_int_equal(run(&s->client, write, 500, &err), STATUS_UNAVAILABLE);
    assert_int_equal(err.applied, APPLIED_NO);
    call_release(write);
    snprintf(line, sizeof line, "CLUSTER ADDSLOTS %u", cluster_key_slot(key));
    assert_string_equal(redis_command(&s->redis, line), "+OK\r\n");
    expect_text(&s->client, WRITE("SET", "a", "b"), "OK");
    stop(s);
}

static void *block(void *arg)
{
    struct setup *s = arg;
    struct error err;
    struct call *call = WRITE("BLPOP", "nothing", "0");
    enum status status = run(&s->client, call, 20000, &err);
    call_release(call);
    return (void *)(uintptr_t)status;
}

static bool is_blocked(void *ctx)
{
    struct setup *s = ctx;
    return strstr(redis_command(&s->redis, "INFO clients"), "blocked_clients:1") != NULL;
}

static void stopping_wakes_those_who_wait(void **state)
{
    (void)state;
    pthread_t thread;
    void *result = NULL;
    struct setup *s = start(true, false, "");
    client_start(&s->client);
    await_ready(&s->client);
    pthread_create(&thread, NULL, block, s);
    assert_true(poll_until(is_blocked, s, 5000));
    cluster_stop(s->client.cluster);
    pthread_join(thread, &result);
    assert_int_equal((uintptr_t)result, STATUS_OUTCOME_UNKNOWN);
    stop(s);
}

static void clusters_that_share_a_thread_come_and_go_alone(void **state)
{
    (void)state;
    struct error err;
    pthread_t thread;
    void *result = NULL;
    struct setup *s = start(true, false, "");
    client_start(&s->client);
    struct client beside = s->client;
    beside.cluster = cluster_new(&beside.options, &err);
    assert_non_null(beside.cluster);
    await_ready(&s->client);
    await_ready(&beside);
    pthread_create(&thread, NULL, block, s);
    assert_true(poll_until(is_blocked, s, 5000));
    expect_text(&beside, WRITE("SET", "a", "one"), "OK");
    cluster_stop(beside.cluster);
    struct call *late = READ("GET", "a");
    assert_int_equal(run(&beside, late, 5000, &err), STATUS_NOT_READY);
    call_release(late);
    cluster_destroy(beside.cluster);
    assert_string_equal(redis_command(&s->redis, "LPUSH nothing x"), ":1\r\n");
    pthread_join(thread, &result);
    assert_int_equal((uintptr_t)result, STATUS_OK);
    expect_text(&s->client, READ("GET", "a"), "one");
    stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_over_tls_with_cluster_mode),
        cmocka_unit_test(serves_by_announced_host_name),
        cmocka_unit_test(serves_by_announced_address),
        cmocka_unit_test(serves_over_tls_without_cluster_mode),
        cmocka_unit_test(serves_over_plain_tcp),
        cmocka_unit_test(many_calls_in_one_run_are_answered_in_order),
        cmocka_unit_test(sixteen_threads_read_what_they_wrote),
        cmocka_unit_test(killed_connections_are_not_noticed),
        cmocka_unit_test(large_values_pass_unharmed),
        cmocka_unit_test(a_script_is_sent_again_whole_when_it_is_forgotten),
        cmocka_unit_test(final_errors_have_their_status),
        cmocka_unit_test(a_call_is_run_once),
        cmocka_unit_test(clusters_that_share_a_thread_come_and_go_alone),
        cmocka_unit_test(a_wrong_host_name_is_refused),
        cmocka_unit_test(an_untrusted_authority_is_refused),
        cmocka_unit_test(old_tls_is_refused),
        cmocka_unit_test(a_plain_server_is_not_taken_for_a_tls_server),
        cmocka_unit_test(an_unreadable_ca_file_stops_the_start),
        cmocka_unit_test(signs_in_with_user_and_password),
        cmocka_unit_test(a_wrong_password_is_refused_and_a_new_one_taken_up),
        cmocka_unit_test(signs_in_again_in_time_under_load),
        cmocka_unit_test(a_failed_renewal_keeps_the_connection),
        cmocka_unit_test(a_hung_server_costs_no_more_than_the_deadline),
        cmocka_unit_test(a_hung_connection_is_given_up),
        cmocka_unit_test(a_restarted_server_is_found_again),
        cmocka_unit_test(uncovered_slots_wait_and_then_work),
        cmocka_unit_test(stopping_wakes_those_who_wait),
    };
    signal(SIGPIPE, SIG_IGN);
    if (!lab_set_up(&lab))
        return 77;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    lab_tear_down(&lab);
    return failed;
}
