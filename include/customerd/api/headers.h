/* headers: the header fields of a request, as they came: duplicates are kept apart. */
#ifndef CUSTOMERD_API_HEADERS_H
#define CUSTOMERD_API_HEADERS_H

#include "customerd/core/slice.h"

#define HEADERS_MAX 64
#define HEADERS_MAX_BYTES 8192
#define URI_MAX_BYTES 4096

struct header {
    struct slice name;
    struct slice value;
};

struct headers {
    struct header items[HEADERS_MAX];
    size_t n;
    size_t seen;  /* may be above n: the rest was not kept */
    size_t bytes; /* of all that were seen, as on the wire */
    bool cut;     /* a value went on after a NUL */
    bool folded;  /* a field went over several lines, so its name and value can't be trusted */
};

/* Counts the field and keeps it while there is room. The bytes are borrowed. */
void headers_add(struct headers *h, struct slice name, struct slice value);
/* How often the field stands there; *first gets the first value (empty when there is none). first may be NULL. */
size_t headers_get(const struct headers *h, const char *name, struct slice *first);
/* True for RFC 9110's token: a field name, a method. */
bool headers_is_token(struct slice text);
/* Without blanks and tabs at both ends. */
struct slice headers_trim(struct slice text);

#endif
