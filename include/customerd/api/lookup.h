/* lookup: the body of POST /customers/lookup: {"email": "..."} and nothing else. */
#ifndef CUSTOMERD_API_LOOKUP_H
#define CUSTOMERD_API_LOOKUP_H

#include "customerd/core/status.h"
#include "customerd/customers/findings.h"

/* Appends the address's normal form to email_normal. Fails with MALFORMED_JSON or INVALID, the reasons in f. */
enum status lookup_parse(struct slice body, struct buf *email_normal, struct findings *f, struct error *err) MUST_USE;

#endif
