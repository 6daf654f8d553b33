/* secret: bytes that are wiped before their memory is given back, and never printed.
 *
 * Not thread-safe: a secret belongs to one owner; hand out copies. */
#ifndef CUSTOMERD_CORE_SECRET_H
#define CUSTOMERD_CORE_SECRET_H

#include "customerd/core/attributes.h"
#include "customerd/core/slice.h"

struct secret {
    char *ptr; /* NULL until it is set, then NUL-terminated */
    size_t len;
};

#define SECRET_INIT { NULL, 0 }

/* Copies bytes into a new secret, wiping what it held. False when out of memory (then it is empty). */
bool secret_set(struct secret *s, struct slice bytes) MUST_USE;
/* Wipes and frees; the secret is empty afterwards. */
void secret_clean_up(struct secret *s);

static inline struct slice secret_slice(const struct secret *s)
{
    return slice_of(s->ptr, s->len);
}

#endif
