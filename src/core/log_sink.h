/* log_sink: writes bytes to somebody else's file descriptor without ever waiting long.
 *
 * O_NONBLOCK belongs to the open file, which other processes share; so the sink opens a pipe or terminal anew for
 * itself, sends on sockets with MSG_DONTWAIT, and elsewhere writes only what poll says there is room for. A regular file always
 * has room, so that all that is there is one write. */
#ifndef CUSTOMERD_CORE_LOG_SINK_H
#define CUSTOMERD_CORE_LOG_SINK_H

#include "customerd/core/slice.h"

enum log_sink_kind { LOG_SINK_OWN, LOG_SINK_SOCKET, LOG_SINK_FILE, LOG_SINK_SHARED };

struct log_sink {
    enum log_sink_kind kind;
    int fd;
};

void log_sink_init(struct log_sink *sink, int fd);
/* Closes what the sink opened itself. */
void log_sink_clean_up(struct log_sink *sink);
/* The number of bytes taken, which may be fewer than given; 0 when nothing could be written within timeout_ms, -1 when
 * the descriptor fails (a closed pipe, a full disk). */
long log_sink_write(struct log_sink *sink, struct slice bytes, int timeout_ms);

#endif
