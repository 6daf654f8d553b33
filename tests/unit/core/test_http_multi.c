#include "customerd/core/http_multi.h"

#include <sched.h>
#include <stdio.h>

#include "customerd/core/clock.h"
#include "customerd/core/fiber.h"
#include "customerd/core/http_client.h"
#include "http_peer.h"

#include "unit.h"
#include "../support/http_globals.h"

#define OK_HELLO "HTTP/1.1 200 OK\r\nX-Name:  a value\t\r\nContent-Length: 5\r\n\r\nhello"
#define DEADLINE_MS 10000
#define STREAM_BUFFER_BYTES 100000
#define BIG_BYTES 3000000
#define BIG "HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n"

static struct http_peer peer;
static struct http_multi *multi;

static int64_t now_ms(void)
{
    return clock_monotonic_ms(clock_system());
}

static void begin(const struct http_peer_answer *answers, size_t n)
{
    const struct http_multi_options options = { .exchanges = 2, .waiting = 2, .streams = 2,
                                                .stream_buffer_bytes = STREAM_BUFFER_BYTES,
                                                .connect_timeout_ms = 2000, .stall_ms = 300 };
    struct error err;
    http_peer_start(&peer, answers, n);
    multi = http_multi_new(&options, &err);
    assert_non_null(multi);
}

static void end(void)
{
    struct http_multi_counts counts;
    http_multi_count(multi, &counts);
    assert_int_equal(counts.pending, 0);
    assert_int_equal(counts.streams, 0);
    http_multi_destroy(multi);
    http_peer_stop(&peer);
}

static void until(atomic_int *count, int at_least)
{
    int64_t end_ms = now_ms() + DEADLINE_MS;
    while (atomic_load(count) < at_least) {
        assert_true(now_ms() < end_ms);
        sched_yield();
    }
}

static enum http_end ask_in(const char *method, const char *path, size_t body_max, bool may_stream, int64_t ms,
                            struct http_multi_answer *answer)
{
    char url[200];
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", peer.port, path);
    const struct http_multi_request request = { .method = method, .url = url, .body_max = body_max,
                                                .may_stream = may_stream, .deadline_ms = now_ms() + ms };
    return http_multi_exchange(multi, &request, answer);
}

static enum http_end ask(size_t body_max, bool may_stream, struct http_multi_answer *answer)
{
    return ask_in("GET", "/path", body_max, may_stream, DEADLINE_MS, answer);
}

/* ---------------------------------------------------------------------------------------------------- answers */

static void an_answer_has_status_fields_and_body_and_the_connection_is_used_again(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = { { .text = OK_HELLO } };
    struct http_multi_answer answer;
    begin(answers, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(100, false, &answer), HTTP_END_ANSWER);
        assert_int_equal(answer.status, 200);
        assert_true(answer.sent);
        assert_slice(buf_slice(&answer.body), "hello");
        assert_slice(http_multi_field(&answer.head, "x-name"), "a value");
        assert_slice(http_multi_field(&answer.head, "x-nam"), "");
        http_multi_answer_clean_up(&answer);
    }
    end();
    assert_int_equal(atomic_load(&peer.connections), 1);
    assert_memory_equal(peer.heads[0], "GET /path HTTP/1.1\r\n", 20);
}

static void a_path_is_sent_as_it_stands(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = { { .text = OK_HELLO } };
    struct http_multi_answer answer;
    begin(answers, 1);
    assert_int_equal(ask_in("GET", "/a/../b//./%2e%2E/?x=/../", 100, false, DEADLINE_MS, &answer), HTTP_END_ANSWER);
    http_multi_answer_clean_up(&answer);
    end();
    assert_memory_equal(peer.heads[0], "GET /a/../b//./%2e%2E/?x=/../ HTTP/1.1\r\n", 40);
}

