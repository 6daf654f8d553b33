#include "customerd/objects/warm_state.h"

#include "customerd/core/file.h"
#include "customerd/core/json_read.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define STATE_MAX_BYTES (64u << 10)

static enum status wrong(const char *path, const char *why, struct error *err)
{
    return error_set(err, STATUS_BAD_PARAMETER, "--state: %.120s %s; remove it to begin from the start", path, why);
}

/* ---- reading ---- */

/* A member that is the text; NULL is null. */
static bool is_text(const json_t *object, const char *name, const char *text)
{
    const json_t *value = json_object_get(object, name);
    if (text == NULL)
        return json_is_null(value);
    return json_is_string(value) && slice_is(json_text(value), text);
}

static bool take_mark(const json_t *object, struct warm_mark *out)
{
    const json_t *after = json_object_get(object, "after"), *line = json_object_get(object, "line");
    if (!json_is_string(after) || json_string_length(after) > sizeof out->key || !json_is_integer(line) ||
        json_integer_value(line) < 0)
        return false;
    out->len = json_string_length(after);
    out->line = (uint64_t)json_integer_value(line);
    memcpy(out->key, json_string_value(after), out->len);
    return true;
}

static enum status take_state(const char *path, struct slice text, const struct warm_scope *scope, struct warm_mark *out,
                              struct error *err)
{
    struct findings findings;
    json_t *object = NULL;
    findings_init(&findings);
    enum status status = json_read_object(text, &object, &findings, err);
    findings_clean_up(&findings);
    if (status == STATUS_INTERNAL)
        return status;
    if (status == STATUS_OK && (!is_text(object, "bucket", scope->bucket) || !is_text(object, "prefix", scope->prefix) ||
                                !is_text(object, "list", scope->list)))
        status = wrong(path, "is of a run with another bucket, prefix or list", err);
    else if (status != STATUS_OK || !take_mark(object, out))
        status = wrong(path, "is no state of a run", err);
    json_decref(object);
    return status;
}

enum status warm_state_read(const char *path, const struct warm_scope *scope, struct warm_mark *out, struct error *err)
{
    struct buf text = BUF_INIT(STATE_MAX_BYTES);
    struct error reason;
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return STATUS_OK;
    enum status status = file_read(path, &text, NULL, &reason);
    if (status != STATUS_OK)
        status = error_set(err, status, "--state: %.240s", reason.detail);
    else
        status = take_state(path, buf_slice(&text), scope, out, err);
    buf_clean_up(&text);
    return status;
}

/* ---- writing ---- */

static void append_text(struct buf *out, const char *before, struct slice text)
{
    buf_append_cstr(out, before);
    buf_append_byte(out, '"');
    buf_append_json_escaped(out, text);
    buf_append_byte(out, '"');
}

static bool write_through(const char *path, struct slice text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool ok = fd >= 0;
    while (ok && text.len > 0) {
        ssize_t n = write(fd, text.ptr, text.len);
        ok = n > 0 || (n < 0 && errno == EINTR);
        text = slice_from(text, n > 0 ? (size_t)n : 0);
    }
    ok = ok && fsync(fd) == 0;
    if (fd >= 0)
        ok = close(fd) == 0 && ok;
    return ok;
}

enum status warm_state_write(const char *path, const struct warm_scope *scope, const struct warm_mark *mark, struct error *err)
{
    char next[PATH_MAX];
    struct buf text = BUF_INIT(STATE_MAX_BYTES);
    append_text(&text, "{\"bucket\":", slice_cstr(scope->bucket));
    append_text(&text, ",\"prefix\":", slice_cstr(scope->prefix));
    if (scope->list == NULL)
        buf_append_cstr(&text, ",\"list\":null");
    else
        append_text(&text, ",\"list\":", slice_cstr(scope->list));
    append_text(&text, ",\"after\":", slice_of(mark->key, mark->len));
    buf_append_cstr(&text, ",\"line\":");
    buf_append_int(&text, (int64_t)mark->line);
    buf_append_cstr(&text, "}\n");
    int n = snprintf(next, sizeof next, "%s.next", path);
    bool ok = buf_ok(&text) && n > 0 && (size_t)n < sizeof next && write_through(next, buf_slice(&text)) && rename(next, path) == 0;
    buf_clean_up(&text);
    return ok ? STATUS_OK : error_set(err, STATUS_INTERNAL, "--state: %.200s can't be written", path);
}
