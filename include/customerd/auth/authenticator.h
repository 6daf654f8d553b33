/* authenticator: who calls, by a bearer token (RFC 6750) that is a signed JWT (RFC 7519).
 *
 * Accepted are RS256, PS256, ES256 and EdDSA, with keys from a JSON Web Key Set alone (RFC 7517), named by the token's kid.
 * A verified token is not verified again before it expires: what it said is kept, in bounded memory, under the token's
 * SHA-256; a key that is withdrawn ends that. librhonabwy verifies the signatures. */
#ifndef CUSTOMERD_AUTH_AUTHENTICATOR_H
#define CUSTOMERD_AUTH_AUTHENTICATOR_H

#include <stdint.h>

#include "customerd/core/clock.h"
#include "customerd/core/http_client.h"
#include "customerd/core/log.h"

struct authenticator;
struct claims;

struct authenticator_options {
    const char *jwks;     /* an address, or a file's path; these four are borrowed */
    const char *ca_file;  /* of the CAs for https; NULL or "": the system's */
    const char *issuer;
    const char *audience;
    const struct http_client *http; /* NULL: libcurl */
    const struct clock *clock;
    struct log *log;      /* may be NULL */
};

/* Reads a file of keys, or begins to fetch them. NULL and err when a file has none. http_client_global_init comes first. */
struct authenticator *authenticator_new(const struct authenticator_options *options, struct error *err);
/* Accepts NULL. */
void authenticator_destroy(struct authenticator *a);

/* What the token says, to be released. Fails with UNAUTHORIZED, always with the same words, or AUTH_UNAVAILABLE when there
 * are no keys to verify it with, or nobody can say now whether there is a new one. Any thread; waits for the network, half
 * the time until the deadline (monotonic) at most, only for a token of a key that is not known. */
enum status authenticator_check(struct authenticator *a, struct slice token, int64_t deadline_ms, struct claims **out,
                                struct error *err) MUST_USE;

/* Accepts NULL. */
void claims_release(struct claims *c);
/* `sub`: 1 to 255 bytes without control characters. */
struct slice claims_subject(const struct claims *c);
/* Whether the scope was granted; `admin` includes every other. */
bool claims_allow(const struct claims *c, const char *scope);

/* OK while there are keys; else AUTH_UNAVAILABLE and why not. */
enum status authenticator_ready(struct authenticator *a, struct error *err);
/* Appends what became of tokens, and the keys' number and age (core/metrics.h). */
void authenticator_write_metrics(struct authenticator *a, struct buf *out);

#endif
