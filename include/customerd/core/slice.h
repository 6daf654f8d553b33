/* slice: bytes that somebody else owns, with their length.
 *
 * Everything that comes from outside (HTTP, RESP, environment, files) travels as a slice. A slice has no
 * terminating NUL, may hold NULs, and is valid only as long as its owner says. */
#ifndef CUSTOMERD_CORE_SLICE_H
#define CUSTOMERD_CORE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct slice {
    const char *ptr;
    size_t len;
};

/* A slice of a string literal, usable in initializers. */
#define SLICE(literal) { (literal), sizeof(literal) - 1 }

static inline struct slice slice_of(const void *ptr, size_t len)
{
    return (struct slice){ .ptr = ptr, .len = len };
}

/* NULL gives the empty slice. */
static inline struct slice slice_cstr(const char *text)
{
    return (struct slice){ .ptr = text, .len = text == NULL ? 0 : strlen(text) };
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool slice_is(struct slice a, const char *text)
{
    return slice_equal(a, slice_cstr(text));
}

/* ASCII letters compare without case. */
static inline bool slice_is_nocase(struct slice a, const char *text)
{
    return a.len == strlen(text) && (a.len == 0 || strncasecmp(a.ptr, text, a.len) == 0);
}

static inline bool slice_starts_with(struct slice a, const char *prefix)
{
    size_t n = strlen(prefix);
    return a.len >= n && memcmp(a.ptr, prefix, n) == 0;
}

/* The slice from `offset` on; empty when it is past the end. */
static inline struct slice slice_from(struct slice a, size_t offset)
{
    if (offset >= a.len)
        return slice_of(a.ptr + a.len, 0);
    return slice_of(a.ptr + offset, a.len - offset);
}

/* Takes what stands before the first separator, or all, off the front of *rest, and the separator too. */
static inline struct slice slice_take(struct slice *rest, char separator)
{
    const char *end = rest->len == 0 ? NULL : memchr(rest->ptr, separator, rest->len);
    struct slice taken = slice_of(rest->ptr, end == NULL ? rest->len : (size_t)(end - rest->ptr));
    *rest = slice_from(*rest, taken.len + 1);
    return taken;
}

#endif
