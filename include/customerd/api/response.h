/* response: an answer while it is made. */
#ifndef CUSTOMERD_API_RESPONSE_H
#define CUSTOMERD_API_RESPONSE_H

#include "customerd/core/buf.h"

#define RESPONSE_HEADERS_MAX 20
#define RESPONSE_HEADERS_TEXT_SIZE 1024
#define RESPONSE_MAX_BYTES (8u << 20) /* a page of the largest customers and a little */

#define CONTENT_TYPE_JSON "application/json"
#define CONTENT_TYPE_PROBLEM "application/problem+json"
#define CONTENT_TYPE_MERGE_PATCH "application/merge-patch+json"

struct response_header {
    const char *name;  /* a literal */
    const char *value;
};

struct response {
    int status;
    const char *content_type; /* a literal; NULL without a body */
    struct buf body;
    struct response_header headers[RESPONSE_HEADERS_MAX];
    size_t n_headers;
    char text[RESPONSE_HEADERS_TEXT_SIZE]; /* of the values that were made */
    size_t text_len;
    bool close; /* the connection ends with this answer */
};

void response_init(struct response *r);
void response_clean_up(struct response *r);
/* Sets the field, replacing an earlier value. What does not fit into the response's text is cut off. */
void response_header(struct response *r, const char *name, const char *format, ...) PRINTF_LIKE(3, 4);
/* Sets it to a value that outlives the response. */
void response_header_text(struct response *r, const char *name, const char *value);
/* The value, or NULL. */
const char *response_header_value(const struct response *r, const char *name);

#endif
