/* Callers put whole lines into a ring; the writer takes bytes out of it:
 *
 *     written_total ........ queued_total        queued bytes, at most RING_BYTES; both only grow
 *
 * Bytes between the two belong to the writer, which reads them without the monitor; the rest belongs to whoever holds
 * the monitor. Lines are whole in the ring, so a partial write only ever delays the rest of a line. */
#include "customerd/core/log.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "customerd/core/monitor.h"

#include "log_line.h"
#include "log_sink.h"

#define RING_BYTES (1024 * 1024)
#define WAKE_EARLY_BYTES (RING_BYTES / 2)
#define AUDIT_BYTES (RING_BYTES / 4) /* room that only lines of the audit may take */
#define GATHER_MS 5   /* lines wait this long for others, so that a busy service wakes the writer 200 times a second */
#define RETRY_MS 100  /* after a failed write, and how long one write may wait */
#define DESTROY_MS 1000

struct log {
    enum log_level level;
    const struct clock *clock;
    struct log_sink sink;
    pthread_t writer;
    struct monitor monitor; /* notified for the writer, and when it has finished */
    bool stopping;
    bool finished;
    int64_t stop_at_ms;
    size_t queued_total;
    size_t written_total;
    uint64_t dropped_reported;
    atomic_uint_fast64_t dropped;
    atomic_uint_fast64_t audit_dropped; /* those among them */
    char *ring;
};

/* With the monitor locked. keep_free: for lines that matter more. */
static bool enqueue(struct log *log, const struct log_line *line, size_t keep_free)
{
    size_t used = log->queued_total - log->written_total;
    if (line->len + keep_free > RING_BYTES - used)
        return false;
    size_t at = log->queued_total % RING_BYTES;
    size_t first = line->len < RING_BYTES - at ? line->len : RING_BYTES - at;
    memcpy(log->ring + at, line->bytes, first);
    memcpy(log->ring, line->bytes + first, line->len - first);
    log->queued_total += line->len;
    if (used == 0 || (used < WAKE_EARLY_BYTES && used + line->len >= WAKE_EARLY_BYTES))
        monitor_notify(&log->monitor);
    return true;
}

/* With the monitor locked. */
static void report_dropped(struct log *log)
{
    struct log_line line;
    uint64_t lost = atomic_load(&log->dropped) - log->dropped_reported;
    if (lost == 0)
        return;
    const struct log_field lines = LOG_INT("lines", (int64_t)lost);
    const struct log_field audit = LOG_INT("audit_lines_ever", (int64_t)atomic_load(&log->audit_dropped));
    log_line_begin(&line, clock_realtime_ms(log->clock), LOG_WARN, "log_dropped");
    log_line_add(&line, &lines);
    log_line_add(&line, &audit);
    log_line_end(&line);
    if (enqueue(log, &line, 0))
        log->dropped_reported += lost;
}

static int64_t monotonic_ms(void)
{
    return clock_monotonic_ms(clock_system());
}

/* With the monitor locked; false when the writer has to end. */
static bool wait_for_lines(struct log *log)
{
    while (log->queued_total == log->written_total) {
        if (log->stopping)
            return false;
        pthread_cond_wait(&log->monitor.changed, &log->monitor.mutex);
    }
    if (!log->stopping && log->queued_total - log->written_total < WAKE_EARLY_BYTES)
        monitor_wait_ms(&log->monitor, GATHER_MS);
    return !log->stopping || monotonic_ms() < log->stop_at_ms;
}

static struct slice next_bytes(const struct log *log)
{
    size_t at = log->written_total % RING_BYTES;
    size_t len = log->queued_total - log->written_total;
    return slice_of(log->ring + at, len < RING_BYTES - at ? len : RING_BYTES - at);
}

static void *run_writer(void *arg)
{
    struct log *log = arg;
    monitor_lock(&log->monitor);
    while (wait_for_lines(log)) {
        struct slice bytes = next_bytes(log);
        monitor_unlock(&log->monitor);
        long written = log_sink_write(&log->sink, bytes, RETRY_MS);
        monitor_lock(&log->monitor);
        if (written > 0) {
            log->written_total += (size_t)written;
            report_dropped(log);
        } else if (written < 0) {
            if (log->stopping)
                break;
            monitor_wait_ms(&log->monitor, RETRY_MS);
        }
    }
    log->finished = true;
    monitor_notify(&log->monitor);
    monitor_unlock(&log->monitor);
    return NULL;
}

static void free_log(struct log *log)
{
    monitor_clean_up(&log->monitor);
    log_sink_clean_up(&log->sink);
    free(log->ring);
    free(log);
}

struct log *log_new(int fd, enum log_level level, const struct clock *clock)
{
    struct log *log = calloc(1, sizeof *log);
    if (log == NULL)
        return NULL;
    log->ring = malloc(RING_BYTES);
    if (log->ring == NULL || !monitor_init(&log->monitor)) {
        free(log->ring);
        free(log);
        return NULL;
    }
    log->level = level;
    log->clock = clock;
    atomic_init(&log->dropped, 0);
    atomic_init(&log->audit_dropped, 0);
    log_sink_init(&log->sink, fd);
    if (!monitor_start_thread(&log->writer, run_writer, log)) {
        free_log(log);
        return NULL;
    }
    return log;
}

void log_destroy(struct log *log)
{
    if (log == NULL)
        return;
    monitor_lock(&log->monitor);
    log->stopping = true;
    log->stop_at_ms = monotonic_ms() + DESTROY_MS - 2 * RETRY_MS;
    monitor_notify(&log->monitor);
    int64_t until_ms = log->stop_at_ms + 2 * RETRY_MS;
    for (int64_t left_ms; !log->finished && (left_ms = until_ms - monotonic_ms()) > 0;)
        monitor_wait_ms(&log->monitor, left_ms);
    bool finished = log->finished;
    monitor_unlock(&log->monitor);
    if (!finished) {
        /* The writer hangs in a write that the kernel does not end; what it uses has to stay. */
        pthread_detach(log->writer);
        return;
    }
    pthread_join(log->writer, NULL);
    free_log(log);
}

bool log_enabled(const struct log *log, enum log_level level)
{
    return log != NULL && level <= log->level;
}

static void write_line(struct log *log, enum log_level level, const char *event, const struct log_field *fields, size_t n)
{
    UNSET struct log_line line;
    log_line_begin(&line, clock_realtime_ms(log->clock), level, event);
    for (size_t i = 0; i < n; i++)
        log_line_add(&line, &fields[i]);
    log_line_end(&line);
    monitor_lock(&log->monitor);
    bool audit = level == LOG_AUDIT;
    if (!enqueue(log, &line, audit ? 0 : AUDIT_BYTES)) {
        atomic_fetch_add(&log->dropped, 1);
        atomic_fetch_add(&log->audit_dropped, audit);
    }
    monitor_unlock(&log->monitor);
}

void log_write(struct log *log, enum log_level level, const char *event, const struct log_field *fields, size_t n)
{
    if (log_enabled(log, level))
        write_line(log, level, event, fields, n);
}

void log_audit(struct log *log, const struct log_field *fields, size_t n)
{
    if (log != NULL)
        write_line(log, LOG_AUDIT, "audit", fields, n);
}

uint64_t log_dropped(const struct log *log)
{
    return log == NULL ? 0 : atomic_load(&log->dropped);
}

uint64_t log_audit_dropped(const struct log *log)
{
    return log == NULL ? 0 : atomic_load(&log->audit_dropped);
}
