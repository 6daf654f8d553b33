/* status: what a function can come to, and the one table that all errors are made from.
 *
 * Code, HTTP status, problem type and title stand together here; problem responses, the contract's check and the
 * README's table are made from this table. Problem types are URNs: "urn:customerd:problem:" and the slug. */
#ifndef CUSTOMERD_CORE_STATUS_H
#define CUSTOMERD_CORE_STATUS_H

#include <stdint.h>

#include "customerd/core/attributes.h"
#include "customerd/core/slice.h"

#define PROBLEM_TYPE_PREFIX "urn:customerd:problem:"

/* X(code, HTTP status, problem slug, title, when it is answered) */
#define STATUS_TABLE(X)                                                                                              \
    X(STATUS_OK, 200, "", "OK", "")                                                                                  \
    X(STATUS_BAD_REQUEST, 400, "bad-request", "The request is malformed",                                            \
      "A header, the method or the target breaks HTTP's rules, or is ambiguous; the connection is closed where the " \
      "framing is in doubt")                                                                                         \
    X(STATUS_MALFORMED_JSON, 400, "malformed-json", "The body is not valid JSON",                                    \
      "The body can't be parsed; `line`, `column` and `offset` say where")                                           \
    X(STATUS_BAD_PARAMETER, 400, "bad-parameter", "A query parameter is not valid",                                  \
      "An unknown, repeated or ill-formed query parameter")                                                          \
    X(STATUS_BAD_CURSOR, 400, "bad-cursor", "The cursor is not valid",                                               \
      "The cursor was damaged, shortened, or made by another deployment or version")                                 \
    X(STATUS_UNAUTHORIZED, 401, "unauthorized", "Authentication is needed",                                          \
      "No bearer token, or one that is not valid; which check failed is not told")                                   \
    X(STATUS_FORBIDDEN, 403, "forbidden", "The token does not allow this",                                           \
      "The token lacks the scope that `WWW-Authenticate` names")                                                     \
    X(STATUS_FOREIGN_ORIGIN, 403, "foreign-origin", "The request comes from another page",                           \
      "A cookie came with a request that a page of another origin may have made")                                    \
    X(STATUS_NOT_FOUND, 404, "not-found", "Not found", "No such customer, no such object, or no such path")                          \
    X(STATUS_METHOD_NOT_ALLOWED, 405, "method-not-allowed", "Method not allowed", "`Allow` lists the methods")       \
    X(STATUS_NOT_ACCEPTABLE, 406, "not-acceptable", "Not acceptable", "`Accept` excludes application/json")          \
    X(STATUS_EMAIL_TAKEN, 409, "email-taken", "The e-mail belongs to another customer",                              \
      "`owner` is the other customer's URL")                                                                         \
    X(STATUS_UPDATE_IN_PROGRESS, 409, "update-in-progress", "Another update is in progress",                         \
      "A change of the same customer's e-mail, or a change to the same e-mail, is under way; try again")             \
    X(STATUS_IDEMPOTENCY_IN_PROGRESS, 409, "idempotency-in-progress", "A request with this key is still running",    \
      "Try again after `Retry-After`")                                                                               \
    X(STATUS_PRECONDITION_FAILED, 412, "precondition-failed", "The precondition failed",                             \
      "`If-Match` or another condition does not fit what is there; `ETag` holds what that is, where it is known")    \
    X(STATUS_BODY_TOO_LARGE, 413, "body-too-large", "The body is too large", "The limit is in the detail")           \
    X(STATUS_URI_TOO_LONG, 414, "uri-too-long", "The URI is too long", "The limit is in the detail")                 \
    X(STATUS_UNSUPPORTED_MEDIA_TYPE, 415, "unsupported-media-type", "Unsupported media type",                        \
      "`Content-Type` must be application/json (or application/merge-patch+json on PATCH), in UTF-8, unencoded")     \
    X(STATUS_RANGE_NOT_SATISFIABLE, 416, "range-not-satisfiable", "The range is not there",                          \
      "`Range` asks for none of the object's bytes; `Content-Range` tells their number")                             \
    X(STATUS_INVALID, 422, "invalid-customer", "The customer is not valid",                                          \
      "`errors` lists every finding with its JSON pointer and what was expected")                                    \
    X(STATUS_INVALID_REQUEST, 422, "invalid-request", "The request is not valid",                                    \
      "`errors` lists every finding with its JSON pointer and what was expected; or the detail says which bound it would pass") \
    X(STATUS_INVALID_EVENT, 422, "invalid-event", "The notification is not valid",                                   \
      "`errors` lists every finding with its JSON pointer and what was expected")                                    \
    X(STATUS_IDEMPOTENCY_MISMATCH, 422, "idempotency-mismatch", "The key was used with another body",                \
      "An `Idempotency-Key` belongs to one request for 24 hours")                                                    \
    X(STATUS_PRECONDITION_REQUIRED, 428, "precondition-required", "A precondition is required",                      \
      "The service is configured to refuse PUT, PATCH and DELETE without `If-Match`")                                \
    X(STATUS_RATE_LIMITED, 429, "rate-limited", "Too many requests",                                                 \
      "This caller's requests come faster than `RateLimit-Policy` allows; try again after `Retry-After`")            \
    X(STATUS_HEADERS_TOO_LARGE, 431, "headers-too-large", "The header fields are too large",                         \
      "The limit is in the detail")                                                                                  \
    X(STATUS_INTERNAL, 500, "internal", "Internal error",                                                            \
      "A defect of the service itself, or it ran out of memory; nothing was applied unless `applied` says `unknown`") \
    X(STATUS_UNAVAILABLE, 503, "database-unavailable", "The database is unavailable",                                \
      "Not reachable, failing over, or refusing; nothing was applied unless `applied` says `unknown`")               \
    X(STATUS_OUTCOME_UNKNOWN, 503, "outcome-unknown", "The outcome is not known",                                    \
      "The deadline ended after the write was sent, or it was sent twice and only the second is known to be "         \
      "refused; repeat it with the same `Idempotency-Key`")                                                          \
    X(STATUS_STORAGE_FULL, 503, "storage-full", "The database refuses writes",                                       \
      "It is out of memory, can't persist, or lacks replicas; reads and deletes still work")                         \
    X(STATUS_RECORD_DAMAGED, 503, "record-damaged", "A stored record is damaged",                                    \
      "A key of this customer holds something else; the operator is told by the log")                                \
    X(STATUS_CACHE_UNAVAILABLE, 503, "cache-unavailable", "The cache is unavailable",                                \
      "A write of an object needs it, so that nobody reads what was there before; nothing was applied unless "       \
      "`applied` says `unknown`")                                                                                    \
    X(STATUS_S3_UNAVAILABLE, 503, "s3-unavailable", "S3 is unavailable",                                             \
      "Not reachable, failing, or refusing; nothing was applied unless `applied` says `unknown`")                    \
    X(STATUS_OVERLOADED, 503, "overloaded", "The service is overloaded",                                             \
      "More requests at once than `CUSTOMERD_MAX_REQUESTS`, or more long bodies or answers than are held; "          \
      "nothing was done, try again")                                                                                 \
    X(STATUS_AUTH_UNAVAILABLE, 503, "auth-unavailable", "Tokens can't be verified",                                  \
      "The keys that tokens are verified with can't be had")                                                         \
    X(STATUS_NOT_READY, 503, "not-ready", "The service is not ready", "Starting, stopping, or refusing its database") \
    X(STATUS_S3_TIMED_OUT, 504, "s3-timed-out", "S3 did not answer in time",                                         \
      "The deadline ended first; nothing was applied unless `applied` says `unknown`")

enum status {
#define X(code, http, slug, title, when) code,
    STATUS_TABLE(X)
#undef X
        STATUS_COUNT
};

/* Whether a write that failed took effect. */
enum applied { APPLIED_NO, APPLIED_UNKNOWN };

/* The rich side of a status: filled by whoever fails, NULL-safe nowhere. No secrets and no personal data in it. The
 * detail is valid UTF-8 without control characters, whatever it quotes. */
struct error {
    enum status code;
    enum applied applied;
    int retry_after_s; /* 0: nothing to say */
    char detail[256];
};

/* Fills err (applied: no, no retry hint) and returns code, so that a failing function ends in one line. The arguments
 * must not stand in err. */
enum status error_set(struct error *err, enum status code, const char *format, ...) PRINTF_LIKE(3, 4);
/* As error_set for something that is worth trying again after retry_after_s seconds. */
enum status error_set_retry(struct error *err, enum status code, int retry_after_s, const char *format, ...)
    PRINTF_LIKE(4, 5);

int status_http(enum status code);
const char *status_slug(enum status code);
const char *status_title(enum status code);
const char *status_when(enum status code);

#endif
