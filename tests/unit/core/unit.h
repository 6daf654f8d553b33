/* What the tests of this folder share. */
#ifndef CUSTOMERD_TESTS_UNIT_CORE_UNIT_H
#define CUSTOMERD_TESTS_UNIT_CORE_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "customerd/core/slice.h"

static inline void assert_slice(struct slice got, const char *expected)
{
    if (got.len != strlen(expected) || (got.len > 0 && memcmp(got.ptr, expected, got.len) != 0))
        fail_msg("got `%.*s`, expected `%s`", (int)got.len, got.ptr == NULL ? "" : got.ptr, expected);
}

/* A copy of exactly this size, so that the address sanitizer sees each byte read too far; to be freed. */
static inline char *exact_copy(const char *text, size_t len)
{
    char *copy = malloc(len == 0 ? 1 : len);
    assert_non_null(copy);
    if (len > 0)
        memcpy(copy, text, len);
    return copy;
}

/* `unit` n times, with a NUL; to be freed. */
static inline char *repeated(const char *unit, size_t n)
{
    size_t len = strlen(unit);
    char *text = malloc(n * len + 1);
    assert_non_null(text);
    for (size_t i = 0; i < n; i++)
        memcpy(text + i * len, unit, len);
    text[n * len] = '\0';
    return text;
}

#endif
