#include "customerd/api/connections.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

/* Long enough for a loaded machine; reached only when a test fails. */
#define PATIENCE_MS 10000

/* Stands before the library's, to count. */
static atomic_int kernel_asked;

int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    atomic_fetch_add(&kernel_asked, 1);
    return (int)syscall(SYS_getsockopt, fd, level, name, value, len);
}

struct world {
    struct clock clock;
    _Atomic int64_t now_ms;
    atomic_int said;
    atomic_int refused;       /* connection_run has failed */
    bool hold;                /* say() waits a little for that */
    atomic_int refused_early; /* it had failed while say() was still running */
    struct connections *connections;
    struct connection connection;
    int client;
    int server;
    int listener; /* where another client waits */
};

static int64_t world_now(void *ctx)
{
    struct world *w = ctx;
    return atomic_load(&w->now_ms);
}

static void say(void *ctx, struct connection *c)
{
    struct world *w = ctx;
    atomic_fetch_add(&w->said, 1);
    for (int i = 0; w->hold && i < 100 && atomic_load(&w->refused) == 0; i++)
        (void)poll(NULL, 0, 1);
    atomic_store(&w->refused_early, atomic_load(&w->refused));
    assert_int_equal(send(c->fd, "late", 4, MSG_NOSIGNAL), 4);
}

static int listen_at(struct sockaddr_in *address)
{
    *address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof *address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)address, len), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)address, &len), 0);
    assert_int_equal(listen(listener, 1), 0);
    return listener;
}

static int connect_to(const struct sockaddr_in *address)
{
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (const struct sockaddr *)address, sizeof *address), 0);
    return client;
}

/* A TCP connection over the loopback: the watchdog asks the kernel about it. */
static void connect_pair(struct world *w)
{
    struct sockaddr_in address;
    int listener = listen_at(&address);
    w->client = connect_to(&address);
    w->server = accept(listener, NULL, NULL);
    assert_true(w->server >= 0);
    close(listener);
}

static int begin(void **state, int listener)
{
    static struct world world;
    struct world *w = &world;
    memset(w, 0, sizeof *w);
    w->listener = listener;
    w->clock = (struct clock){ .realtime_ms = world_now, .monotonic_ms = world_now, .ctx = w };
    atomic_store(&w->now_ms, 1000000);
    const struct connections_options options = {
        .clock = &w->clock,
        .listen_fd = listener,
        .receive_timeout_ms = 3000,
        .idle_timeout_ms = 75000,
        .run_timeout_ms = 80000,
        .say_timeout = say,
        .ctx = w,
    };
    w->connections = connections_new(&options);
    connect_pair(w);
    connections_add(w->connections, &w->connection, w->server);
    *state = w;
    return w->connections == NULL ? -1 : 0;
}

static int set_up(void **state)
{
    return begin(state, 0);
}

static int set_up_with_a_listener(void **state)
{
    struct sockaddr_in address;
    return begin(state, listen_at(&address));
}

static int tear_down(void **state)
{
    struct world *w = *state;
    if (w->server >= 0) {
        connections_remove(w->connections, &w->connection, false);
        close(w->server);
    }
    connections_destroy(w->connections);
    close(w->client);
    if (w->listener > 0)
        close(w->listener);
    return 0;
}

static void pass(struct world *w, int64_t ms)
{
    atomic_fetch_add(&w->now_ms, ms);
}

static bool client_sees_end(struct world *w, int wait_ms, char *text, size_t size)
{
    struct pollfd p = { .fd = w->client, .events = POLLIN };
    size_t used = 0;
    text[0] = '\0';
    while (poll(&p, 1, wait_ms) > 0) {
        ssize_t n = recv(w->client, text + used, size - 1 - used, 0);
        if (n <= 0)
            return true;
        used += (size_t)n;
        text[used] = '\0';
    }
    return false;
}

static void a_request_that_does_not_arrive_is_told_and_cut(void **state)
{
    struct world *w = *state;
    char text[16];
    assert_true(connection_begin(w->connections, &w->connection));
    pass(w, 3001);
    assert_true(client_sees_end(w, PATIENCE_MS, text, sizeof text));
    assert_string_equal(text, "late");
    assert_false(connection_run(w->connections, &w->connection));
    assert_true(connection_end(w->connections, &w->connection));
    assert_false(connection_begin(w->connections, &w->connection));
}

