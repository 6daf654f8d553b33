/* query: the query string, decoded strictly: only known parameters, each once.
 *
 * Pairs are separated by "&"; "+" stands for a blank and %XX for a byte, as forms are sent (WHATWG URL, section 5.1). */
#ifndef CUSTOMERD_API_QUERY_H
#define CUSTOMERD_API_QUERY_H

#include "customerd/core/buf.h"
#include "customerd/core/status.h"

#define QUERY_PARAMS_MAX 8
#define QUERY_MAX_BYTES 8192

struct query_value {
    bool given;
    bool plus_was_blank; /* a raw "+" was read as a blank */
    struct slice text;   /* valid UTF-8 without NUL, borrowed from the query */
};

struct query {
    struct query_value values[QUERY_PARAMS_MAX]; /* in the order of `known` */
    struct buf storage;
};

void query_init(struct query *q);
void query_clean_up(struct query *q);

/* known is NULL-terminated, at most QUERY_PARAMS_MAX names. Fails with BAD_PARAMETER: an unknown parameter (the nearest
 * known one is named), a repeated one, a broken escape, bytes that are not UTF-8. */
enum status query_parse(struct slice raw, const char *const *known, struct query *out, struct error *err) MUST_USE;

/* The known name with the smallest edit distance, if it is near enough to be what was meant; else NULL. */
const char *query_nearest(struct slice name, const char *const *known);

#endif
