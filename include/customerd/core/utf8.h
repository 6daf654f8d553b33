/* utf8: where one character of UTF-8 ends (RFC 3629). Pure; any thread. */
#ifndef CUSTOMERD_CORE_UTF8_H
#define CUSTOMERD_CORE_UTF8_H

#include "customerd/core/slice.h"

/* The bytes of the character at the start of text, or 0 when no valid one stands there: overlong forms, surrogates, what
 * lies above U+10FFFF, and what the end cuts off are none. */
size_t utf8_character_len(struct slice text);
/* Whether all of it is such characters, and none of them NUL. */
bool utf8_is_text(struct slice text);

#endif
