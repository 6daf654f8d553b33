/* file: small files that are read whole, and again when they change. */
#ifndef CUSTOMERD_CORE_FILE_H
#define CUSTOMERD_CORE_FILE_H

#include <sys/stat.h>

#include "customerd/core/buf.h"
#include "customerd/core/status.h"

/* What tells a changed file; a Kubernetes volume exchanges the whole file behind a link. */
struct file_stamp {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec modified;
};

/* Appends the file's bytes, within out's maximum; stamp (may be NULL) is of what was read. UNAVAILABLE names the path and
 * the reason. Does not wait on a FIFO that somebody put in the file's place. */
enum status file_read(const char *path, struct buf *out, struct file_stamp *stamp, struct error *err) MUST_USE;
/* Whether the path leads to another file, or other contents, than stamp is of; also when it leads nowhere. */
bool file_has_changed(const char *path, const struct file_stamp *stamp);

#endif
