/* timestamp: RFC 3339 in UTC with milliseconds, and the forms that AWS uses. */
#ifndef CUSTOMERD_CORE_TIMESTAMP_H
#define CUSTOMERD_CORE_TIMESTAMP_H

#include <stdint.h>

#include "customerd/core/attributes.h"
#include "customerd/core/slice.h"

#define TIMESTAMP_RFC3339_MS_SIZE 25 /* "2026-11-22T01:02:03.004Z" and a NUL */
#define TIMESTAMP_AMZ_SIZE 17        /* "20261122T010203Z" and a NUL */

/* Years 1970 to 9999. */
void timestamp_rfc3339_ms(int64_t realtime_ms, char out[TIMESTAMP_RFC3339_MS_SIZE]);
void timestamp_amz(int64_t realtime_s, char out[TIMESTAMP_AMZ_SIZE]);
/* RFC 3339 section 5.6 (any offset, fraction optional). False when it is not one. */
bool timestamp_parse_rfc3339(struct slice text, int64_t *realtime_ms) MUST_USE;

#endif
