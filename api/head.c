#include "head.h"

#include <stdlib.h>

/* ---- the request line ---- */

/* At a NUL a target ends for us, not for others. libmicrohttpd 0.9.75 ends it by a NUL of its own, directly before the
 * version, which it has found to be there; its later versions refuse a NUL. */
static bool target_is_cut(const char *target)
{
    return MHD_VERSION < 0x01000000 && strncmp(target + strlen(target) + 1, "HTTP/", 5) != 0;
}

/* The library has no need of the query, but would keep each parameter in the connection's memory, and close the connection
 * without an answer where they don't fit. What it was handed is its own buffer, in which it is about to take the query
 * apart: it finds an empty one. */
static void hide_query(const char *target)
{
    char *mark = strchr(target, '?');
    if (mark != NULL && mark[1] != '\0')
        mark[1] = '\0';
}

char *head_take_target(const char *uri)
{
    /* "GET" alone has none. The gate refuses an empty one. */
    char *target = strdup(uri == NULL || target_is_cut(uri) ? "" : uri);
    if (uri != NULL)
        hide_query(uri);
    return target;
}

/* ---- the header fields ---- */

/* The library ends names and values in its buffer, in the order of the wire. To a folded line (RFC 9112 section 5.2)
 * libmicrohttpd 0.9.75 appends the wrong string, the name: a Transfer-Encoding could hide that way. It shows in the
 * name's place: it is then a copy, behind its value. */
static bool is_displaced(const char *name, size_t name_len, const char *value)
{
    return value != NULL && (uintptr_t)value < (uintptr_t)name + name_len;
}

/* At a NUL the library ends a value without a word, and the rest of the line is lost between the value and the next
 * name: exactly CR and LF may stand there. Its later versions refuse a NUL and a lone LF, and may move values. */
static bool follows(const struct headers *h, const char *name)
{
    if (MHD_VERSION >= 0x01000000 || h->n == 0 || h->n != h->seen)
        return true;
    const struct slice last = h->items[h->n - 1].value;
    return (uintptr_t)name - ((uintptr_t)last.ptr + last.len) == sizeof "\r\n" - 1;
}

/* Behind the last field there is no name. To libmicrohttpd 0.9.75 a line whose first byte it has made or found NUL ends the
 * head, as an empty line does: a field without a name, for one. What follows would be the next request. It counts the head
 * from the method, which stands before the target. */
static bool last_is_cut(const struct head_line *line, struct MHD_Connection *http, const struct headers *h)
{
    if (MHD_VERSION >= 0x01000000 || h->n == 0 || h->n != h->seen || line->target_at == NULL)
        return false;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(http, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    const char *method_end = line->target_at - 1;
    while (*method_end == ' ')
        method_end--;
    const struct slice last = h->items[h->n - 1].value;
    uintptr_t head = (uintptr_t)method_end - strlen(line->method);
    uintptr_t last_end = (uintptr_t)last.ptr + last.len;
    return info == NULL || head + info->header_size - last_end != sizeof "\r\n\r\n" - 1;
}

static enum MHD_Result add_header(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                  const char *value, size_t value_len)
{
    struct headers *headers = cls;
    (void)kind;
    headers->cut = headers->cut || !follows(headers, name);
    headers_add(headers, slice_of(name, name_len), slice_of(value == NULL ? "" : value, value_len));
    headers->folded = headers->folded || is_displaced(name, name_len, value);
    return MHD_YES;
}

/* ---- the whole ---- */

static struct slice move(struct slice from, char **to)
{
    struct slice moved = slice_of(*to, from.len);
    if (from.len > 0)
        memcpy(*to, from.ptr, from.len);
    *to += from.len;
    return moved;
}

bool head_read(struct MHD_Connection *http, const struct head_line *line, struct request *out, struct secret *memory)
{
    struct headers *headers = &out->headers;
    (void)MHD_get_connection_values_n(http, MHD_HEADER_KIND, add_header, headers);
    headers->cut = headers->cut || last_is_cut(line, http, headers);
    size_t bytes = strlen(line->method);
    for (size_t i = 0; i < headers->n; i++)
        bytes += headers->items[i].name.len + headers->items[i].value.len;
    char *to = malloc(bytes + 1);
    if (to == NULL)
        return false;
    to[bytes] = '\0';
    *memory = (struct secret){ .ptr = to, .len = bytes };
    out->method = move(slice_cstr(line->method), &to);
    request_set_target(out, slice_cstr(line->target));
    for (size_t i = 0; i < headers->n; i++) {
        headers->items[i].name = move(headers->items[i].name, &to);
        headers->items[i].value = move(headers->items[i].value, &to);
    }
    out->http_1_0 = strcmp(line->version, "HTTP/1.0") == 0;
    return true;
}

bool head_brings_body(const struct headers *headers)
{
    struct slice length;
    if (headers_get(headers, "Transfer-Encoding", NULL) > 0)
        return true;
    return headers_get(headers, "Content-Length", &length) > 0 && !slice_is(headers_trim(length), "0");
}
