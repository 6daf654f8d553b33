/* response: an answer while it is made.
 *
 * Its body is made in `body`, or comes from a source, which is let go of when the answer has been sent, or can't be. */
#ifndef CUSTOMERD_API_RESPONSE_H
#define CUSTOMERD_API_RESPONSE_H

#include <stdint.h>

#include "customerd/core/buf.h"

#define RESPONSE_HEADERS_MAX 24
#define RESPONSE_HEADERS_TEXT_SIZE 1024
#define RESPONSE_MAX_BYTES (8u << 20) /* a page of the largest customers and a little */

#define CONTENT_TYPE_JSON "application/json"
#define CONTENT_TYPE_PROBLEM "application/problem+json"
#define CONTENT_TYPE_MERGE_PATCH "application/merge-patch+json"
#define CONTENT_TYPE_ANY "*/*" /* of a route whose answers have a type each */
#define CONTENT_TYPE_NONE ""   /* of a route whose successes have no body */

struct response_header {
    const char *name;  /* a literal */
    const char *value;
};

enum response_source_kind {
    RESPONSE_OWN,    /* no source */
    RESPONSE_SHARED, /* `bytes`, which others read, too */
    RESPONSE_STREAM, /* what `read` gives */
    RESPONSE_LENGTH  /* only told: for HEAD, and for 304 */
};

enum response_piece { RESPONSE_MORE, RESPONSE_END, RESPONSE_FAILED };

#define RESPONSE_LENGTH_UNKNOWN UINT64_MAX

struct response_source {
    enum response_source_kind kind;
    uint64_t length;    /* of the whole body */
    struct slice bytes; /* of RESPONSE_SHARED */
    /* Of RESPONSE_STREAM. Copies at most size bytes; 0 and RESPONSE_MORE when there are none now. Never blocks. */
    size_t (*read)(void *ctx, void *out, size_t size, enum response_piece *piece);
    /* Waits, as a fiber may, until read gives something; false at until_ms (monotonic). */
    bool (*wait)(void *ctx, int64_t until_ms);
    void (*release)(void *ctx); /* may be NULL */
    void *ctx;
};

struct response {
    int status;
    const char *content_type; /* outlives the response, or is its source's; NULL without a body */
    struct buf body;
    struct response_source source;
    struct response_header headers[RESPONSE_HEADERS_MAX];
    size_t n_headers;
    char text[RESPONSE_HEADERS_TEXT_SIZE]; /* of the values that were made */
    size_t text_len;
    bool close; /* the connection ends with this answer */
    bool secret; /* a token is told in it: what is sent is wiped afterwards */
};

void response_init(struct response *r);
/* Wipes the text as well. */
void response_clean_up(struct response *r);
/* Lets go of the source, if there is one, and of the header fields, whose values may lie in it: the body is the response's own
 * again. */
void response_drop_source(struct response *r);
/* What was made is not to be sent: lets go of the source, the body and the header fields. */
void response_discard(struct response *r);
/* Sets the field, replacing an earlier value. What does not fit into the response's text is cut off. */
void response_header(struct response *r, const char *name, const char *format, ...) PRINTF_LIKE(3, 4);
/* Sets it to a value that outlives the response. */
void response_header_text(struct response *r, const char *name, const char *value);
/* The value, or NULL. */
const char *response_header_value(const struct response *r, const char *name);

#endif
