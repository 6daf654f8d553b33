/* probe_text: bytes as JSON strings (each byte one code point from U+0000 to U+00FF), and replies as JSON. */
#ifndef CUSTOMERD_TESTS_SIM_PROBE_TEXT_H
#define CUSTOMERD_TESTS_SIM_PROBE_TEXT_H

#include <jansson.h>

#include "customerd/core/buf.h"
#include "customerd/memorydb/reply.h"

/* Appends the bytes that a JSON string stands for; false for other values and for code points above U+00FF. */
bool probe_text_decode(const json_t *text, struct buf *out);
/* A new JSON string. */
json_t *probe_text_encode(struct slice bytes);
/* A new value: null, an integer, a list, {"bulk": ...}, {"status": ...} or {"error": ...}. */
json_t *probe_reply_encode(const struct reply *reply);

#endif
