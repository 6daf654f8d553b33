/* sessions_http: how the token of a session comes with a request and goes with an answer. */
#ifndef CUSTOMERD_API_SESSIONS_HTTP_H
#define CUSTOMERD_API_SESSIONS_HTTP_H

#include "customerd/api/route.h"
#include "customerd/sessions/token.h"

/* The prefix makes browsers refuse it unless it is Secure, for all paths, and of this host alone. */
#define SESSION_COOKIE "__Host-session"
#define PRECONDITION_LIST_SIZE 352

/* A route's admit: reads the token from Authorization (scheme Session), else from the cookie, and names the caller by it; whether
 * it opens a session nobody has looked yet. Fails with UNAUTHORIZED (with WWW-Authenticate) when there is none, BAD_REQUEST when
 * there is more than one, FOREIGN_ORIGIN when it came by the cookie and a page of another origin may have sent it. */
enum status sessions_http_admit(struct exchange *x, struct error *err);
/* What was found then: the name that the token gives, and whether it came by the cookie. */
void sessions_http_sender(const struct exchange *x, struct session_name *name, bool *by_cookie);

/* Sets the cookie, for at most so long; without a token it is deleted. */
void sessions_http_set_cookie(struct response *out, const struct session_token *token, int64_t max_age_ms);

/* The field's list of versions as scripts take it: "", "*" or ",3,7,". weak: as If-None-Match compares. */
enum status sessions_http_precondition(const struct request *r, const char *field, bool weak,
                                       char out[PRECONDITION_LIST_SIZE], struct error *err) MUST_USE;

#endif
