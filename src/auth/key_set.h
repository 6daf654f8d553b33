/* key_set: the keys of a JSON Web Key Set (RFC 7517 section 5) that tokens may be verified with. Immutable, counted. */
#ifndef CUSTOMERD_AUTH_KEY_SET_H
#define CUSTOMERD_AUTH_KEY_SET_H

#include "jwt.h"
#include "customerd/core/status.h"

#define KEY_SET_MAX_BYTES 262144
#define KEY_SET_MAX_KEYS 64

struct key_set;

/* Keys that can't serve (symmetric, private, for encryption, without kid, too short, of another curve) are left out, as the
 * standard asks, and so are those beyond KEY_SET_MAX_KEYS. None may be left: whoever withdraws the last key means it. NULL
 * and err when the text is no key set. */
struct key_set *key_set_parse(struct slice json, struct error *err);
struct key_set *key_set_acquire(struct key_set *s);
/* Accepts NULL. */
void key_set_release(struct key_set *s);

size_t key_set_count(const struct key_set *s);
/* The JSON text of the key of this name that serves the algorithm; NULL when there is none. */
const char *key_set_find(const struct key_set *s, const struct jwt_header *header);
/* Whether every key of s stands in other as it was. */
bool key_set_is_within(const struct key_set *s, const struct key_set *other);

#endif
