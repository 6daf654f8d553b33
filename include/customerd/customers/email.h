/* email: which addresses are accepted, and the normal form in which they are unique.
 *
 * Accepted: a dot-string local part (RFC 5321 section 4.1.2, with UTF-8 of RFC 6531) of at most 64 bytes, "@", and a
 * domain; 254 bytes in all; no quoted strings, no address literals. Normal form: ASCII letters of the local part in
 * lower case, a non-ASCII local part in NFC (libunistring), the domain by UTS 46 non-transitional processing (libidn2)
 * in its ASCII form, lower case. The normal form of a normal form is itself. */
#ifndef CUSTOMERD_CUSTOMERS_EMAIL_H
#define CUSTOMERD_CUSTOMERS_EMAIL_H

#include "customerd/core/attributes.h"
#include "customerd/core/buf.h"

#define EMAIL_MAX_BYTES 254
#define EMAIL_LOCAL_MAX_BYTES 64
#define EMAIL_DOMAIN_MAX_BYTES 253 /* in its ASCII form */
#define EMAIL_NORMAL_MAX_BYTES 512 /* NFC can make a local part longer, the ASCII form a domain */

/* Appends the normal form to out. When the address is not accepted, returns a literal that says what was expected
 * ("an e-mail address with one @", ...) and leaves out as it was; NULL when it is fine. Bytes that are not UTF-8 are not
 * accepted. Out of memory shows in out alone. */
const char *email_normalize(struct slice text, struct buf *out) MUST_USE;

#endif
