/* cors: which web pages may call (https://fetch.spec.whatwg.org/#http-cors-protocol). Off unless origins are configured. */
#ifndef CUSTOMERD_API_CORS_H
#define CUSTOMERD_API_CORS_H

#include "customerd/api/request.h"
#include "customerd/api/response.h"

/* Adds what tells a browser that the page may see the answer, when its origin is one of `origins` (separated by commas; "":
 * CORS is off). allow: the path's methods, for an answer to a preflight; NULL for another. Credentials (cookies) are never
 * allowed; a token in Authorization is. */
void cors_add_headers(const char *origins, const struct request *request, const char *allow, struct response *out);

#endif
