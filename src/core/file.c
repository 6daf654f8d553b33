#include "customerd/core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define STRETCH_BYTES ((size_t)4096)

static struct file_stamp stamp_of(const struct stat *st)
{
    return (struct file_stamp){ st->st_dev, st->st_ino, st->st_size, st->st_mtim };
}

static ssize_t read_some(int fd, char *to, size_t size)
{
    ssize_t n;
    do
        n = read(fd, to, size);
    while (n < 0 && errno == EINTR);
    return n;
}

/* Whether there was more to read; where out is full already, one byte tells. *failed: neither. */
static bool read_stretch(int fd, struct buf *out, bool *too_long, bool *failed)
{
    char beyond;
    size_t room = out->max_bytes - out->len;
    size_t wanted = room < STRETCH_BYTES ? room : STRETCH_BYTES;
    *failed = wanted > 0 && !buf_reserve(out, wanted);
    if (*failed)
        return false;
    ssize_t n = wanted > 0 ? read_some(fd, buf_tail(out), wanted) : read_some(fd, &beyond, 1);
    *failed = n < 0;
    *too_long = n > 0 && wanted == 0;
    if (n > 0 && wanted > 0)
        buf_advance(out, (size_t)n);
    return n > 0 && !*too_long;
}

static enum status read_all(int fd, const char *path, struct buf *out, struct file_stamp *stamp, struct error *err)
{
    struct stat st;
    bool too_long = false;
    bool failed = fstat(fd, &st) != 0;
    if (!failed && stamp != NULL)
        *stamp = stamp_of(&st);
    while (!failed && read_stretch(fd, out, &too_long, &failed))
        ;
    if (failed)
        return error_set(err, STATUS_UNAVAILABLE, "%.150s can't be read: %s", path, strerrordesc_np(errno));
    if (too_long)
        return error_set(err, STATUS_UNAVAILABLE, "%.150s is longer than %zu bytes", path, out->max_bytes);
    return STATUS_OK;
}

enum status file_read(const char *path, struct buf *out, struct file_stamp *stamp, struct error *err)
{
    /* Non-blocking: a FIFO without a writer must not hold the thread. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return error_set(err, STATUS_UNAVAILABLE, "%.150s can't be opened: %s", path, strerrordesc_np(errno));
    enum status status = read_all(fd, path, out, stamp, err);
    (void)close(fd);
    return status;
}

bool file_has_changed(const char *path, const struct file_stamp *stamp)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return true;
    struct file_stamp now = stamp_of(&st);
    return now.dev != stamp->dev || now.ino != stamp->ino || now.size != stamp->size ||
           now.modified.tv_sec != stamp->modified.tv_sec || now.modified.tv_nsec != stamp->modified.tv_nsec;
}
