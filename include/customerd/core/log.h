/* log: JSON lines on a file descriptor, written by a thread of its own.
 *
 * A caller formats its line into a bounded ring and goes on; it never waits for the reader of the pipe. When the ring
 * is full the line is dropped and counted, and a later line says how many were lost. No secrets, no personal data. */
#ifndef CUSTOMERD_CORE_LOG_H
#define CUSTOMERD_CORE_LOG_H

#include <stdint.h>

#include "customerd/core/clock.h"
#include "customerd/core/status.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_AUDIT /* none that can be chosen */ };

enum log_field_type { LOG_FIELD_STRING, LOG_FIELD_INT, LOG_FIELD_BOOL, LOG_FIELD_MICROS };

struct log_field {
    const char *key; /* a literal, needs no escaping */
    enum log_field_type type;
    struct slice text; /* outside bytes: escaped, invalid UTF-8 replaced */
    int64_t number;
};

#define LOG_STR(k, slice_value) { .key = (k), .type = LOG_FIELD_STRING, .text = (slice_value) }
#define LOG_CSTR(k, cstr) { .key = (k), .type = LOG_FIELD_STRING, .text = slice_cstr(cstr) }
#define LOG_INT(k, value) { .key = (k), .type = LOG_FIELD_INT, .number = (value) }
#define LOG_BOOL(k, value) { .key = (k), .type = LOG_FIELD_BOOL, .number = (value) }
/* A duration in microseconds, written as milliseconds with three decimals. */
#define LOG_MICROS(k, value) { .key = (k), .type = LOG_FIELD_MICROS, .number = (value) }

struct log;

/* Starts the writer for fd (not closed by it), made non-blocking only for the writer. Lines below `level` are skipped. */
struct log *log_new(int fd, enum log_level level, const struct clock *clock);
/* Writes what is queued, for at most a second, and stops the writer. Accepts NULL. */
void log_destroy(struct log *log);

bool log_enabled(const struct log *log, enum log_level level);
/* One line: {"time":...,"level":...,"event":"...", fields...}. A NULL log drops it. Any thread; never blocks. */
void log_write(struct log *log, enum log_level level, const char *event, const struct log_field *fields, size_t n);
/* A line of the audit: level "audit", event "audit". It is written whatever the level, and finds room when other lines are
 * dropped already. */
void log_audit(struct log *log, const struct log_field *fields, size_t n);
/* How many lines were dropped since the start, and how many of them were the audit's. */
uint64_t log_dropped(const struct log *log);
uint64_t log_audit_dropped(const struct log *log);

#define LOG(log, level, event, ...)                                                                \
    do {                                                                                           \
        if (log_enabled((log), (level))) {                                                         \
            const struct log_field log_fields_[] = { __VA_ARGS__ };                                \
            log_write((log), (level), (event), log_fields_, sizeof log_fields_ / sizeof *log_fields_); \
        }                                                                                          \
    } while (0)

#endif