/* What the connection's thread sends when it is refused would else stand before or within what the client is told. */
static void nobody_is_refused_before_the_client_was_told(void **state)
{
    struct world *w = *state;
    char text[16];
    w->hold = true;
    assert_true(connection_begin(w->connections, &w->connection));
    pass(w, 3001);
    for (int i = 0; i < PATIENCE_MS && atomic_load(&w->said) == 0; i++)
        (void)poll(NULL, 0, 1);
    assert_false(connection_run(w->connections, &w->connection));
    atomic_store(&w->refused, 1);
    assert_int_equal(atomic_load(&w->said), 1);
    assert_int_equal(send(w->server, "more", 4, MSG_NOSIGNAL), -1);
    assert_true(client_sees_end(w, PATIENCE_MS, text, sizeof text));
    assert_string_equal(text, "late");
    assert_int_equal(atomic_load(&w->refused_early), 0);
}

static void an_idle_connection_is_cut_without_a_word(void **state)
{
    struct world *w = *state;
    char text[16];
    pass(w, 75001);
    assert_true(client_sees_end(w, PATIENCE_MS, text, sizeof text));
    assert_string_equal(text, "");
    assert_int_equal(atomic_load(&w->said), 0);
}

static void an_answer_that_is_not_taken_is_cut(void **state)
{
    struct world *w = *state;
    char text[16];
    assert_true(connection_begin(w->connections, &w->connection));
    assert_true(connection_run(w->connections, &w->connection));
    pass(w, 80001);
    assert_true(client_sees_end(w, PATIENCE_MS, text, sizeof text));
    assert_true(connection_end(w->connections, &w->connection));
}

static void a_long_request_may_have_more_time(void **state)
{
    struct world *w = *state;
    char text[16];
    assert_true(connection_begin(w->connections, &w->connection));
    connection_allow(&w->connection, 10000);
    pass(w, 12900);
    assert_false(client_sees_end(w, 300, text, sizeof text));
    assert_true(connection_run(w->connections, &w->connection));
    assert_false(connection_end(w->connections, &w->connection));
    assert_true(connection_begin(w->connections, &w->connection)); /* and the next has none of it */
    pass(w, 3001);
    assert_true(client_sees_end(w, PATIENCE_MS, text, sizeof text));
    assert_string_equal(text, "late");
    assert_true(connection_end(w->connections, &w->connection));
}

static void an_answer_that_is_taken_piece_by_piece_goes_on(void **state)
{
    struct world *w = *state;
    char text[16];
    assert_true(connection_begin(w->connections, &w->connection));
    assert_true(connection_run(w->connections, &w->connection));
    for (int i = 0; i < 3; i++) {
        pass(w, 70000);
        connection_restart_phase(w->connections, &w->connection);
    }
    assert_false(client_sees_end(w, 300, text, sizeof text));
    pass(w, 80001);
    assert_true(client_sees_end(w, PATIENCE_MS, text, sizeof text));
    assert_true(connection_end(w->connections, &w->connection));
}

static void phases_have_bounds_of_their_own(void **state)
{
    struct world *w = *state;
    char text[16];
    for (int i = 0; i < 3; i++) {
        pass(w, 70000);
        assert_true(connection_begin(w->connections, &w->connection));
        pass(w, 2900);
        assert_true(connection_run(w->connections, &w->connection));
        pass(w, 70000);
        assert_false(connection_end(w->connections, &w->connection));
    }
    assert_false(client_sees_end(w, 300, text, sizeof text));
}

static void draining_closes_idle_connections_and_lets_others_end(void **state)
{
    struct world *w = *state;
    char byte;
    assert_true(connection_begin(w->connections, &w->connection));
    assert_true(connection_run(w->connections, &w->connection));
    connections_drain(w->connections);
    assert_int_equal(connections_wait_empty(w->connections, atomic_load(&w->now_ms)), 1);
    assert_int_equal(recv(w->server, &byte, 1, MSG_DONTWAIT), -1);
    assert_false(connection_end(w->connections, &w->connection));
    pass(w, 60);
    /* The reading side ends, as a client's close would end it. */
    struct pollfd p = { .fd = w->server, .events = POLLIN };
    assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
    assert_int_equal(recv(w->server, &byte, 1, 0), 0);
    connections_remove(w->connections, &w->connection, false);
    close(w->server);
    w->server = -1;
    assert_int_equal(connections_wait_empty(w->connections, atomic_load(&w->now_ms) + 1000), 0);
}

