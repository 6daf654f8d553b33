/* framing: what must hold of a request's head before anything of it is believed (RFC 9112 sections 3.2 and 6). */
#ifndef CUSTOMERD_API_FRAMING_H
#define CUSTOMERD_API_FRAMING_H

#include <stdint.h>

#include "customerd/api/headers.h"

/* NULL when the head is fine; else a literal that says what is wrong. The connection must be closed then, since
 * somebody between here and the client may have seen another message. */
const char *framing_check(const struct headers *h, bool http_1_0);

/* The length that a head announces which framing_check has let pass; false when it has no Content-Length. */
bool framing_length(const struct headers *h, uint64_t *out);

#endif
