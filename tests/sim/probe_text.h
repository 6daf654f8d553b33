/* probe_text: bytes as JSON strings (each byte one code point from U+0000 to U+00FF), and replies as JSON.
 *
 * Long ones are told shorter: {"pattern": n, "then": "text"} stands for n bytes 0, 1 ... 255, 0, 1 ... and the text; a
 * bulk of more than 4 KiB in a reply is {"sha256": "..."}. */
#ifndef CUSTOMERD_TESTS_SIM_PROBE_TEXT_H
#define CUSTOMERD_TESTS_SIM_PROBE_TEXT_H

#include <jansson.h>

#include "customerd/core/buf.h"
#include "customerd/memorydb/reply.h"

/* Appends the bytes that a JSON string or pattern stands for; false for other values and for code points above U+00FF. */
bool probe_text_decode(const json_t *text, struct buf *out);
/* A new JSON string. */
json_t *probe_text_encode(struct slice bytes);
/* A new value: null, an integer, a list, {"bulk": ...}, {"sha256": ...}, {"status": ...} or
 * {"error": ...}. */
json_t *probe_reply_encode(const struct reply *reply);

#endif