/* More than the sockets' buffers hold goes out only while the other side reads. */
static void a_refused_client_may_still_send_for_a_moment(void **state)
{
    struct world *w = *state;
    static char block[65536];
    char text[16];
    assert_int_equal(send(w->server, "no", 2, MSG_NOSIGNAL), 2);
    connections_remove(w->connections, &w->connection, true);
    close(w->server);
    w->server = -1;
    for (int i = 0; i < 400; i++)
        assert_int_equal(send(w->client, block, sizeof block, MSG_NOSIGNAL), (ssize_t)sizeof block);
    assert_true(client_sees_end(w, PATIENCE_MS, text, sizeof text));
    assert_string_equal(text, "no");
}

static int64_t machine_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The kernel is asked about an idle connection each 200 ms; a client that lingers is looked at far more often. */
static void a_client_that_lingers_draws_no_attention_to_others(void **state)
{
    struct world *w = *state;
    struct world other = { .server = -1 };
    connect_pair(&other);
    connections_add(w->connections, &other.connection, other.server);
    connections_remove(w->connections, &other.connection, true);
    close(other.server);
    pass(w, 1500);
    atomic_store(&kernel_asked, 0);
    int64_t start_ms = machine_ms();
    while (atomic_load(&kernel_asked) < 4 && machine_ms() < start_ms + PATIENCE_MS)
        (void)poll(NULL, 0, 1);
    assert_in_range(machine_ms() - start_ms, 500, PATIENCE_MS - 1);
    close(other.client);
}

/* A client that nobody accepts. */
static int wait_at(const struct world *w)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    assert_int_equal(getsockname(w->listener, (struct sockaddr *)&address, &len), 0);
    return connect_to(&address);
}

/* Moves the clock by so much at each look of the watchdog's; true when the serving side has been told to end. */
static bool ends_within(struct world *w, int looks, int64_t ms)
{
    char byte;
    for (int i = 0; i < looks; i++) {
        int asked = atomic_load(&kernel_asked);
        for (int64_t start_ms = machine_ms(); atomic_load(&kernel_asked) == asked && machine_ms() < start_ms + PATIENCE_MS;)
            (void)poll(NULL, 0, 1);
        if (recv(w->server, &byte, 1, MSG_DONTWAIT) == 0)
            return true;
        pass(w, ms);
    }
    return false;
}

/* The library accepts nobody after it was refused a descriptor, until one of its connections ends. */
static void an_idle_connection_ends_when_nobody_is_accepted(void **state)
{
    struct world *w = *state;
    int other = wait_at(w);
    assert_false(ends_within(w, 4, 200));
    assert_true(ends_within(w, 8, 500));
    assert_int_equal(send(w->server, "answer", 6, MSG_NOSIGNAL), 6);
    assert_int_equal(atomic_load(&w->said), 0);
    close(other);
}

static void none_ends_while_others_are_accepted_or_none_waits(void **state)
{
    struct world *w = *state;
    assert_false(ends_within(w, 5, 500));
    int other = wait_at(w);
    struct connection accepted;
    for (int i = 0; i < 5; i++) {
        connections_add(w->connections, &accepted, w->client);
        assert_false(ends_within(w, 1, 300));
        connections_remove(w->connections, &accepted, false);
    }
    close(other);
}

static void a_busy_connection_does_not_end_for_others(void **state)
{
    struct world *w = *state;
    int other = wait_at(w);
    assert_true(connection_begin(w->connections, &w->connection));
    assert_true(connection_run(w->connections, &w->connection));
    assert_false(ends_within(w, 6, 500));
    assert_false(connection_end(w->connections, &w->connection));
    assert_true(ends_within(w, 6, 500));
    close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_that_does_not_arrive_is_told_and_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_is_refused_before_the_client_was_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_idle_connection_is_cut_without_a_word, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_that_is_not_taken_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_request_may_have_more_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_that_is_taken_piece_by_piece_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(phases_have_bounds_of_their_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(draining_closes_idle_connections_and_lets_others_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_client_may_still_send_for_a_moment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_idle_connection_ends_when_nobody_is_accepted, set_up_with_a_listener, tear_down),
        cmocka_unit_test_setup_teardown(none_ends_while_others_are_accepted_or_none_waits, set_up_with_a_listener, tear_down),
        cmocka_unit_test_setup_teardown(a_busy_connection_does_not_end_for_others, set_up_with_a_listener, tear_down),
        cmocka_unit_test_setup_teardown(a_client_that_lingers_draws_no_attention_to_others, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
