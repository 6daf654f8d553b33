#include "customerd/core/log.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "customerd/core/buf.h"

#include "unit.h"

#define DEADLINE_MS 10000
#define TIME "{\"time\":\"2026-11-22T01:02:03.004Z\",\"level\":"

static int64_t fixed_realtime_ms(void *ctx)
{
    (void)ctx;
    return INT64_C(1795309323004);
}

static int64_t fixed_monotonic_ms(void *ctx)
{
    (void)ctx;
    return 0;
}

static const struct clock fixed_clock = { fixed_realtime_ms, fixed_monotonic_ms, NULL };

static void read_to_end(int fd, struct buf *out)
{
    for (;;) {
        struct pollfd item = { .fd = fd, .events = POLLIN };
        assert_int_equal(poll(&item, 1, DEADLINE_MS), 1);
        assert_true(buf_reserve(out, 65536));
        ssize_t got = read(fd, buf_tail(out), 65536);
        assert_true(got >= 0);
        if (got == 0)
            return;
        buf_advance(out, (size_t)got);
    }
}

/* Writes one line to a pipe and gives back what came out. */
static void line_of(enum log_level level, const struct log_field *fields, size_t n, struct buf *out)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct log *log = log_new(fds[1], LOG_DEBUG, &fixed_clock);
    assert_non_null(log);
    log_write(log, level, "tested", fields, n);
    log_destroy(log);
    close(fds[1]);
    read_to_end(fds[0], out);
    close(fds[0]);
}

static void a_line_is_json_with_time_level_event_and_fields(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(1 << 20);
    const struct log_field fields[] = {
        LOG_CSTR("method", "GET"), LOG_INT("status", -200),    LOG_BOOL("yes", true),
        LOG_BOOL("no", false),     LOG_MICROS("ms", 1234567), LOG_MICROS("short", 5),
    };
    line_of(LOG_WARN, fields, sizeof fields / sizeof *fields, &out);
    assert_string_equal(out.data, TIME "\"warn\",\"event\":\"tested\",\"method\":\"GET\",\"status\":-200,"
                                       "\"yes\":true,\"no\":false,\"ms\":1234.567,\"short\":0.005}\n");
    buf_clean_up(&out);
}

static void outside_bytes_are_escaped_and_made_utf_8(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(1 << 20);
    const char bytes[] = "\"\\\n\r\t\0\x1b\x7f|\xc3\xa9|\xf0\x9f\x98\x80|\xc2\x85|\xff|\xc3|\xed\xa0\x80|\xc0\xaf|\xf4\x90\x80\x80|\xe0\x9f\xbf|\xf0\x8f\xbf\xbf";
    const struct log_field fields[] = { LOG_STR("s", slice_of(bytes, sizeof bytes - 1)) };
    line_of(LOG_ERROR, fields, 1, &out);
#define BAD "\xEF\xBF\xBD"
    assert_string_equal(out.data, TIME "\"error\",\"event\":\"tested\",\"s\":\"\\\"\\\\\\n\\u000d\\u0009\\u0000\\u001b\\u007f"
                                       "|\xc3\xa9|\xf0\x9f\x98\x80|\\u0085|" BAD "|" BAD "|" BAD BAD BAD "|" BAD BAD
                                       "|" BAD BAD BAD BAD "|" BAD BAD BAD "|" BAD BAD BAD BAD "\"}\n");
    buf_clean_up(&out);
}

static void a_long_line_is_cut_and_stays_json(void **state)
{
    (void)state;
    static char text[6000];
    /* The shift moves the cut through every place within a character and its escape. */
    for (size_t shift = 0; shift < 12; shift++) {
        struct buf out = BUF_INIT(1 << 20);
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = i < shift ? 'x' : "\xe2\x82\xac\n"[(i - shift) % 4];
        const struct log_field fields[] = { LOG_STR("s", slice_of(text, sizeof text)), LOG_INT("lost", 1) };
        line_of(LOG_INFO, fields, 2, &out);
        assert_in_range(out.len, 4000, 4096);
        const char *end = strstr(out.data, "\",\"truncated\":true}\n");
        const char *fits = strstr(out.data, "\",\"lost\":1,\"truncated\":true}\n");
        assert_true(end != NULL || fits != NULL);
        const char *last = (end != NULL ? end : fits) - 1;
        assert_true(*last == '\xac' || *last == 'n');
        buf_clean_up(&out);
    }
}

