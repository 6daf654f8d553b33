/* resp: finds where one RESP2 reply ends, within bounds.
 *
 * It runs before hiredis, whose older releases allocate whatever an array header says and leave strings unbounded:
 * only a whole reply that lies within the bounds is handed on. The scan goes on where it stopped, so that a reply that
 * arrives in pieces is looked at once.
 *
 * https://redis.io/docs/latest/develop/reference/protocol-spec/ (RESP2 types only) */
#ifndef CUSTOMERD_MEMORYDB_RESP_H
#define CUSTOMERD_MEMORYDB_RESP_H

#include <stdint.h>

#include "customerd/core/slice.h"

#define RESP_DEPTH_MAX 7                    /* hiredis 0.14 nests no deeper */
#define RESP_LINE_MAX_BYTES 65536           /* a status, an error, a length */
#define RESP_REPLY_MAX_BYTES (64u << 20)    /* one whole reply */
#define RESP_ELEMENTS_MAX 1048576           /* of all arrays of one reply */

enum resp_result { RESP_WHOLE, RESP_PARTIAL, RESP_BROKEN };

struct resp_scan {
    size_t at;                        /* how far the present reply has been understood */
    unsigned depth;                   /* open arrays */
    int64_t left[RESP_DEPTH_MAX + 1]; /* elements still to come in each */
    int64_t elements;
};

/* Looks at bytes, which begin with the present reply. RESP_WHOLE: the reply is bytes[0..*len), and the scan is ready
 * for the next one. RESP_PARTIAL: call again with the same bytes and more. RESP_BROKEN: not RESP2, or over a bound. */
enum resp_result resp_scan(struct resp_scan *scan, struct slice bytes, size_t *len);

/* The line of a type and a length that text begins with, as servers spell it: how many bytes it has with its end, and the length,
 * of nine digits at most; -1 stands for nil. The type is the caller's to look at. 0 for what is spelt in another way, or not
 * whole. */
size_t resp_length(struct slice text, int64_t *length);

#endif
