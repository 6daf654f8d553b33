#include "customerd/api/cors.h"

/* What callers send beyond what every page may, and what they need to see. */
#define REQUEST_HEADERS \
    "Authorization, Cache-Control, Content-Disposition, Content-Encoding, Content-MD5, Content-Type, Idempotency-Key, " \
    "If-Match, If-Modified-Since, If-None-Match, If-Range, If-Unmodified-Since, Range, X-Request-Id, traceparent, tracestate"
#define RESPONSE_HEADERS \
    "Accept-Ranges, Age, Content-Disposition, Content-Range, ETag, Idempotency-Replayed, Link, Location, RateLimit, " \
    "RateLimit-Policy, Retry-After, WWW-Authenticate, X-Cache, X-Request-Id"
#define PREFLIGHT_MAX_AGE_S "600"

static bool is_listed(const char *origins, struct slice origin)
{
    struct slice rest = slice_cstr(origins);
    while (rest.len > 0) {
        if (slice_equal(slice_take(&rest, ','), origin))
            return true;
    }
    return false;
}

void cors_add_headers(const char *origins, const struct request *request, const char *allow, struct response *out)
{
    struct slice origin;
    if (origins[0] == '\0')
        return;
    response_header_text(out, "Vary", "Origin");
    if (headers_get(&request->headers, "Origin", &origin) != 1 || origin.len == 0 || !is_listed(origins, origin))
        return;
    response_header(out, "Access-Control-Allow-Origin", "%.*s", (int)origin.len, origin.ptr);
    if (allow == NULL || headers_get(&request->headers, "Access-Control-Request-Method", NULL) == 0) {
        response_header_text(out, "Access-Control-Expose-Headers", RESPONSE_HEADERS);
        return;
    }
    response_header(out, "Access-Control-Allow-Methods", "%s", allow);
    response_header_text(out, "Access-Control-Allow-Headers", REQUEST_HEADERS);
    response_header_text(out, "Access-Control-Max-Age", PREFLIGHT_MAX_AGE_S);
}
