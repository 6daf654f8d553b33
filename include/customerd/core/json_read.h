/* json_read: from a body to a tree, with a position for whatever is wrong. */
#ifndef CUSTOMERD_CORE_JSON_READ_H
#define CUSTOMERD_CORE_JSON_READ_H

#include <jansson.h>

#include "customerd/core/status.h"
#include "customerd/core/findings.h"

#define JSON_DEPTH_MAX 32

/* The caller owns *out, a JSON object. Fails with MALFORMED_JSON (with the position in f; repeated names too) or INVALID
 * (a value that is no object, or a name with U+0000). Numbers that are no integers of 64 bits come as reals of another
 * value; U+0000 may stand in strings. */
enum status json_read_object(struct slice body, json_t **out, struct findings *f, struct error *err) MUST_USE;
/* Text that was made by this program: any value; NULL when it is not JSON or memory is out. */
json_t *json_read_own(struct slice text) MUST_USE;

/* Borrowed from the string. */
struct slice json_text(const json_t *string);
/* "a string", "an array", ... */
const char *json_type_name(const json_t *value);

/* Appends the compact text with members sorted; out fails when value is NULL or memory is out. */
void json_append_sorted(const json_t *value, struct buf *out);

/* INVALID with the number of findings. */
enum status json_invalid(const struct findings *f, struct error *err);

#endif
