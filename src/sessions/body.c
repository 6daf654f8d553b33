/* What a body may say. */
#include "customerd/sessions/sessions.h"

#include "customerd/core/edit_distance.h"
#include "customerd/core/json_read.h"
#include "customerd/core/json_utf8.h"

#include <inttypes.h>

#define SAFE_INTEGER_MAX INT64_C(9007199254740991)
#define PATCHED_ATTRIBUTES_MAX (2 * SESSION_ATTRIBUTES_MAX) /* in one patch: all that there may be go, and as many come */
#define CHANGES_MAX_BYTES (256u << 10)                       /* more than so many of the longest take */
#define FROM_MAX_BYTES (4 * SESSION_FROM_MAX_CHARS)
#define MISSPELT_DISTANCE_MAX 3

/* As all of a resource's bodies: what is wrong with one is an invalid request. */
static enum status invalid(const struct findings *f, struct error *err)
{
    (void)json_invalid(f, err);
    return err->code = STATUS_INVALID_REQUEST;
}

static enum status finish(const struct findings *f, struct error *err)
{
    if (!buf_ok(&f->json))
        return error_set(err, STATUS_INTERNAL, "out of memory");
    return f->count == 0 ? STATUS_OK : invalid(f, err);
}

static enum status read_object(struct slice body, json_t **out, struct findings *f, struct error *err)
{
    enum status status = json_read_object(body, out, f, err);
    return status == STATUS_INVALID ? invalid(f, err) : status;
}

/* A finding for each member with another name; known is NULL-terminated. */
static void check_names(json_t *object, const char *const *known, struct findings *f)
{
    const char *name;
    size_t len;
    json_t *value;
    json_object_keylen_foreach(object, name, len, value)
    {
        const char *nearest = NULL;
        size_t least = MISSPELT_DISTANCE_MAX + 1;
        for (size_t i = 0; known[i] != NULL; i++) {
            size_t distance = edit_distance(slice_of(name, len), slice_cstr(known[i]), EDIT_CASE_IGNORED);
            nearest = distance < least ? known[i] : nearest;
            least = distance < least ? distance : least;
        }
        if (least == 0 && slice_is(slice_of(name, len), nearest))
            continue;
        const struct slice path[] = { slice_of(name, len) };
        if (nearest != NULL)
            findings_add_at(f, path, 1, "unknown member; did you mean \"%s\"?", nearest);
        else
            findings_add_at(f, path, 1, "unknown member");
    }
}

/* ---- attributes ---- */

/* Fails where the text has failed. */
static void append_counted(struct buf *out, const struct buf *text)
{
    out->failed = out->failed || !buf_ok(text);
    buf_append_byte(out, (char)(text->len >> 8));
    buf_append_byte(out, (char)text->len);
    buf_append(out, buf_slice(text));
}

static void append_string(struct buf *out, struct slice text)
{
    buf_append_byte(out, '"');
    buf_append_json_escaped(out, text);
    buf_append_byte(out, '"');
}

/* The value as it is served; empty for null. */
static void append_value(struct buf *out, const json_t *value)
{
    if (json_is_string(value))
        append_string(out, json_text(value));
    else if (json_is_integer(value))
        buf_append_int(out, json_integer_value(value));
    else if (json_is_boolean(value))
        buf_append_cstr(out, json_is_true(value) ? "true" : "false");
}

static bool is_safe(const json_t *value)
{
    json_int_t number = json_integer_value(value);
    return json_is_integer(value) && number >= -SAFE_INTEGER_MAX && number <= SAFE_INTEGER_MAX;
}

static void check_attribute(struct slice name, const json_t *value, struct findings *f)
{
    const struct slice path[] = { slice_cstr("attributes"), name };
    size_t chars = utf8_look(name).chars;
    if (chars == 0 || chars > SESSION_ATTRIBUTE_NAME_MAX_CHARS)
        findings_add_at(f, path, 2, "expected a name of 1 to %d characters, got %zu", SESSION_ATTRIBUTE_NAME_MAX_CHARS, chars);
    if (json_is_string(value)) {
        struct utf8_facts facts = utf8_look(json_text(value));
        if (facts.chars > SESSION_ATTRIBUTE_VALUE_MAX_CHARS)
            findings_add_at(f, path, 2, "expected a string of at most %d characters, got %zu",
                            SESSION_ATTRIBUTE_VALUE_MAX_CHARS, facts.chars);
        if (facts.has_nul)
            findings_add_at(f, path, 2, "expected a string without U+0000");
    } else if (json_is_number(value)) {
        if (!is_safe(value))
            findings_add_at(f, path, 2,
                            "expected an integer from %" PRId64 " to %" PRId64 ", written without fraction or exponent",
                            -SAFE_INTEGER_MAX, SAFE_INTEGER_MAX);
    } else if (!json_is_boolean(value) && !json_is_null(value)) {
        findings_add_at(f, path, 2, "expected a string, a boolean or an integer, got %s", json_type_name(value));
    }
}

/* Appends each of at most so many with its value, null as an empty one; with nulls false they are left out. */
static void take_attributes(json_t *value, int most, bool nulls, struct buf *out, struct findings *f)
{
    const char *name;
    size_t len;
    json_t *item;
    if (!json_is_object(value)) {
        findings_add(f, slice_cstr("attributes"), slice_cstr(NULL), "expected an object, got %s", json_type_name(value));
        return;
    }
    if (json_object_size(value) > (size_t)most) {
        findings_add(f, slice_cstr("attributes"), slice_cstr(NULL), "expected at most %d members, got %zu", most,
                     json_object_size(value));
        return;
    }
    json_object_keylen_foreach(value, name, len, item)
    {
        struct buf text = BUF_INIT(CHANGES_MAX_BYTES);
        check_attribute(slice_of(name, len), item, f);
        append_string(&text, slice_of(name, len));
        if (nulls || !json_is_null(item))
            append_counted(out, &text);
        buf_clear(&text);
        append_value(&text, item);
        if (nulls || !json_is_null(item))
            append_counted(out, &text);
        buf_clean_up(&text);
    }
}