static void lines_below_the_level_and_a_null_log_are_skipped(void **state)
{
    (void)state;
    int fds[2];
    struct buf out = BUF_INIT(1 << 20);
    assert_int_equal(pipe(fds), 0);
    struct log *log = log_new(fds[1], LOG_WARN, &fixed_clock);
    assert_false(log_enabled(log, LOG_INFO));
    assert_true(log_enabled(log, LOG_WARN));
    LOG(log, LOG_INFO, "hidden", LOG_INT("n", 1));
    LOG(log, LOG_ERROR, "shown", LOG_INT("n", 2));
    LOG((struct log *)NULL, LOG_ERROR, "nowhere", LOG_INT("n", 3));
    log_write(NULL, LOG_ERROR, "nowhere", NULL, 0);
    log_write(log, LOG_ERROR, "bare", NULL, 0);
    log_destroy(log);
    log_destroy(NULL);
    close(fds[1]);
    read_to_end(fds[0], &out);
    assert_string_equal(out.data, TIME "\"error\",\"event\":\"shown\",\"n\":2}\n" TIME "\"error\",\"event\":\"bare\"}\n");
    buf_clean_up(&out);
    close(fds[0]);
}

/* More than the ring and the pipe hold: well above 1 MiB. */
static int flood(struct log *log)
{
    static char filler[1000];
    int written = 0;
    memset(filler, 'f', sizeof filler);
    while (log_dropped(log) < 10) {
        LOG(log, LOG_INFO, "flood", LOG_INT("n", written), LOG_STR("filler", slice_of(filler, sizeof filler)));
        written++;
        assert_true(written < 100000);
    }
    return written;
}

/* Not strstr or memmem: the sanitizers' versions look at the whole rest of the text at each call. */
static size_t count(const struct buf *text, const char *needle)
{
    size_t n = 0;
    size_t needle_len = strlen(needle);
    for (size_t i = 0; i + needle_len <= text->len; i++) {
        if (text->data[i] == needle[0] && memcmp(text->data + i, needle, needle_len) == 0)
            n++;
    }
    return n;
}

struct reader {
    int fd;
    struct buf out;
};

static void *run_reader(void *arg)
{
    struct reader *r = arg;
    read_to_end(r->fd, &r->out);
    return NULL;
}

static void check_flood(int write_fd, int read_fd)
{
    struct reader r = { .fd = read_fd, .out = BUF_INIT(1 << 24) };
    pthread_t thread;
    struct log *log = log_new(write_fd, LOG_INFO, clock_system());
    int written = flood(log);
    uint64_t dropped = log_dropped(log);
    assert_true(dropped >= 10);
    assert_int_equal(pthread_create(&thread, NULL, run_reader, &r), 0);
    log_destroy(log);
    close(write_fd);
    pthread_join(thread, NULL);
    assert_int_equal(count(&r.out, "\"event\":\"flood\""), (size_t)written - dropped);
    assert_true(count(&r.out, "\"event\":\"log_dropped\",\"lines\":") >= 1);
    assert_int_equal(r.out.data[r.out.len - 1], '\n');
    buf_clean_up(&r.out);
}

static void a_reader_that_stalls_costs_lines_not_time(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    check_flood(fds[1], fds[0]);
    close(fds[0]);
}

static void a_stalled_socket_is_no_worse(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    check_flood(fds[1], fds[0]);
    close(fds[0]);
}

