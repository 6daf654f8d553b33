/* audit: a line for each write that somebody asked for: who, what, which customer, and what came of it. No personal data, as
 * long as the issuer of tokens names callers by something that is none. */
#ifndef CUSTOMERD_API_AUDIT_H
#define CUSTOMERD_API_AUDIT_H

#include "customerd/api/route.h"

/* For an exchange with a route that writes. err is looked at unless status is OK. */
void audit_write(const struct exchange *x, enum status status, const struct error *err);

#endif
