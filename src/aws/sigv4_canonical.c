#include "customerd/aws/sigv4.h"

#include <stdlib.h>

/* The scratch copies of one stage; requests that are signed here are far smaller. */
#define SCRATCH_MAX_BYTES ((size_t)1 << 20)

static bool is_unreserved(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

static void encode_byte(unsigned char c, struct buf *out)
{
    static const char digits[] = "0123456789ABCDEF";
    if (is_unreserved(c)) {
        buf_append_byte(out, (char)c);
        return;
    }
    buf_append_byte(out, '%');
    buf_append_byte(out, digits[c >> 4]);
    buf_append_byte(out, digits[c & 15]);
}

void sigv4_uri_encode(struct slice text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++)
        encode_byte((unsigned char)text.ptr[i], out);
}

/* ------------------------------------------------------------------------------------------------------ path */

struct segments {
    struct slice at[SIGV4_PATH_SEGMENTS_MAX];
    size_t n;
};

static bool segment_take(struct segments *s, struct slice segment)
{
    if (segment.len == 0 || slice_is(segment, "."))
        return true;
    if (slice_is(segment, "..")) {
        if (s->n > 0)
            s->n--;
        return true;
    }
    if (s->n == SIGV4_PATH_SEGMENTS_MAX)
        return false;
    s->at[s->n++] = segment;
    return true;
}

/* Whether what follows the last "/" names a directory itself: "/a/", "/a/.", "/a/..". */
static bool ends_as_directory(struct slice path)
{
    size_t start = path.len;
    while (start > 0 && path.ptr[start - 1] != '/')
        start--;
    struct slice last = slice_from(path, start);
    return last.len == 0 || slice_is(last, ".") || slice_is(last, "..");
}

static void append_normalized(struct slice path, struct buf *out)
{
    struct segments segments = { .n = 0 };
    size_t start = 0;
    for (size_t i = 0; i <= path.len; i++) {
        if (i < path.len && path.ptr[i] != '/')
            continue;
        if (!segment_take(&segments, slice_of(path.ptr + start, i - start))) {
            out->failed = true;
            return;
        }
        start = i + 1;
    }
    for (size_t i = 0; i < segments.n; i++) {
        buf_append_byte(out, '/');
        sigv4_uri_encode(segments.at[i], out);
    }
    if (segments.n == 0 || ends_as_directory(path))
        buf_append_byte(out, '/');
}

void sigv4_canonical_path(struct slice path, bool normalize, struct buf *out)
{
    if (path.len == 0) {
        buf_append_byte(out, '/');
        return;
    }
    if (normalize) {
        append_normalized(path, out);
        return;
    }
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] == '/')
            buf_append_byte(out, '/');
        else
            encode_byte((unsigned char)path.ptr[i], out);
    }
}

/* ----------------------------------------------------------------------------------------------------- query */

/* A "%" that begins no escape stands for itself; "+" is a plus sign, since SigV4 knows no form encoding. */
static void reencode(struct slice text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        int byte = percent_byte(slice_from(text, i));
        if (byte >= 0) {
            encode_byte((unsigned char)byte, out);
            i += 2;
        } else {
            encode_byte((unsigned char)text.ptr[i], out);
        }
    }
}

/* Offsets into the scratch buffer, which moves while it grows. */
struct parameter {
    size_t name_at, name_len, value_at, value_len;
    const char *base;
};

static int compare_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t common = a_len < b_len ? a_len : b_len;
    int order = common == 0 ? 0 : memcmp(a, b, common);
    if (order != 0)
        return order;
    return a_len < b_len ? -1 : a_len > b_len;
}

static int compare_parameters(const void *left, const void *right)
{
    const struct parameter *a = left;
    const struct parameter *b = right;
    int order = compare_bytes(a->base + a->name_at, a->name_len, b->base + b->name_at, b->name_len);
    if (order != 0)
        return order;
    return compare_bytes(a->base + a->value_at, a->value_len, b->base + b->value_at, b->value_len);
}

static void parameter_encode(struct slice pair, struct parameter *p, struct buf *scratch)
{
    const char *equals = pair.len == 0 ? NULL : memchr(pair.ptr, '=', pair.len);
    size_t name_len = equals == NULL ? pair.len : (size_t)(equals - pair.ptr);
    p->name_at = scratch->len;
    reencode(slice_of(pair.ptr, name_len), scratch);
    p->name_len = scratch->len - p->name_at;
    p->value_at = scratch->len;
    if (equals != NULL)
        reencode(slice_from(pair, name_len + 1), scratch);
    p->value_len = scratch->len - p->value_at;
}

static bool parameters_split(struct slice query, struct parameter *parameters, size_t *n, struct buf *scratch)
{
    size_t start = 0;
    for (size_t i = 0; i <= query.len; i++) {
        if (i < query.len && query.ptr[i] != '&')
            continue;
        if (i > start) {
            if (*n == SIGV4_PARAMETERS_MAX)
                return false;
            parameter_encode(slice_of(query.ptr + start, i - start), &parameters[(*n)++], scratch);
        }
        start = i + 1;
    }
    return buf_ok(scratch);
}

void sigv4_canonical_query(struct slice query, struct buf *out)
{
    struct parameter parameters[SIGV4_PARAMETERS_MAX];
    size_t n = 0;
    struct buf scratch = BUF_INIT(SCRATCH_MAX_BYTES);
    if (!parameters_split(query, parameters, &n, &scratch)) {
        out->failed = true;
        goto out;
    }
    for (size_t i = 0; i < n; i++)
        parameters[i].base = buf_slice(&scratch).ptr;
    qsort(parameters, n, sizeof *parameters, compare_parameters);
    for (size_t i = 0; i < n; i++) {
        const struct parameter *p = &parameters[i];
        if (i > 0)
            buf_append_byte(out, '&');
        buf_append(out, slice_of(p->base + p->name_at, p->name_len));
        buf_append_byte(out, '=');
        buf_append(out, slice_of(p->base + p->value_at, p->value_len));
    }
out:
    buf_clean_up_secure(&scratch);
}
