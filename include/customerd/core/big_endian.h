/* big_endian: whole numbers as bytes, the highest first, which is how they sort. At most eight bytes. */
#ifndef CUSTOMERD_CORE_BIG_ENDIAN_H
#define CUSTOMERD_CORE_BIG_ENDIAN_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t big_endian_get(const void *from, size_t bytes)
{
    const uint8_t *at = from;
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

static inline void big_endian_put(void *to, size_t bytes, uint64_t value)
{
    uint8_t *at = to;
    for (size_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

#endif
