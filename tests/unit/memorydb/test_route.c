#include "inner.h"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NODES 3
#define SLOTS_EACH (CLUSTER_SLOTS / NODES + 1)
#define QUEUE_MAX 2
#define LONG_RUN 256

/* A cluster of nodes whose lanes take calls and never send them. No thread. */
struct fixture {
    struct reactor reactor;
    struct cluster cluster;
    struct node *nodes[NODES];
    struct call *calls[4 * LONG_RUN];
    size_t n_calls;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct error err;
    assert_non_null(f);
    struct cluster *cluster = &f->cluster;
    assert_int_equal(reactor_init(&f->reactor, clock_system(), &err), STATUS_OK);
    pthread_mutex_init(&cluster->published.lock, NULL);
    jitter_init(&cluster->jitter);
    cluster->options.db = (struct config_db){ .queue_max = QUEUE_MAX, .connect_timeout_ms = 1000 };
    cluster->env.db = &cluster->options.db;
    cluster->reactor = cluster->env.reactor = &f->reactor;
    cluster->env.jitter = &cluster->jitter;
    for (size_t i = 0; i < NODES; i++) {
        f->nodes[i] = node_get(cluster, "127.0.0.1", (uint16_t)(1 + i), "");
        assert_non_null(f->nodes[i]);
        for (size_t lane = 0; lane < LANES; lane++)
            f->nodes[i]->lanes[lane].connection.state = CONNECTION_READY;
    }
    for (size_t slot = 0; slot < CLUSTER_SLOTS; slot++)
        cluster->map.owner[slot] = f->nodes[slot / SLOTS_EACH];
    cluster->map.known = cluster->map.cluster_mode = true;
    cluster->published.n_shards = NODES;
    *state = f;
    return 0;
}

static struct lane *reads_of(struct fixture *f, size_t node)
{
    return &f->nodes[node]->lanes[CALL_READ];
}

static size_t taken_of(struct fixture *f, size_t node)
{
    return atomic_load(&f->nodes[node]->places.taken);
}

/* Ends all that waits at the node. */
static void answer_all(struct fixture *f, size_t node)
{
    struct call_queue *waiting = &reads_of(f, node)->waiting;
    for (struct call *call = call_queue_pop(waiting); call != NULL; call = call_queue_pop(waiting))
        call_finish_take(call, STATUS_OK, NULL);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    for (struct call *call = call_queue_pop(&f->cluster.retries); call != NULL; call = call_queue_pop(&f->cluster.retries))
        call_drop(call);
    node_destroy_all(&f->cluster);
    free(f->cluster.published.shards);
    for (size_t i = 0; i < f->n_calls; i++)
        call_release(f->calls[i]);
    reactor_clean_up(&f->reactor);
    pthread_mutex_destroy(&f->cluster.published.lock);
    free(f);
    return 0;
}

/* Lets in one run of n calls, which go to the nodes from `first` on, in turn. Returns the first call. */
static struct call *run_calls(struct fixture *f, size_t n, size_t first, size_t nodes)
{
    const struct slice args[] = { SLICE("GET"), SLICE("key") };
    struct call **calls = f->calls + f->n_calls;
    struct call_queue queue = { .head = NULL };
    for (size_t i = 0; i < n; i++) {
        uint16_t slot = (uint16_t)((first + i % nodes) * SLOTS_EACH);
        calls[i] = call_new(&(struct call_options){ .lane = CALL_READ, .slot = slot, .args = args, .n_args = 2 });
        assert_non_null(calls[i]);
    }
    f->n_calls += n;
    assert_true(call_share_run(calls, n, 0, INT64_MAX));
    for (size_t i = 0; i < n; i++)
        call_queue_push(&queue, calls[i]);
    route_runs(&f->cluster, &queue);
    return calls[0];
}

static bool is_refused(const struct call *call)
{
    return (atomic_load(&call->flags) & CALL_DONE) != 0 && call->result == STATUS_UNAVAILABLE;
}

static void a_long_run_is_one_request_at_each_node(void **state)
{
    struct fixture *f = *state;
    run_calls(f, 1, 0, 1);
    run_calls(f, LONG_RUN, 0, 2);
    assert_int_equal(reads_of(f, 0)->waiting.count, 1 + LONG_RUN / 2);
    assert_int_equal(reads_of(f, 1)->waiting.count, LONG_RUN / 2);
    assert_int_equal(taken_of(f, 0), 2);
    assert_int_equal(taken_of(f, 1), 1);
}

