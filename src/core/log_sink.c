#include "log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_anew(int fd)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

void log_sink_init(struct log_sink *sink, int fd)
{
    struct stat about;
    sink->kind = LOG_SINK_SHARED;
    sink->fd = fd;
    if (fstat(fd, &about) != 0)
        return;
    if (S_ISSOCK(about.st_mode)) {
        sink->kind = LOG_SINK_SOCKET;
    } else if (S_ISREG(about.st_mode)) {
        sink->kind = LOG_SINK_FILE;
    } else if (S_ISFIFO(about.st_mode) || S_ISCHR(about.st_mode)) {
        int own = open_anew(fd);
        if (own >= 0) {
            sink->kind = LOG_SINK_OWN;
            sink->fd = own;
        }
    }
}

void log_sink_clean_up(struct log_sink *sink)
{
    if (sink->kind == LOG_SINK_OWN && sink->fd >= 0)
        close(sink->fd);
    sink->fd = -1;
}

static ssize_t write_some(const struct log_sink *sink, struct slice bytes)
{
    if (sink->kind == LOG_SINK_SOCKET)
        return send(sink->fd, bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    /* Where poll reports room, a shared pipe takes PIPE_BUF bytes without waiting. */
    if (sink->kind == LOG_SINK_SHARED && bytes.len > PIPE_BUF)
        bytes.len = PIPE_BUF;
    return write(sink->fd, bytes.ptr, bytes.len);
}

static bool has_room(const struct log_sink *sink, int timeout_ms)
{
    struct pollfd item = { .fd = sink->fd, .events = POLLOUT };
    return poll(&item, 1, timeout_ms) > 0;
}

long log_sink_write(struct log_sink *sink, struct slice bytes, int timeout_ms)
{
    if (sink->kind == LOG_SINK_SHARED && !has_room(sink, timeout_ms))
        return 0;
    ssize_t written = write_some(sink, bytes);
    if (written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) && has_room(sink, timeout_ms))
        written = write_some(sink, bytes);
    if (written >= 0)
        return (long)written;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
}
