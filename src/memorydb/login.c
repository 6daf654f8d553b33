#include "customerd/memorydb/login.h"

#include "customerd/core/crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PASSWORD_MAX_BYTES 8192

static void nothing_to_do(void *ctx)
{
    (void)ctx;
}

static enum status out_of_memory(struct error *err)
{
    return error_set(err, STATUS_INTERNAL, "out of memory");
}

/* ---- nobody ---- */

static enum status get_none(void *ctx, struct secret *user, struct secret *password, struct error *err)
{
    (void)ctx;
    (void)err;
    secret_clean_up(user);
    secret_clean_up(password);
    return STATUS_OK;
}

struct login login_none(void)
{
    return (struct login){ .get = get_none, .refused = nothing_to_do, .ctx = NULL };
}

/* ---- IAM ---- */

static enum status get_iam(void *ctx, struct secret *user, struct secret *password, struct error *err)
{
    const struct login_iam *l = ctx;
    if (!secret_set(user, slice_cstr(l->user)))
        return out_of_memory(err);
    return iam_refresher_token(l->refresher, password, err);
}

static void refused_iam(void *ctx)
{
    const struct login_iam *l = ctx;
    iam_refresher_refused(l->refresher);
}

struct login login_iam(struct login_iam *l)
{
    return (struct login){ .get = get_iam, .refused = refused_iam, .ctx = l };
}

/* ---- password ---- */

static ssize_t read_all(int fd, char *to, size_t cap)
{
    size_t len = 0;
    while (len < cap) {
        ssize_t n = read(fd, to + len, cap - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

static struct slice without_line_break(struct slice text)
{
    if (text.len > 0 && text.ptr[text.len - 1] == '\n')
        text.len--;
    if (text.len > 0 && text.ptr[text.len - 1] == '\r')
        text.len--;
    return text;
}

static enum status get_password(void *ctx, struct secret *user, struct secret *password, struct error *err)
{
    const struct login_password *l = ctx;
    char bytes[PASSWORD_MAX_BYTES + 1];
    enum status status = STATUS_OK;
    /* Not blocking on a pipe that somebody put in the file's place. */
    int fd = open(l->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t len = fd < 0 ? -1 : read_all(fd, bytes, sizeof bytes);
    if (fd >= 0)
        close(fd);
    if (len < 0 || len > PASSWORD_MAX_BYTES)
        return error_set(err, STATUS_UNAVAILABLE, "the password file %s can't be read or is too long", l->file);
    struct slice text = without_line_break(slice_of(bytes, (size_t)len));
    if (text.len == 0)
        status = error_set(err, STATUS_UNAVAILABLE, "the password file %s is empty", l->file);
    else if (!secret_set(user, slice_cstr(l->user)) || !secret_set(password, text))
        status = out_of_memory(err);
    crypto_wipe(bytes, sizeof bytes);
    return status;
}

struct login login_password(struct login_password *l)
{
    return (struct login){ .get = get_password, .refused = nothing_to_do, .ctx = l };
}
