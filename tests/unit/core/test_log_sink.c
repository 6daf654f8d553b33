#include "../../../src/core/log_sink.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "customerd/core/clock.h"

#include "unit.h"

#define CHUNK_BYTES (256 * 1024)

/* Writes until nothing is taken any more; the total. */
static size_t fill(struct log_sink *sink)
{
    static char chunk[CHUNK_BYTES];
    size_t total = 0;
    for (;;) {
        long taken = log_sink_write(sink, slice_of(chunk, sizeof chunk), 20);
        assert_true(taken >= 0);
        if (taken == 0)
            return total;
        total += (size_t)taken;
    }
}

static void check_full_then_drained(struct log_sink *sink, int read_fd)
{
    static char drained[CHUNK_BYTES];
    size_t total = fill(sink);
    assert_true(total > 0);
    int64_t before_ms = clock_monotonic_ms(clock_system());
    assert_int_equal(log_sink_write(sink, slice_cstr("x"), 50), 0);
    assert_in_range(clock_monotonic_ms(clock_system()) - before_ms, 40, 5000);
    while (total > 0) {
        ssize_t got = read(read_fd, drained, sizeof drained);
        assert_true(got > 0);
        total -= (size_t)got;
    }
    assert_int_equal(log_sink_write(sink, slice_cstr("x"), 50), 1);
}

static void a_full_pipe_takes_nothing_and_waits_no_longer_than_told(void **state)
{
    (void)state;
    int fds[2];
    struct log_sink sink;
    assert_int_equal(pipe(fds), 0);
    log_sink_init(&sink, fds[1]);
    assert_int_equal(sink.kind, LOG_SINK_OWN);
    check_full_then_drained(&sink, fds[0]);
    log_sink_clean_up(&sink);
    close(fds[0]);
    close(fds[1]);
}

/* As where /proc is missing, or the pipe belongs to another user. */
static void a_pipe_that_cannot_be_opened_anew_does_not_block_either(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct log_sink sink = { .kind = LOG_SINK_SHARED, .fd = fds[1] };
    check_full_then_drained(&sink, fds[0]);
    log_sink_clean_up(&sink);
    assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
    close(fds[0]);
    close(fds[1]);
}

static void a_full_socket_does_not_block(void **state)
{
    (void)state;
    int fds[2];
    struct log_sink sink;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    log_sink_init(&sink, fds[1]);
    assert_int_equal(sink.kind, LOG_SINK_SOCKET);
    check_full_then_drained(&sink, fds[0]);
    log_sink_clean_up(&sink);
    assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
    close(fds[0]);
    close(fds[1]);
}

static void a_file_takes_all_in_one_write(void **state)
{
    (void)state;
    static char chunk[CHUNK_BYTES];
    struct log_sink sink;
    FILE *file = tmpfile();
    assert_non_null(file);
    log_sink_init(&sink, fileno(file));
    assert_int_equal(log_sink_write(&sink, slice_of(chunk, sizeof chunk), 50), CHUNK_BYTES);
    log_sink_clean_up(&sink);
    assert_int_equal(lseek(fileno(file), 0, SEEK_END), CHUNK_BYTES);
    fclose(file);
}

static void a_closed_reader_and_a_full_disk_are_failures(void **state)
{
    (void)state;
    int fds[2];
    struct log_sink sink;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(fds), 0);
    log_sink_init(&sink, fds[1]);
    close(fds[0]);
    assert_int_equal(log_sink_write(&sink, slice_cstr("x"), 50), -1);
    log_sink_clean_up(&sink);
    close(fds[1]);
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(full >= 0);
    log_sink_init(&sink, full);
    assert_int_equal(log_sink_write(&sink, slice_cstr("x"), 50), -1);
    log_sink_clean_up(&sink);
    close(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_pipe_takes_nothing_and_waits_no_longer_than_told),
        cmocka_unit_test(a_pipe_that_cannot_be_opened_anew_does_not_block_either),
        cmocka_unit_test(a_full_socket_does_not_block),
        cmocka_unit_test(a_file_takes_all_in_one_write),
        cmocka_unit_test(a_closed_reader_and_a_full_disk_are_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
