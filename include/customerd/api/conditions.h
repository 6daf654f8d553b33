/* conditions: what a request asks of something that has an entity tag and a date (RFC 9110 section 13), and which of its bytes
 * (section 14). Pure; any thread. Of the service's own records, whose tags are versions, preconditions.h tells. */
#ifndef CUSTOMERD_API_CONDITIONS_H
#define CUSTOMERD_API_CONDITIONS_H

#include <stdint.h>

#include "customerd/api/headers.h"
#include "customerd/core/status.h"

/* What there is, as an answer's header fields tell it. */
struct validators {
    struct slice etag;          /* with its quotes, and W/ before them where it is weak; empty: none */
    struct slice last_modified; /* empty: none */
    int64_t now_s;              /* the wall clock's time */
};

enum conditions {
    CONDITIONS_HOLD,
    CONDITIONS_UNCHANGED, /* a read that the client need not repeat: 304 */
    CONDITIONS_FAIL       /* 412 */
};

/* Whether there is anything to judge. */
bool conditions_given(const struct headers *h);
/* Judges If-Match or If-Unmodified-Since, then If-None-Match or If-Modified-Since, for GET and HEAD of something that is there.
 * A date that can't be read counts as not given. BAD_REQUEST where a list of tags is none, or stands there twice. */
enum status conditions_judge(const struct headers *h, const struct validators *there, enum conditions *out,
                             struct error *err) MUST_USE;

/* Which bytes are asked for, before their number is known. */
enum range_kind {
    RANGE_WHOLE, /* all: no Range, one that can't be read, of another unit, or of several parts, which may all be ignored */
    RANGE_FROM,  /* first- */
    RANGE_BETWEEN,
    RANGE_SUFFIX /* -count: so many of the last */
};

struct range {
    enum range_kind kind;
    uint64_t first; /* of RANGE_SUFFIX: the number */
    uint64_t last;  /* of RANGE_BETWEEN; first or more */
};

/* Reads Range. */
struct range range_read(const struct headers *h);
/* Whether If-Range lets it stand: true without one. By strong comparison; of a date, when it is the one that is there and more
 * than a minute old, since a second may have seen two changes (RFC 9110 section 8.8.2.2). */
bool range_holds(const struct headers *h, const struct validators *there);
/* The strong tag that If-Range has; empty when it has another thing (of a tag: bytes beyond ASCII, too), or is not given. */
struct slice range_tag(const struct headers *h);
/* Of `length` bytes: cuts *range down to RANGE_BETWEEN or RANGE_WHOLE. False when it asks for none of them: 416. */
bool range_fit(struct range *range, uint64_t length) MUST_USE;

#endif
