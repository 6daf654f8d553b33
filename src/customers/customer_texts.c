#include "customer_members.h"
#include "customerd/core/json_read.h"

static void append_string(struct buf *out, struct slice text)
{
    buf_append_byte(out, '"');
    buf_append_json_escaped(out, text);
    buf_append_byte(out, '"');
}

static void append_scalar(struct buf *out, const json_t *value)
{
    if (json_is_string(value))
        append_string(out, json_text(value));
    else if (json_is_integer(value))
        buf_append_int(out, json_integer_value(value));
    else
        buf_append_cstr(out, json_is_true(value) ? "true" : "false");
}

/* Nothing for an object that is empty once its nulls are gone. */
static void append_metadata(struct buf *out, json_t *object)
{
    const char *key;
    size_t key_len;
    json_t *value;
    char before = '{';
    json_object_keylen_foreach(object, key, key_len, value)
    {
        if (json_is_null(value))
            continue;
        buf_append_byte(out, before);
        append_string(out, slice_of(key, key_len));
        buf_append_byte(out, ':');
        append_scalar(out, value);
        before = ',';
    }
    if (before == ',')
        buf_append_byte(out, '}');
}

static void append_member(struct buf *out, enum customer_member member, json_t *value)
{
    if (value == NULL || json_is_null(value)) {
        if (member == CUSTOMER_BALANCE)
            buf_append_byte(out, '0');
    } else if (member == CUSTOMER_METADATA) {
        append_metadata(out, value);
    } else {
        append_scalar(out, value);
    }
}

enum status members_fill(const json_t *object, struct customer *out, struct findings *f, struct error *err)
{
    size_t ends[CUSTOMER_MEMBERS];
    for (enum customer_member m = 0; m < CUSTOMER_MEMBERS; m++) {
        append_member(&out->storage, m, json_object_get(object, customer_member_name(m)));
        ends[m] = out->storage.len;
    }
    if (!buf_ok(&out->storage))
        return error_set(err, STATUS_INTERNAL, "out of memory");
    /* Only now, since the storage moves while it grows. */
    struct slice all = buf_slice(&out->storage);
    for (enum customer_member m = 0; m < CUSTOMER_MEMBERS; m++) {
        size_t start = m == 0 ? 0 : ends[m - 1];
        out->json[m] = slice_of(all.ptr + start, ends[m] - start);
    }
    size_t bytes = customer_served_bytes(out);
    if (bytes <= CUSTOMER_MAX_BYTES)
        return STATUS_OK;
    findings_add_at(f, NULL, 0, "expected a customer of at most %d bytes as it is served, got %zu", CUSTOMER_MAX_BYTES,
                    bytes);
    return json_invalid(f, err);
}