enum status session_patch_parse(struct slice body, struct buf *changes, struct findings *f, struct error *err)
{
    static const char *const known[] = { "attributes", NULL };
    json_t *object = NULL;
    enum status status = read_object(body, &object, f, err);
    if (status != STATUS_OK)
        return status;
    json_t *attributes = json_object_get(object, "attributes");
    buf_init(changes, CHANGES_MAX_BYTES);
    check_names(object, known, f);
    if (attributes != NULL)
        take_attributes(attributes, PATCHED_ATTRIBUTES_MAX, true, changes, f);
    json_decref(object);
    status = finish(f, err);
    return status == STATUS_OK && !buf_ok(changes) ? error_set(err, STATUS_INTERNAL, "out of memory") : status;
}

/* ---- opening ---- */

void session_opening_init(struct session_opening *o)
{
    memset(o, 0, sizeof *o);
    buf_init(&o->from, FROM_MAX_BYTES);
    buf_init(&o->attributes, CHANGES_MAX_BYTES);
}

void session_opening_clean_up(struct session_opening *o)
{
    buf_clean_up(&o->from);
    buf_clean_up(&o->attributes);
}

static void found(struct findings *f, const char *member, const char *expected)
{
    findings_add(f, slice_cstr(member), slice_cstr(NULL), "%s", expected);
}

static bool is_from(struct slice text)
{
    struct utf8_facts facts = utf8_look(text);
    return facts.chars >= 1 && facts.chars <= SESSION_FROM_MAX_CHARS && !facts.has_control;
}

static void take_from(const json_t *value, struct buf *out, struct findings *f)
{
    if (value == NULL || json_is_null(value))
        return;
    if (!json_is_string(value) || !is_from(json_text(value)))
        found(f, "from", "expected a string of 1 to 128 characters, none of them a control character");
    else
        buf_append(out, json_text(value));
}

/* What a new session may have is bounded here, what a patch leaves by the script. */
static void check_bytes(const struct buf *taken, struct findings *f)
{
    if (taken->len > SESSION_ATTRIBUTES_MAX_BYTES)
        findings_add(f, slice_cstr("attributes"), slice_cstr(NULL), "expected at most %d bytes, got %zu",
                     SESSION_ATTRIBUTES_MAX_BYTES, taken->len);
}

enum status session_opening_parse(struct slice body, struct session_opening *out, struct findings *f, struct error *err)
{
    static const char *const known[] = { "customer_id", "attributes", "from", "cookie", NULL };
    json_t *object = NULL;
    enum status status = read_object(body, &object, f, err);
    if (status != STATUS_OK)
        return status;
    json_t *customer = json_object_get(object, "customer_id");
    json_t *attributes = json_object_get(object, "attributes");
    json_t *cookie = json_object_get(object, "cookie");
    check_names(object, known, f);
    if (!json_is_string(customer) || !uuid_parse(json_text(customer), &out->customer))
        found(f, "customer_id", "expected a customer's id as a string");
    if (attributes != NULL && !json_is_null(attributes)) {
        take_attributes(attributes, SESSION_ATTRIBUTES_MAX, false, &out->attributes, f);
        check_bytes(&out->attributes, f);
    }
    take_from(json_object_get(object, "from"), &out->from, f);
    if (cookie != NULL && !json_is_boolean(cookie))
        found(f, "cookie", "expected a boolean");
    out->cookie = json_is_true(cookie);
    json_decref(object);
    status = finish(f, err);
    return status == STATUS_OK && (!buf_ok(&out->from) || !buf_ok(&out->attributes))
               ? error_set(err, STATUS_INTERNAL, "out of memory")
               : status;
}

/* ---- the cart ---- */

bool cart_sku_is_valid(struct slice sku)
{
    for (size_t i = 0; i < sku.len; i++) {
        char c = sku.ptr[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alnum && (i == 0 || c == '\0' || strchr("._~-", c) == NULL))
            return false;
    }
    return sku.len >= 1 && sku.len <= CART_SKU_MAX_CHARS;
}

static int64_t take_integer(const json_t *object, const char *member, int64_t min, int64_t max, struct findings *f)
{
    const json_t *value = json_object_get(object, member);
    int64_t number = json_is_integer(value) ? json_integer_value(value) : min - 1;
    if (number < min || number > max)
        findings_add(f, slice_cstr(member), slice_cstr(NULL), "expected an integer from %" PRId64 " to %" PRId64, min, max);
    return number;
}

enum status cart_item_parse(struct slice body, struct cart_change *out, struct findings *f, struct error *err)
{
    static const char *const known[] = { "quantity", "unit_price", NULL };
    json_t *object = NULL;
    enum status status = read_object(body, &object, f, err);
    if (status != STATUS_OK)
        return status;
    check_names(object, known, f);
    out->quantity = (uint32_t)take_integer(object, "quantity", 1, CART_QUANTITY_MAX, f);
    out->unit_price = (uint64_t)take_integer(object, "unit_price", 0, CART_UNIT_PRICE_MAX, f);
    json_decref(object);
    return finish(f, err);
}
