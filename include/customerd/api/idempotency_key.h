/* idempotency_key: the value of Idempotency-Key: a structured-field string ("...", RFC 8941 section 3.3.3) or bare. */
#ifndef CUSTOMERD_API_IDEMPOTENCY_KEY_H
#define CUSTOMERD_API_IDEMPOTENCY_KEY_H

#include "customerd/core/status.h"
#include "customerd/customers/customers.h"

struct idempotency_key {
    char text[IDEMPOTENCY_KEY_MAX_CHARS];
    size_t len;
};

/* The key without quotes and escapes: 1 to IDEMPOTENCY_KEY_MAX_CHARS visible ASCII characters; the same key is equal in
 * both spellings. Fails with BAD_REQUEST. */
enum status idempotency_key_parse(struct slice value, struct idempotency_key *out, struct error *err) MUST_USE;

#endif
