#include "customerd/core/status.h"

#include "customerd/core/utf8.h"

#include <stdarg.h>
#include <stdio.h>

struct status_row {
    int http;
    const char *slug;
    const char *title;
    const char *when;
};

static const struct status_row rows[] = {
#define X(code, http, slug, title, when) [code] = { http, slug, title, when },
    STATUS_TABLE(X)
#undef X
};

/* A code from outside the table is a defect of the service, and is answered as one. */
static const struct status_row *row_of(enum status code)
{
    size_t at = (size_t)code;
    return &rows[at < STATUS_COUNT ? at : STATUS_INTERNAL];
}

/* C0, C1 and DEL. */
static bool is_control(struct slice character)
{
    unsigned char first = (unsigned char)character.ptr[0];
    if (character.len == 2)
        return first == 0xc2 && (unsigned char)character.ptr[1] < 0xa0;
    return first < 0x20 || first == 0x7f;
}

/* Details quote outside bytes (paths, hosts, answers), and end in JSON, in logs and on terminals; and the cut at the
 * end may go through a character. */
static void make_plain_text(char *text)
{
    for (struct slice rest = slice_cstr(text); rest.len > 0;) {
        size_t len = utf8_character_len(rest);
        if (len == 0 || is_control(slice_of(text, len))) {
            len = len == 0 ? 1 : len;
            memset(text, '?', len);
        }
        text += len;
        rest = slice_from(rest, len);
    }
}

__attribute__((format(printf, 4, 0))) static void fill(struct error *err, enum status code, int retry_after_s,
                                                      const char *format, va_list args)
{
    err->code = code;
    err->applied = APPLIED_NO;
    err->retry_after_s = retry_after_s;
    if (vsnprintf(err->detail, sizeof err->detail, format, args) < 0)
        err->detail[0] = '\0';
    make_plain_text(err->detail);
}

enum status error_set(struct error *err, enum status code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(err, code, 0, format, args);
    va_end(args);
    return code;
}

enum status error_set_retry(struct error *err, enum status code, int retry_after_s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(err, code, retry_after_s, format, args);
    va_end(args);
    return code;
}

int status_http(enum status code)
{
    return row_of(code)->http;
}

const char *status_slug(enum status code)
{
    return row_of(code)->slug;
}

const char *status_title(enum status code)
{
    return row_of(code)->title;
}

const char *status_when(enum status code)
{
    return row_of(code)->when;
}
