#include "customerd/memorydb/login.h"

#include "customerd/core/file.h"

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
    struct buf bytes = BUF_INIT(PASSWORD_MAX_BYTES);
    struct error reason;
    enum status status = file_read(l->file, &bytes, NULL, &reason);
    struct slice text = without_line_break(buf_slice(&bytes));
    if (status != STATUS_OK)
        status = error_set(err, STATUS_UNAVAILABLE, "the password file: %.200s", reason.detail);
    else if (text.len == 0)
        status = error_set(err, STATUS_UNAVAILABLE, "the password file %.150s is empty", l->file);
    else if (!secret_set(user, slice_cstr(l->user)) || !secret_set(password, text))
        status = out_of_memory(err);
    buf_clean_up_secure(&bytes);
    return status;
}

struct login login_password(struct login_password *l)
{
    return (struct login){ .get = get_password, .refused = nothing_to_do, .ctx = l };
}
