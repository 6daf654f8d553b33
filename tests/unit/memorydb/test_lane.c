#include "inner.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define CALLS 12
#define LONG_BYTES 200000

/* A lane of a node, connected by a socket pair whose other end the test holds. No thread: the test takes the turns. */
struct fixture {
    struct reactor reactor;
    struct cluster cluster;
    struct node node;
    struct lane *lane;
    struct call *calls[CALLS];
    int peer;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct error err;
    int ends[2];
    assert_non_null(f);
    struct connection_env *env = &f->cluster.env;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(reactor_init(&f->reactor, clock_system(), &err), STATUS_OK);
    pthread_mutex_init(&f->cluster.published.lock, NULL);
    jitter_init(&f->cluster.jitter);
    f->cluster.options.db = (struct config_db){ .queue_max = 4096, .connect_timeout_ms = 1000 };
    env->db = &f->cluster.options.db;
    f->cluster.reactor = env->reactor = &f->reactor;
    env->jitter = &f->cluster.jitter;
    env->parser = reply_parser_new();
    f->lane = &f->node.lanes[CALL_WRITE];
    lane_init(f->lane, &f->cluster, &f->node);
    f->lane->connection.transport.fd = ends[0];
    f->lane->connection.state = CONNECTION_READY;
    f->peer = ends[1];
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    lane_clean_up(f->lane);
    for (size_t i = 0; i < CALLS; i++)
        call_release(f->calls[i]);
    reply_parser_destroy(f->cluster.env.parser);
    reactor_clean_up(&f->reactor);
    pthread_mutex_destroy(&f->cluster.published.lock);
    close(f->peer);
    free(f);
    return 0;
}

static void submit_long_calls(struct fixture *f)
{
    char *bytes = calloc(1, LONG_BYTES);
    assert_non_null(bytes);
    struct slice args[] = { SLICE("SET"), SLICE("key"), slice_of(bytes, LONG_BYTES) };
    int64_t now_ms = f->reactor.now_ms;
    for (size_t i = 0; i < CALLS; i++) {
        f->calls[i] = call_new(&(struct call_options){ .lane = CALL_WRITE, .args = args, .n_args = 3 });
        assert_non_null(f->calls[i]);
        assert_true(call_share_run(&f->calls[i], 1, now_ms, now_ms + 10000));
        lane_submit(f->lane, f->calls[i]);
    }
    free(bytes);
}

/* One turn of io_thread.c's send_all, for the only lane. */
static void send_if_dirty(struct fixture *f)
{
    if (!f->lane->dirty)
        return;
    f->cluster.dirty = NULL;
    lane_send(f->lane);
}

/* The server takes everything that was sent. */
static void take_all(struct fixture *f)
{
    static char sink[65536];
    do {
        while (read(f->peer, sink, sizeof sink) > 0)
            ;
        connection_flush(&f->lane->connection);
    } while (outbox_len(&f->lane->connection.out) > 0);
}

static void answers_let_go_on_what_stayed_behind_a_full_outbox(void **state)
{
    struct fixture *f = *state;
    size_t answered = 0;
    submit_long_calls(f);
    send_if_dirty(f);
    assert_true(f->lane->waiting.count > 0);
    while (answered < CALLS) {
        take_all(f);
        size_t sent = f->lane->connection.sent.count;
        assert_true(sent > 0);
        for (size_t i = 0; i < sent; i++)
            assert_int_equal(write(f->peer, "+OK\r\n", 5), 5);
        connection_receive(&f->lane->connection);
        answered += sent;
        send_if_dirty(f);
    }
    for (size_t i = 0; i < CALLS; i++)
        assert_true((atomic_load(&f->calls[i]->flags) & CALL_DONE) != 0);
}

static int64_t pause_after_failing_in(struct fixture *f, enum connection_state state)
{
    struct connection *c = &f->lane->connection;
    c->state = state;
    c->attempt.failures = 0;
    c->attempt.refused = true;
    connection_fail(c, "a reason");
    assert_int_equal(c->state, CONNECTION_BACKOFF);
    return c->times.retry_ms - f->reactor.now_ms;
}

static void a_node_that_refused_a_password_and_then_vanishes_gets_the_ordinary_backoff(void **state)
{
    struct fixture *f = *state;
    assert_true(pause_after_failing_in(f, CONNECTION_SIGNING_IN) >= 200);
    assert_true(pause_after_failing_in(f, CONNECTION_CONNECTING) <= 50);
}

static void a_write_in_doubt_ends_as_unknown_whatever_ends_it(void **state)
{
    static const enum status reasons[] = { STATUS_UNAVAILABLE, STATUS_NOT_READY, STATUS_INTERNAL };
    struct fixture *f = *state;
    submit_long_calls(f);
    for (size_t i = 0; i < CALLS; i++) {
        struct call *call = call_queue_pop(&f->lane->waiting);
        enum status reason = reasons[i / 2 % 3];
        if (i % 2 == 0)
            call_mark_in_doubt(call);
        route_fail(call, reason);
        assert_int_equal(call->result, i % 2 == 0 ? STATUS_OUTCOME_UNKNOWN : reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_let_go_on_what_stayed_behind_a_full_outbox, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_write_in_doubt_ends_as_unknown_whatever_ends_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_node_that_refused_a_password_and_then_vanishes_gets_the_ordinary_backoff, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
