#include "customerd/aws/sigv4.h"

#include <stdlib.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int compare_names(struct slice a, struct slice b)
{
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        int order = (unsigned char)lower(a.ptr[i]) - (unsigned char)lower(b.ptr[i]);
        if (order != 0)
            return order;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

/* Insertion keeps repeated names in their order, which qsort does not promise. */
static bool headers_sort(const struct sigv4_header *headers, size_t n, const struct sigv4_header **sorted)
{
    if (n > SIGV4_HEADERS_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        size_t at = i;
        while (at > 0 && compare_names(sorted[at - 1]->name, headers[i].name) > 0) {
            sorted[at] = sorted[at - 1];
            at--;
        }
        sorted[at] = &headers[i];
    }
    return true;
}

static void append_lower(struct slice name, struct buf *out)
{
    for (size_t i = 0; i < name.len; i++)
        buf_append_byte(out, lower(name.ptr[i]));
}

static void append_folded(struct slice value, struct buf *out)
{
    bool begun = false;
    bool gap = false;
    for (size_t i = 0; i < value.len; i++) {
        if (is_space(value.ptr[i])) {
            gap = true;
            continue;
        }
        if (gap && begun)
            buf_append_byte(out, ' ');
        gap = false;
        begun = true;
        buf_append_byte(out, value.ptr[i]);
    }
}

void sigv4_canonical_headers(const struct sigv4_header *headers, size_t n, struct buf *out)
{
    const struct sigv4_header *sorted[SIGV4_HEADERS_MAX];
    if (!headers_sort(headers, n, sorted)) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && compare_names(sorted[i - 1]->name, sorted[i]->name) == 0) {
            buf_append_byte(out, ',');
        } else {
            if (i > 0)
                buf_append_byte(out, '\n');
            append_lower(sorted[i]->name, out);
            buf_append_byte(out, ':');
        }
        append_folded(sorted[i]->value, out);
    }
    if (n > 0)
        buf_append_byte(out, '\n');
}

void sigv4_signed_headers(const struct sigv4_header *headers, size_t n, struct buf *out)
{
    const struct sigv4_header *sorted[SIGV4_HEADERS_MAX];
    if (!headers_sort(headers, n, sorted)) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && compare_names(sorted[i - 1]->name, sorted[i]->name) == 0)
            continue;
        if (i > 0)
            buf_append_byte(out, ';');
        append_lower(sorted[i]->name, out);
    }
}
