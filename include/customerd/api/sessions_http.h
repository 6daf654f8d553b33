/* sessions_http: how the token of a session comes with a request and goes with an answer. */
#ifndef CUSTOMERD_API_SESSIONS_HTTP_H
#define CUSTOMERD_API_SESSIONS_HTTP_H

#include "customerd/api/route.h"
#include "customerd/sessions/token.h"

/* The prefix makes browsers refuse it unless it is Secure, for all paths, and of this host alone. */
#define SESSION_COOKIE "__Host-session"
#define PRECONDITION_LIST_SIZE 352

/* Reads the token from Authorization (scheme Session), else from the cookie; *by_cookie says which. Fails with UNAUTHORIZED
 * (with WWW-Authenticate) when there is none, BAD_REQUEST when there is more than one, FOREIGN_ORIGIN when it came by the
 * cookie and a page of another origin may have sent it. */
enum status sessions_http_token(struct exchange *x, struct session_token *out, bool *by_cookie, struct error *err) MUST_USE;
/* As a route's admit: the above; names the caller by the token, which nobody has looked at yet. */
enum status sessions_http_admit(struct exchange *x, struct error *err);

/* Sets the cookie, for at most so long; without a token it is deleted. */
void sessions_http_set_cookie(struct response *out, const struct session_token *token, int64_t max_age_ms);

/* The field's list of versions as scripts take it: "", "*" or ",3,7,". weak: as If-None-Match compares. */
enum status sessions_http_precondition(const struct request *r, const char *field, bool weak,
                                       char out[PRECONDITION_LIST_SIZE], struct error *err) MUST_USE;

#endif
