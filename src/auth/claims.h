/* claims: what a verified token said. Immutable, counted. */
#ifndef CUSTOMERD_AUTH_CLAIMS_H
#define CUSTOMERD_AUTH_CLAIMS_H

#include "customerd/auth/authenticator.h"

#include "jwt.h"

/* NULL when out of memory. */
struct claims *claims_new(const struct jwt_claims *from, int64_t leeway_s);
struct claims *claims_acquire(struct claims *c);
/* The instant (realtime) from which it is not to be believed any more. */
int64_t claims_end_ms(const struct claims *c);

#endif
