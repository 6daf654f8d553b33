#include "customerd/api/lookup.h"

#include "customerd/customers/customer.h"
#include "customerd/customers/email.h"

#include <jansson.h>

/* The library recurses at each level, on a small stack: deeper bodies are refused before they reach it. */
static bool too_deep(struct slice body)
{
    size_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < body.len; i++) {
        char c = body.ptr[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '['))
            depth++;
        else if (!quoted && (c == '}' || c == ']') && depth > 0)
            depth--;
        if (depth > JSON_DEPTH_MAX)
            return true;
    }
    return false;
}

static enum status malformed(const json_error_t *at, struct findings *f, struct error *err)
{
    f->line = at->line > 0 ? at->line : 1;
    f->column = at->column > 0 ? at->column : 1;
    f->offset = at->position > 0 ? (size_t)at->position : 0;
    return error_set(err, STATUS_MALFORMED_JSON, "The body is not valid JSON");
}

static void check_members(json_t *object, struct findings *f)
{
    const struct slice none = slice_of("", 0);
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) {
        if (strcmp(key, "email") != 0)
            findings_add(f, slice_cstr(key), none, "unknown member; only \"email\" is known here");
    }
}

static void check_email(const json_t *email, struct buf *email_normal, struct findings *f)
{
    const struct slice member = slice_cstr("email");
    const struct slice none = slice_of("", 0);
    if (!json_is_string(email)) {
        findings_add(f, member, none, "expected a string with an e-mail address");
        return;
    }
    const char *wrong =
        email_normalize(slice_of(json_string_value(email), json_string_length(email)), email_normal);
    if (wrong != NULL)
        findings_add(f, member, none, "expected %s", wrong);
}

enum status lookup_parse(struct slice body, struct buf *email_normal, struct findings *f, struct error *err)
{
    json_error_t at = { .line = 1, .column = 1, .position = 0 };
    if (too_deep(body))
        return malformed(&at, f, err);
    json_auto_t *root = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &at);
    if (root == NULL)
        return malformed(&at, f, err);
    if (json_is_object(root)) {
        check_members(root, f);
        check_email(json_object_get(root, "email"), email_normal, f);
    } else {
        findings_add(f, slice_of("", 0), slice_of("", 0), "expected an object with the member \"email\"");
    }
    return f->count == 0 ? STATUS_OK : error_set(err, STATUS_INVALID, "The body is not a lookup by e-mail address");
}