static void one_request_more_is_refused_whole_and_other_nodes_take_theirs(void **state)
{
    struct fixture *f = *state;
    run_calls(f, 1, 0, 1);
    run_calls(f, LONG_RUN, 0, 1);
    size_t before = f->n_calls;
    run_calls(f, LONG_RUN, 0, NODES);
    for (size_t i = before; i < f->n_calls; i++)
        assert_true(is_refused(f->calls[i]));
    assert_true(is_refused(run_calls(f, 1, 0, 1)));
    assert_int_equal(reads_of(f, 1)->waiting.count, 0);
    assert_int_equal(reads_of(f, 2)->waiting.count, 0);
    run_calls(f, 1, 1, 1);
    run_calls(f, LONG_RUN, 1, 2);
    assert_int_equal(taken_of(f, 1), 2);
    assert_int_equal(taken_of(f, 2), 1);
}

static void one_shard_alone_may_have_all(void **state)
{
    struct fixture *f = *state;
    f->cluster.published.n_shards = 1;
    for (size_t i = 0; i < 2 * QUEUE_MAX; i++)
        assert_false(is_refused(run_calls(f, 1, 0, 1)));
    assert_true(is_refused(run_calls(f, 1, 0, 1)));
}

static void a_place_is_held_until_the_last_answer(void **state)
{
    struct fixture *f = *state;
    struct call_queue *waiting = &reads_of(f, 0)->waiting;
    run_calls(f, 1, 0, 1);
    run_calls(f, LONG_RUN, 0, 1);
    for (size_t i = 0; i < LONG_RUN; i++)
        call_finish_take(call_queue_pop(waiting), STATUS_OK, NULL);
    assert_int_equal(taken_of(f, 0), 1);
    assert_int_equal(waiting->count, 1);
    run_calls(f, 1, 0, 1);
    answer_all(f, 0);
    assert_int_equal(taken_of(f, 0), 0);
}

static void what_was_let_in_passes_where_it_is_sent_on_to(void **state)
{
    struct fixture *f = *state;
    struct call_queue *waiting = &reads_of(f, 0)->waiting;
    run_calls(f, 1, 1, 1);
    run_calls(f, 1, 1, 1);
    run_calls(f, LONG_RUN, 0, 1);
    map_move(&f->cluster, 0, f->nodes[1]);
    struct call_queue moved = *waiting;
    *waiting = (struct call_queue){ .head = NULL };
    route_calls(&f->cluster, &moved);
    assert_int_equal(reads_of(f, 1)->waiting.count, 2 + LONG_RUN);
    assert_int_equal(taken_of(f, 0), 0);
    assert_int_equal(taken_of(f, 1), 3);
    answer_all(f, 1);
    assert_int_equal(taken_of(f, 1), 0);
}

static void a_call_that_waits_to_be_tried_again_keeps_its_place(void **state)
{
    struct fixture *f = *state;
    run_calls(f, 2, 0, 1);
    run_calls(f, 1, 0, 1);
    route_later(&f->cluster, call_queue_pop(&reads_of(f, 0)->waiting));
    assert_true(is_refused(run_calls(f, 1, 0, 1)));
    f->reactor.now_ms += 1000;
    route_tick(&f->cluster);
    assert_int_equal(reads_of(f, 0)->waiting.count, 3);
    assert_int_equal(taken_of(f, 0), 2);
}

static void requests_for_slots_that_nobody_serves_are_bounded_too(void **state)
{
    struct fixture *f = *state;
    f->cluster.map.owner[0] = NULL;
    for (size_t i = 0; i < QUEUE_MAX; i++)
        assert_false(is_refused(run_calls(f, 1, 0, 1)));
    assert_true(is_refused(run_calls(f, 1, 0, 1)));
    f->cluster.map.owner[0] = f->nodes[0];
    f->reactor.now_ms += 1000;
    route_tick(&f->cluster);
    assert_int_equal(atomic_load(&f->cluster.nowhere.taken), 0);
    assert_int_equal(taken_of(f, 0), QUEUE_MAX);
}

static void the_programs_own_runs_pass_a_full_node(void **state)
{
    struct fixture *f = *state;
    run_calls(f, 1, 0, 1);
    run_calls(f, 1, 0, 1);
    f->cluster.options.requests_are_fibers = true;
    assert_false(is_refused(run_calls(f, LONG_RUN, 0, NODES)));
    assert_int_equal(taken_of(f, 0), 2);
    assert_int_equal(taken_of(f, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_long_run_is_one_request_at_each_node, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_request_more_is_refused_whole_and_other_nodes_take_theirs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_shard_alone_may_have_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_place_is_held_until_the_last_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_let_in_passes_where_it_is_sent_on_to, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_call_that_waits_to_be_tried_again_keeps_its_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(requests_for_slots_that_nobody_serves_are_bounded_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_programs_own_runs_pass_a_full_node, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
