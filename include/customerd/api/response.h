/* response: an answer while it is made. */
#ifndef CUSTOMERD_API_RESPONSE_H
#define CUSTOMERD_API_RESPONSE_H

#include "customerd/core/buf.h"

#define RESPONSE_HEADERS_MAX 20
#define RESPONSE_HEADER_SIZE 256
#define RESPONSE_MAX_BYTES (8u << 20) /* a page of the largest customers and a little */

#define CONTENT_TYPE_JSON "application/json"
#define CONTENT_TYPE_PROBLEM "application/problem+json"
#define CONTENT_TYPE_MERGE_PATCH "application/merge-patch+json"

struct response_header {
    const char *name; /* a literal */
    char value[RESPONSE_HEADER_SIZE];
};

struct response {
    int status;
    const char *content_type; /* a literal; NULL without a body */
    struct buf body;
    struct response_header headers[RESPONSE_HEADERS_MAX];
    size_t n_headers;
    bool close; /* the connection ends with this answer */
};

void response_init(struct response *r);
void response_clean_up(struct response *r);
/* Sets the field, replacing an earlier value. */
void response_header(struct response *r, const char *name, const char *format, ...) PRINTF_LIKE(3, 4);
/* The value, or NULL. */
const char *response_header_value(const struct response *r, const char *name);

#endif
