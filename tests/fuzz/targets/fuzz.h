/* fuzz: what the targets share. A target is one function that libFuzzer calls with bytes again and again; it checks what
 * must hold whatever they are, beyond that nothing crashes. */
#ifndef CUSTOMERD_TESTS_FUZZ_FUZZ_H
#define CUSTOMERD_TESTS_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "customerd/core/slice.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the run with a finding. */
#define REQUIRE(condition)                                                                 \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                       \
        }                                                                                  \
    } while (0)

/* The first byte, off the front; 0 when there is none. */
static inline uint8_t fuzz_byte(struct slice *rest)
{
    uint8_t byte = rest->len == 0 ? 0 : (uint8_t)rest->ptr[0];
    *rest = slice_from(*rest, 1);
    return byte;
}

/* A copy of its own, so that a read beyond it is seen; to be freed. */
static inline char *fuzz_copy(struct slice bytes)
{
    char *copy = malloc(bytes.len == 0 ? 1 : bytes.len);
    REQUIRE(copy != NULL);
    if (bytes.len > 0)
        memcpy(copy, bytes.ptr, bytes.len);
    return copy;
}

#endif
