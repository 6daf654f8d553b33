/* trace: W3C trace context (https://www.w3.org/TR/trace-context/): which trace a request belongs to, for the log. */
#ifndef CUSTOMERD_API_TRACE_H
#define CUSTOMERD_API_TRACE_H

#include <stdint.h>

#include "customerd/api/headers.h"

#define TRACE_ID_SIZE 33
#define SPAN_ID_SIZE 17

struct trace {
    char trace_id[TRACE_ID_SIZE];
    char parent_id[SPAN_ID_SIZE]; /* the caller's span; "" when the trace begins here */
    char span_id[SPAN_ID_SIZE];   /* this request's */
};

#define TRACE_RANDOM_BYTES 24

/* Goes on with the trace that traceparent names when the field stands there once and is well-formed (section 3.2; of a
 * later version what this one defines counts), else begins one. `random` makes the new ids. */
void trace_begin(const struct headers *h, const uint8_t random[TRACE_RANDOM_BYTES], struct trace *out);

#endif
