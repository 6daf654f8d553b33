/* request: what the service reads of an HTTP request. All bytes are borrowed for the time of its handling. */
#ifndef CUSTOMERD_API_REQUEST_H
#define CUSTOMERD_API_REQUEST_H

#include <stdint.h>

#include "customerd/api/headers.h"
#include "customerd/api/query.h"
#include "customerd/api/trace.h"
#include "customerd/core/uuid.h"

#define REQUEST_ID_MAX_CHARS 128
#define REQUEST_ID_SIZE (REQUEST_ID_MAX_CHARS + 1)
#define PEER_BYTES 16
#define REQUEST_SEGMENTS_MAX 2

struct request {
    struct slice method;
    struct slice target; /* as it stood in the request line */
    struct slice path;   /* raw: nothing is decoded or normalised */
    struct slice query;  /* raw, without the "?" */
    bool http_1_0;
    struct headers headers;
    struct slice body;
    bool body_cut;       /* the body went over the limit; `body` is a prefix of no use */
    char id[REQUEST_ID_SIZE];
    struct trace trace;
    uint8_t peer[PEER_BYTES]; /* the client's address: IPv6, of which the network alone, or IPv4 mapped into it */
    int64_t deadline_ms; /* monotonic */
    struct uuid resource; /* the {id} of the path */
    struct slice segments[REQUEST_SEGMENTS_MAX]; /* what the path's other names in braces took, in order */
    struct query params;
};

void request_init(struct request *r);
void request_clean_up(struct request *r);
/* Splits target into path and query; of an absolute target (RFC 9112 section 3.2.2) the path counts. */
void request_set_target(struct request *r, struct slice target);
/* Takes X-Request-Id when it is 1 to 128 characters of [A-Za-z0-9/+_=.:-] and stands there once, else makes one; and goes on
 * with the caller's trace, or begins one. */
void request_identify(struct request *r);
/* A new id in the form of a UUIDv4. */
void request_new_id(char out[REQUEST_ID_SIZE]);

#endif
