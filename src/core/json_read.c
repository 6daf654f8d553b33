#include "customerd/core/json_read.h"

#include <stdio.h>

#include "customerd/core/json_memory.h"
#include "customerd/core/json_scan.h"

#define LOAD_FLAGS (JSON_DECODE_ANY | JSON_ALLOW_NUL)

static enum status malformed(struct slice body, size_t offset, const char *what, const char *found, struct findings *f,
                             struct error *err)
{
    f->offset = offset;
    json_position(body, offset, &f->line, &f->column);
    return error_set(err, STATUS_MALFORMED_JSON, "line %d, column %d (byte %zu): %s%s%s", f->line, f->column, offset, what,
                     found[0] == '\0' ? "" : ", found ", found);
}

/* The quote that opens the string which ends before `end`. Quotes within a string stand after a backslash, and an
 * opening quote never does. */
static size_t string_start(struct slice body, size_t end)
{
    size_t at = end < 2 ? 0 : end - 2;
    while (at > 0 && (body.ptr[at] != '"' || body.ptr[at - 1] == '\\'))
        at--;
    return at;
}

/* The scan has passed, so only a repeated name or lack of memory is left to stop the parser. */
static enum status load_failed(struct slice body, const json_error_t *cause, struct findings *f, struct error *err)
{
    if (json_error_code(cause) != json_error_duplicate_key)
        return error_set(err, STATUS_INTERNAL, "out of memory");
    size_t end = cause->position < 0 ? 0 : (size_t)cause->position;
    return malformed(body, string_start(body, end), "duplicate member", "", f, err);
}

static enum status load(struct slice body, struct buf *copy, json_t **out, struct findings *f, struct error *err)
{
    buf_append(copy, body);
    if (!buf_ok(copy))
        return error_set(err, STATUS_INTERNAL, "out of memory");
    struct json_scan_result scan = json_scan(copy->data, copy->len, JSON_DEPTH_MAX);
    if (!scan.well_formed) {
        char what[128];
        snprintf(what, sizeof what, "expected %s", scan.fault.expected);
        return malformed(body, scan.fault.offset, what, scan.fault.found, f, err);
    }
    if (scan.nul_in_name) {
        findings_add_at(f, NULL, 0, "expected member names without U+0000");
        return json_invalid(f, err);
    }
    json_error_t cause;
    *out = json_memory_load(copy->data, copy->len, LOAD_FLAGS | JSON_REJECT_DUPLICATES, &cause);
    return *out != NULL ? STATUS_OK : load_failed(body, &cause, f, err);
}

enum status json_read_object(struct slice body, json_t **out, struct findings *f, struct error *err)
{
    struct buf copy = BUF_INIT(body.len);
    *out = NULL;
    enum status status = load(body, &copy, out, f, err);
    if (*out != NULL && !json_is_object(*out)) {
        findings_add_at(f, NULL, 0, "expected an object, got %s", json_type_name(*out));
        status = json_invalid(f, err);
    }
    if (status != STATUS_OK) {
        json_decref(*out);
        *out = NULL;
    }
    buf_clean_up(&copy);
    return status;
}

json_t *json_read_own(struct slice text)
{
    return json_memory_load(text.ptr, text.len, LOAD_FLAGS, NULL);
}

struct slice json_text(const json_t *string)
{
    return slice_of(json_string_value(string), json_string_length(string));
}

const char *json_type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}

enum status json_invalid(const struct findings *f, struct error *err)
{
    return error_set(err, STATUS_INVALID, "%zu finding%s: `errors` lists %s", f->count, f->count == 1 ? "" : "s",
                     f->count > FINDINGS_MAX ? "the first 64" : f->count == 1 ? "it" : "them");
}

static int append(const char *bytes, size_t len, void *out)
{
    buf_append(out, slice_of(bytes, len));
    return buf_ok(out) ? 0 : -1;
}

void json_append_sorted(const json_t *value, struct buf *out)
{
    if (value == NULL || json_dump_callback(value, append, out, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS) != 0)
        out->failed = true;
}