static void the_shared_descriptor_stays_blocking(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct log *log = log_new(fds[1], LOG_INFO, &fixed_clock);
    log_write(log, LOG_INFO, "once", NULL, 0);
    assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
    log_destroy(log);
    assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
    close(fds[0]);
    close(fds[1]);
}

static void destroying_gives_up_on_a_dead_reader_in_time(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct log *log = log_new(fds[1], LOG_INFO, clock_system());
    flood(log);
    int64_t before_ms = clock_monotonic_ms(clock_system());
    log_destroy(log);
    int64_t took_ms = clock_monotonic_ms(clock_system()) - before_ms;
    assert_in_range(took_ms, 500, 3000);
    close(fds[0]);
    close(fds[1]);
}

static void a_closed_reader_neither_kills_nor_delays(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct log *log = log_new(fds[1], LOG_INFO, clock_system());
    close(fds[0]);
    log_write(log, LOG_INFO, "into the void", NULL, 0);
    int64_t before_ms = clock_monotonic_ms(clock_system());
    log_destroy(log);
    assert_true(clock_monotonic_ms(clock_system()) - before_ms < 900);
    close(fds[1]);
}

static void a_file_is_continued_where_it_is(void **state)
{
    (void)state;
    char path[] = "/tmp/customerd-log-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "before\n", 7), 7);
    struct log *log = log_new(fd, LOG_INFO, &fixed_clock);
    log_write(log, LOG_INFO, "after", NULL, 0);
    log_destroy(log);
    char text[200] = "";
    assert_true(pread(fd, text, sizeof text - 1, 0) > 0);
    assert_string_equal(text, "before\n" TIME "\"info\",\"event\":\"after\"}\n");
    close(fd);
    unlink(path);
}

#define WRITERS 4
#define LINES_EACH 2000

static void *run_writer(void *arg)
{
    for (int i = 0; i < LINES_EACH; i++)
        LOG((struct log *)arg, LOG_INFO, "concurrent", LOG_INT("n", i), LOG_CSTR("tail", "tail"));
    return NULL;
}

static void lines_of_many_threads_never_mix(void **state)
{
    (void)state;
    int fds[2];
    pthread_t threads[WRITERS];
    pthread_t reading;
    assert_int_equal(pipe(fds), 0);
    struct reader r = { .fd = fds[0], .out = BUF_INIT(1 << 24) };
    struct log *log = log_new(fds[1], LOG_INFO, &fixed_clock);
    assert_int_equal(pthread_create(&reading, NULL, run_reader, &r), 0);
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_writer, log), 0);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(log_dropped(log), 0);
    log_destroy(log);
    close(fds[1]);
    pthread_join(reading, NULL);
    assert_int_equal(count(&r.out, ",\"tail\":\"tail\"}\n"), WRITERS * LINES_EACH);
    assert_int_equal(count(&r.out, TIME "\"info\",\"event\":\"concurrent\",\"n\":"), WRITERS * LINES_EACH);
    assert_int_equal(count(&r.out, "\n"), WRITERS * LINES_EACH);
    buf_clean_up(&r.out);
    close(fds[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_json_with_time_level_event_and_fields),
        cmocka_unit_test(outside_bytes_are_escaped_and_made_utf_8),
        cmocka_unit_test(a_long_line_is_cut_and_stays_json),
        cmocka_unit_test(lines_below_the_level_and_a_null_log_are_skipped),
        cmocka_unit_test(a_reader_that_stalls_costs_lines_not_time),
        cmocka_unit_test(a_stalled_socket_is_no_worse),
        cmocka_unit_test(the_shared_descriptor_stays_blocking),
        cmocka_unit_test(destroying_gives_up_on_a_dead_reader_in_time),
        cmocka_unit_test(a_closed_reader_neither_kills_nor_delays),
        cmocka_unit_test(a_file_is_continued_where_it_is),
        cmocka_unit_test(lines_of_many_threads_never_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
