/* jwt: reads a JSON Web Token in its compact form (RFC 7519, RFC 7515 section 3.1), strictly; the signature is another's job.
 *
 * Only what is asked for is looked at: a key or an address of one in the header (jwk, jku, x5c, x5u) means nothing here. */
#ifndef CUSTOMERD_AUTH_JWT_H
#define CUSTOMERD_AUTH_JWT_H

#include <stdint.h>

#include "customerd/core/buf.h"

#define JWT_MAX_BYTES 7168 /* a header field with it fits into what a request may have of them */
#define JWT_KID_SIZE 256
#define JWT_SUBJECT_SIZE 256

/* RFC 7518 section 3.1 and RFC 8037: signatures with public keys, and nothing else. */
enum jwt_alg { JWT_RS256, JWT_PS256, JWT_ES256, JWT_EDDSA, JWT_ALGS };

const char *jwt_alg_name(enum jwt_alg alg);

struct jwt_header {
    enum jwt_alg alg;
    char kid[JWT_KID_SIZE];
};

/* False unless the token has three parts in base64url, and its header is a JSON object without repeated members, with an
 * allowed alg, a kid, nothing that would have to be understood (crit, b64, zip), and a typ, if any, of an access token. */
bool jwt_read_header(struct slice token, struct jwt_header *out) MUST_USE;

struct jwt_expectation {
    const char *issuer;
    const char *audience;
    int64_t now_s;
    int64_t leeway_s; /* for clocks that differ */
};

struct jwt_claims {
    char subject[JWT_SUBJECT_SIZE];
    int64_t expires_s; /* without the leeway */
    struct buf scopes; /* each with a blank before and after it: " customers:read customers:write " */
};

void jwt_claims_init(struct jwt_claims *c);
void jwt_claims_clean_up(struct jwt_claims *c);

/* False unless iss and aud are as expected, exp (required) lies ahead and nbf and iat, if any, behind, and sub is a text of
 * 1 to 255 bytes without control characters. Scopes come from `scope` (RFC 8693 section 4.2) or `scp`, as one text or as a
 * list. Only to be believed when the signature has been verified. */
bool jwt_read_claims(struct slice token, const struct jwt_expectation *expected, struct jwt_claims *out) MUST_USE;

#endif
