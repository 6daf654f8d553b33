/* cursor: where a walk through the customers goes on: after which id. A client can read neither more nor less from it
 * than from the page's last item, and can't make one: it is signed with a key of the deployment.
 *
 * base64url of a version byte, the id, and the first 16 bytes of HMAC-SHA256 over both. */
#ifndef CUSTOMERD_CUSTOMERS_CURSOR_H
#define CUSTOMERD_CUSTOMERS_CURSOR_H

#include "customerd/core/buf.h"
#include "customerd/core/uuid.h"

#define CURSOR_KEY_BYTES 32
#define CURSOR_TEXT_LEN 44 /* characters, no padding */

/* Appends the text; out fails when the library does. */
void cursor_encode(const uint8_t key[CURSOR_KEY_BYTES], const struct uuid *last, struct buf *out);
/* False for anything that cursor_encode did not make with this key. */
bool cursor_decode(const uint8_t key[CURSOR_KEY_BYTES], struct slice text, struct uuid *last) MUST_USE;

#endif
