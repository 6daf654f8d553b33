/* head: a request's head as the HTTP library has read it, found whole or not, in memory of its own: the library's is gone
 * with the connection, which a client may end while its request runs. */
#ifndef CUSTOMERD_API_HEAD_H
#define CUSTOMERD_API_HEAD_H

#include <microhttpd.h>

#include "customerd/api/request.h"
#include "customerd/core/secret.h"

/* The target of a request line that the library hands out, as it stood there; "" where it can't be known. In the library's
 * memory the query is gone then. NULL when out of memory; the caller frees it. */
char *head_take_target(const char *uri);

struct head_line {
    const char *method;
    const char *version;
    const char *target;    /* of head_take_target; lives as long as the request */
    const char *target_at; /* where the library keeps it */
};

/* Fills the request's method, version, target and header fields. *memory, which must be empty, is what they lie in, and the
 * caller's to clean up: there may be tokens in it. False when out of memory. */
bool head_read(struct MHD_Connection *http, const struct head_line *line, struct request *out, struct secret *memory) MUST_USE;

/* Whether a body is on its way; of what is refused for its framing nobody knows. */
bool head_brings_body(const struct headers *headers);

#endif
