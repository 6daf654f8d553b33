/* log_line: one log line as JSON, built in place and bounded.
 *
 * What does not fit is left out: a string is cut between two characters, a whole field is dropped, and the line then
 * ends with "truncated":true. It is valid JSON and ends with a line feed in every case. */
#ifndef CUSTOMERD_CORE_LOG_LINE_H
#define CUSTOMERD_CORE_LOG_LINE_H

#include "customerd/core/log.h"

#define LOG_LINE_MAX_BYTES 4096

struct log_line {
    char bytes[LOG_LINE_MAX_BYTES];
    size_t len;
    bool truncated;
};

void log_line_begin(struct log_line *line, int64_t realtime_ms, enum log_level level, const char *event);
void log_line_add(struct log_line *line, const struct log_field *field);
void log_line_end(struct log_line *line);

#endif
