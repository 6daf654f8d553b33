/* negotiate: media types (RFC 9110 sections 8.3 and 12.5.1). */
#ifndef CUSTOMERD_API_NEGOTIATE_H
#define CUSTOMERD_API_NEGOTIATE_H

#include "customerd/api/headers.h"

/* Whether the Accept fields allow the media type, whose parameters don't count: the most specific range that fits
 * decides, by its q. Without an Accept field, and where no element of it can be read, everything is allowed. */
bool negotiate_accepts(const struct headers *h, const char *type);

enum content_type {
    CONTENT_JSON = 1,
    CONTENT_MERGE_PATCH = 2,
    CONTENT_ANY = 4 /* alone: bytes of any type and coding, and none at all; what they are the handler reads */
};

/* Whether the Content-Type value is one of `allowed` (a sum of enum content_type), in UTF-8. NULL when it is, else a
 * literal that says what was expected. */
const char *negotiate_content_type(struct slice value, unsigned allowed);

#endif
