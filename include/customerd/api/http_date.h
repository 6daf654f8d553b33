/* http_date: times as header fields tell them (RFC 9110 section 5.6.7). Pure; any thread. */
#ifndef CUSTOMERD_API_HTTP_DATE_H
#define CUSTOMERD_API_HTTP_DATE_H

#include <stdint.h>

#include "customerd/core/attributes.h"
#include "customerd/core/slice.h"

/* Reads any of the three forms that a recipient must accept; years 1970 to 9999. A year of two digits is the one that lies
 * within fifty years of now. False when it is none of them. */
bool http_date_parse(struct slice text, int64_t now_s, int64_t *realtime_s) MUST_USE;

#endif
