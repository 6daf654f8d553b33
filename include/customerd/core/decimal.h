/* decimal: digits without printf, for what every request writes. */
#ifndef CUSTOMERD_CORE_DECIMAL_H
#define CUSTOMERD_CORE_DECIMAL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DECIMAL_MAX_CHARS 20 /* UINT64_MAX; INT64_MIN with its sign */

/* Writes the digits, without a NUL, and returns how many there are. */
static inline size_t decimal_put(char *to, uint64_t value)
{
    char digits[DECIMAL_MAX_CHARS];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    memcpy(to, digits + at, sizeof digits - at);
    return sizeof digits - at;
}

static inline size_t decimal_put_signed(char *to, int64_t value)
{
    if (value >= 0)
        return decimal_put(to, (uint64_t)value);
    *to = '-';
    return 1 + decimal_put(to + 1, ~(uint64_t)value + 1);
}

#endif