static void a_body_is_sent_and_head_has_none(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = { { .text = OK_HELLO },
                                                       { .text = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" } };
    static const char *const headers[] = { "x-a: b" };
    static char bytes[200000];
    struct http_multi_answer answer;
    char url[100];
    begin(answers, 2);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", peer.port);
    const struct http_multi_request put = { .method = "PUT", .url = url, .headers = headers, .n_headers = 1,
                                            .body = slice_of(bytes, sizeof bytes), .body_max = 100, .fresh = true,
                                            .deadline_ms = now_ms() + DEADLINE_MS };
    assert_int_equal(http_multi_exchange(multi, &put, &answer), HTTP_END_ANSWER);
    http_multi_answer_clean_up(&answer);
    assert_int_equal(ask_in("HEAD", "/", 0, false, DEADLINE_MS, &answer), HTTP_END_ANSWER);
    assert_int_equal(answer.body.len, 0);
    assert_slice(http_multi_field(&answer.head, "content-length"), "500");
    http_multi_answer_clean_up(&answer);
    end();
    assert_non_null(strstr(peer.heads[0], "\r\nContent-Length: 200000\r\n"));
    assert_non_null(strstr(peer.heads[0], "\r\nx-a: b\r\n"));
    assert_null(strcasestr(peer.heads[0], "\r\nexpect"));
    assert_memory_equal(peer.heads[1], "HEAD / HTTP", 11);
}

static void only_the_last_head_counts_and_no_trailer_does(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = {
        { .text = "HTTP/1.1 103 Early\r\nX-Name: early\r\nX-Early: 1\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                  "x-name: right\r\nX-Name: second\r\nX-Bad: a\x01 b\r\n\r\n2\r\nhi\r\n0\r\nX-Late: 1\r\n\r\n" },
    };
    struct http_multi_answer answer;
    begin(answers, 1);
    assert_int_equal(ask(100, false, &answer), HTTP_END_ANSWER);
    assert_slice(buf_slice(&answer.body), "hi");
    assert_slice(http_multi_field(&answer.head, "x-name"), "right");
    assert_slice(http_multi_field(&answer.head, "x-early"), "");
    assert_slice(http_multi_field(&answer.head, "x-late"), "");
    assert_slice(http_multi_field(&answer.head, "x-bad"), "");
    http_multi_answer_clean_up(&answer);
    end();
}

static void a_redirect_is_an_answer(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = {
        { .text = "HTTP/1.1 307 Go\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n" }
    };
    struct http_multi_answer answer;
    begin(answers, 1);
    assert_int_equal(ask(100, false, &answer), HTTP_END_ANSWER);
    assert_int_equal(answer.status, 307);
    http_multi_answer_clean_up(&answer);
    end();
    assert_int_equal(atomic_load(&peer.requests), 1);
}

/* ---------------------------------------------------------------------------------------------------- failures */

static void what_an_endpoint_sends_is_bounded(void **state)
{
    (void)state;
    static const struct {
        struct http_peer_answer answer;
        enum http_end end;
    } cases[] = {
        { { .text = "HTTP/1.1 200 OK\r\n", .repeat = "X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" }, HTTP_END_BAD },
        { { .repeat = "HTTP/1.1 100 Continue\r\nX-A: a\r\n\r\n" }, HTTP_END_BAD },
        { { .text = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", .repeat = "x" }, HTTP_END_BAD },
        { { .text = "HTTP/1.1 404 No\r\nConnection: close\r\n\r\n", .repeat = "x" }, HTTP_END_BAD },
        { { .text = "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", .fill = 1001 }, HTTP_END_BAD },
        { { .text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", .repeat = "X-A: aaaaaaaaaaaa\r\n" },
          HTTP_END_BAD },
        { { .text = "garbage\r\n\r\n", .then = PEER_CLOSES }, HTTP_END_BAD },
        { { .text = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", .then = PEER_CLOSES }, HTTP_END_LOST },
        { { .text = NULL, .then = PEER_CLOSES }, HTTP_END_LOST },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_multi_answer answer;
        begin(&cases[i].answer, 1);
        enum http_end came = ask(1000, false, &answer);
        if (came != cases[i].end)
            fail_msg("case %zu ended with %d: %s", i, came, answer.reason);
        assert_true(answer.sent);
        assert_true(strlen(answer.reason) > 0);
        assert_int_equal(answer.body.len, 0);
        http_multi_answer_clean_up(&answer);
        end();
    }
}

static void no_answer_in_time_is_told_as_that(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = {
        { .then = PEER_HOLDS },
        { .text = "HTTP/1.1 200 OK\r\n", .then = PEER_HOLDS },
        { .text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", .then = PEER_HOLDS },
    };
    struct http_multi_answer answer;
    begin(answers, 3);
    for (int i = 0; i < 3; i++) {
        int64_t since_ms = now_ms();
        assert_int_equal(ask_in("GET", "/", 100, false, 200, &answer), HTTP_END_TIMED_OUT);
        assert_in_range(now_ms() - since_ms, 199, 3000);
        assert_true(answer.sent);
        http_multi_answer_clean_up(&answer);
    }
    assert_int_equal(ask_in("GET", "/", 100, false, -1, &answer), HTTP_END_TIMED_OUT);
    assert_false(answer.sent);
    http_multi_answer_clean_up(&answer);
    end();
}

static void nothing_is_sent_where_nobody_listens_or_plain_http_may_not_go(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = { { .text = OK_HELLO } };
    struct http_multi_answer answer;
    char url[100];
    begin(answers, 1);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", peer.port);
    http_peer_stop(&peer);
    struct http_multi_request request = { .method = "GET", .url = url, .body_max = 9, .deadline_ms = now_ms() + DEADLINE_MS };
    assert_int_equal(http_multi_exchange(multi, &request, &answer), HTTP_END_LOST);
    assert_false(answer.sent);
    http_multi_answer_clean_up(&answer);
    request.url = "http://192.0.2.1/";
    assert_int_equal(http_multi_exchange(multi, &request, &answer), HTTP_END_BAD);
    assert_non_null(strstr(answer.reason, "plain http"));
    http_multi_answer_clean_up(&answer);
    http_peer_start(&peer, answers, 1);
    static const char *const headers[] = { "A: b\r\nC: d" };
    request.headers = headers;
    request.n_headers = 1;
    assert_int_equal(http_multi_exchange(multi, &request, &answer), HTTP_END_INTERNAL);
    http_multi_answer_clean_up(&answer);
    end();
}

/* ------------------------------------------------------------------------------------------------------ bounds */

struct asker {
    pthread_t thread;
    enum http_end end;
    int64_t ms;
};

static void *ask_apart(void *arg)
{
    struct asker *a = arg;
    struct http_multi_answer answer;
    a->end = ask_in("GET", "/", 100, false, a->ms, &answer);
    http_multi_answer_clean_up(&answer);
    return NULL;
}

static void until_pending(size_t n)
{
    struct http_multi_counts counts;
    int64_t end_ms = now_ms() + DEADLINE_MS;
    do {
        assert_true(now_ms() < end_ms);
        sched_yield();
        http_multi_count(multi, &counts);
    } while (counts.pending != n);
}

static void so_many_are_under_way_so_many_wait_and_more_are_refused(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = { { .text = OK_HELLO } };
    struct asker askers[4];
    struct http_multi_answer answer;
    begin(answers, 1);
    atomic_store(&peer.waits, true);
    for (size_t i = 0; i < 4; i++) {
        askers[i] = (struct asker){ .ms = i == 3 ? 200 : DEADLINE_MS };
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_apart, &askers[i]), 0);
        until_pending(i + 1);
    }
    assert_int_equal(ask(100, false, &answer), HTTP_END_OVERLOADED);
    assert_false(answer.sent);
    http_multi_answer_clean_up(&answer);
    until(&peer.requests, 2);
    pthread_join(askers[3].thread, NULL); /* waited in vain */
    assert_int_equal(askers[3].end, HTTP_END_TIMED_OUT);
    assert_int_equal(atomic_load(&peer.requests), 2);
    atomic_store(&peer.waits, false);
    for (size_t i = 0; i < 3; i++) {
        pthread_join(askers[i].thread, NULL);
        assert_int_equal(askers[i].end, HTTP_END_ANSWER);
    }
    end();
    assert_int_equal(atomic_load(&peer.requests), 3);
    assert_int_equal(atomic_load(&peer.connections), 2);
}

/* ----------------------------------------------------------------------------------------------------- streams */

static struct http_stream *open_stream(struct http_multi_answer *answer)
{
    assert_int_equal(ask(1000, true, answer), HTTP_END_ANSWER);
    assert_int_equal(answer->status, 200);
    assert_non_null(answer->stream);
    return answer->stream;
}

/* Reads to the end, and checks each byte. */
static size_t read_all(struct http_stream *stream, size_t piece_bytes, enum http_stream_state *state)
{
    static char bytes[70000];
    size_t at = 0;
    do {
        size_t n = http_stream_read(stream, bytes, piece_bytes, state);
        for (size_t i = 0; i < n; i++)
            if (bytes[i] != http_peer_byte(at + i))
                fail_msg("byte %zu differs", at + i);
        at += n;
        if (n == 0 && *state == HTTP_STREAM_MORE)
            assert_true(http_stream_wait(stream, now_ms() + DEADLINE_MS));
    } while (*state == HTTP_STREAM_MORE);
    return at;
}

static void a_long_body_becomes_a_stream(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = {
        { .text = BIG, .fill = BIG_BYTES },
        { .text = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", .fill = BIG_BYTES, .then = PEER_CLOSES },
    };
    static const size_t pieces[] = { 70000, 999, 16384 };
    for (size_t i = 0; i < 6; i++) {
        struct http_multi_answer answer;
        enum http_stream_state stream_state;
        begin(&answers[i % 2], 1);
        assert_int_equal(read_all(open_stream(&answer), pieces[i / 2], &stream_state), BIG_BYTES);
        assert_int_equal(stream_state, HTTP_STREAM_END);
        http_multi_answer_clean_up(&answer);
        end();
    }
}

static void a_body_of_just_the_bound_is_no_stream(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = { { .text = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", .fill = 1000 } };
    struct http_multi_answer answer;
    begin(answers, 1);
    assert_int_equal(ask(1000, true, &answer), HTTP_END_ANSWER);
    assert_null(answer.stream);
    assert_int_equal(answer.body.len, 1000);
    http_multi_answer_clean_up(&answer);
    end();
}

/* What the kernel's buffers take is beside the stream's own. */
static void nobody_reads_so_nothing_more_is_taken_and_no_time_runs(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = { { .text = "HTTP/1.1 200 OK\r\nContent-Length: 300000000\r\n\r\n",
                                                         .fill = 300000000 } };
    struct http_multi_answer answer;
    enum http_stream_state stream_state;
    static char bytes[70000];
    begin(answers, 1);
    struct http_stream *stream = open_stream(&answer);
    size_t sent;
    size_t before = 0;
    int64_t still_since_ms = now_ms();
    while (now_ms() < still_since_ms + 700) { /* more than twice the time after which a stream fails */
        sent = atomic_load(&peer.sent);
        if (sent != before)
            still_since_ms = now_ms();
        before = sent;
        assert_true(sent < 100000000);
        sched_yield();
    }
    /* It goes on where it was: more than all that was on the way can be read. */
    for (size_t at = 0; at < before + BIG_BYTES;) {
        assert_true(http_stream_wait(stream, now_ms() + DEADLINE_MS));
        at += http_stream_read(stream, bytes, sizeof bytes, &stream_state);
        assert_int_equal(stream_state, HTTP_STREAM_MORE);
    }
    http_multi_answer_clean_up(&answer);
    until(&peer.closed, 1);
    end();
}

static void a_stream_that_breaks_or_stalls_fails(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = { { .text = BIG, .fill = 50000, .then = PEER_CLOSES },
                                                       { .text = BIG, .fill = 500, .then = PEER_HOLDS } }; /* its length is told */
    for (size_t i = 0; i < 2; i++) {
        struct http_multi_answer answer;
        enum http_stream_state stream_state;
        begin(&answers[i], 1);
        assert_int_equal(read_all(open_stream(&answer), 4096, &stream_state), answers[i].fill);
        assert_int_equal(stream_state, HTTP_STREAM_FAILED);
        http_multi_answer_clean_up(&answer);
        end();
    }
}

static void streams_have_places_of_their_own(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = { { .text = BIG, .fill = BIG_BYTES },
                                                       { .text = BIG, .fill = BIG_BYTES },
                                                       { .text = BIG, .fill = BIG_BYTES },
                                                       { .text = OK_HELLO } };
    struct http_multi_answer streams[2];
    struct http_multi_answer answer;
    begin(answers, 4);
    (void)open_stream(&streams[0]);
    assert_true(http_multi_has_place_for_stream(multi));
    (void)open_stream(&streams[1]);
    assert_false(http_multi_has_place_for_stream(multi));
    assert_int_equal(ask(1000, true, &answer), HTTP_END_OVERLOADED);
    http_multi_answer_clean_up(&answer);
    assert_int_equal(ask(1000, true, &answer), HTTP_END_ANSWER);
    assert_null(answer.stream);
    http_multi_answer_clean_up(&answer);
    http_multi_answer_clean_up(&streams[0]);
    http_multi_answer_clean_up(&streams[1]);
    end();
}

/* ------------------------------------------------------------------------------------------------------ fibers */

struct fibers {
    struct fiber_loop *loop;
    atomic_int woken;
    int answered;
};

static void note_wake(void *ctx)
{
    atomic_fetch_add(&((struct fibers *)ctx)->woken, 1);
}

static void ask_on_fiber(void *arg)
{
    struct fibers *f = arg;
    struct http_multi_answer answer;
    if (ask(100, false, &answer) == HTTP_END_ANSWER)
        f->answered++;
    http_multi_answer_clean_up(&answer);
}

static void fibers_leave_their_thread_to_each_other(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = { { .text = OK_HELLO } };
    struct fibers f = { .answered = 0 };
    begin(answers, 1);
    atomic_store(&peer.waits, true);
    f.loop = fiber_loop_new(note_wake, &f);
    assert_non_null(f.loop);
    assert_true(fiber_start(f.loop, ask_on_fiber, &f));
    assert_true(fiber_start(f.loop, ask_on_fiber, &f));
    assert_int_equal(fiber_loop_count(f.loop), 2);
    until(&peer.requests, 2); /* both are under way, and this thread is free */
    atomic_store(&peer.waits, false);
    int64_t end_ms = now_ms() + DEADLINE_MS;
    while (fiber_loop_count(f.loop) > 0) {
        assert_true(now_ms() < end_ms);
        fiber_loop_run(f.loop, now_ms());
        sched_yield();
    }
    assert_int_equal(f.answered, 2);
    fiber_loop_destroy(f.loop);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_has_status_fields_and_body_and_the_connection_is_used_again),
        cmocka_unit_test(a_path_is_sent_as_it_stands),
        cmocka_unit_test(a_body_is_sent_and_head_has_none),
        cmocka_unit_test(only_the_last_head_counts_and_no_trailer_does),
        cmocka_unit_test(a_redirect_is_an_answer),
        cmocka_unit_test(what_an_endpoint_sends_is_bounded),
        cmocka_unit_test(no_answer_in_time_is_told_as_that),
        cmocka_unit_test(nothing_is_sent_where_nobody_listens_or_plain_http_may_not_go),
        cmocka_unit_test(so_many_are_under_way_so_many_wait_and_more_are_refused),
        cmocka_unit_test(a_long_body_becomes_a_stream),
        cmocka_unit_test(a_body_of_just_the_bound_is_no_stream),
        cmocka_unit_test(nobody_reads_so_nothing_more_is_taken_and_no_time_runs),
        cmocka_unit_test(a_stream_that_breaks_or_stalls_fails),
        cmocka_unit_test(streams_have_places_of_their_own),
        cmocka_unit_test(fibers_leave_their_thread_to_each_other),
    };
    return cmocka_run_group_tests(tests, http_set_up, http_tear_down);
}
