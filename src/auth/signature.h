/* signature: public keys as JSON Web Keys (RFC 7517), and the signatures that they verify (RFC 7515), by librhonabwy. */
#ifndef CUSTOMERD_AUTH_SIGNATURE_H
#define CUSTOMERD_AUTH_SIGNATURE_H

#include "jwt.h"

#define RSA_MIN_BITS 2048

/* Whether the key (the JSON text of public members only) can verify alg: its type and curve fit, and an RSA key has
 * RSA_MIN_BITS or more. */
bool signature_key_fits(const char *key, enum jwt_alg alg) MUST_USE;

/* Whether the token was signed with the key by alg. Anything else than a proof is false. */
bool signature_verify(struct slice token, enum jwt_alg alg, const char *key) MUST_USE;

/* Before any thread starts, and at the end. */
bool signature_global_init(void) MUST_USE;
void signature_global_clean_up(void);

#endif
