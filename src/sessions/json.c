#include "inner.h"

#include "customerd/core/crypto.h"
#include "customerd/core/timestamp.h"

#include <inttypes.h>

static void append_named(struct buf *out, const char *before, const char *text)
{
    buf_append_cstr(out, before);
    buf_append_cstr(out, text);
    buf_append_byte(out, '"');
}

/* before: all up to the value. */
static void append_time(struct buf *out, const char *before, int64_t ms)
{
    char text[TIMESTAMP_RFC3339_MS_SIZE];
    timestamp_rfc3339_ms(ms, text);
    append_named(out, before, text);
}

static void append_id(struct buf *out, const char *before, const struct uuid *id)
{
    char text[UUID_TEXT_SIZE];
    uuid_format(id, text);
    append_named(out, before, text);
}

static void append_number(struct buf *out, const char *before, uint64_t number)
{
    buf_append_cstr(out, before);
    buf_append_int(out, (int64_t)number);
}

static void append_from(struct buf *out, struct slice from)
{
    if (from.len == 0)
        return;
    buf_append_cstr(out, ",\"from\":\"");
    buf_append_json_escaped(out, from);
    buf_append_byte(out, '"');
}

/* Since when, until when, how often. */
static void append_course(const struct session_record *r, struct buf *out)
{
    append_time(out, ",\"created_at\":\"", r->begun_ms);
    append_time(out, ",\"last_seen_at\":\"", r->seen_ms);
    append_time(out, ",\"idle_expires_at\":\"", r->over_ms);
    append_time(out, ",\"expires_at\":\"", r->ends_ms);
    append_number(out, ",\"visits\":", r->visits);
}

static bool append_attributes(struct slice attributes, struct buf *out)
{
    struct attribute a;
    const char *before = "";
    buf_append_cstr(out, ",\"attributes\":{");
    while (attribute_take(&attributes, &a)) {
        buf_append_cstr(out, before);
        buf_append(out, a.name);
        buf_append_byte(out, ':');
        buf_append(out, a.value);
        before = ",";
    }
    buf_append_byte(out, '}');
    return attributes.len == 0;
}

static void append_totals(const struct cart_totals *totals, uint64_t version, struct buf *out)
{
    append_number(out, "\"count\":", totals->items);
    append_number(out, ",\"quantity\":", totals->quantity);
    append_number(out, ",\"total\":", totals->total);
    append_number(out, ",\"version\":", version);
}

static void append_token(const struct session_token *token, struct buf *out)
{
    char text[SESSION_TOKEN_SIZE];
    session_token_format(token, text);
    append_named(out, ",\"token\":\"", text);
    crypto_wipe(text, sizeof text);
}

bool session_json(const struct session_record *r, int64_t now_ms, const struct session_token *token, struct buf *out)
{
    struct cart_totals totals;
    if (!cart_total(r->cart, &totals))
        return false;
    append_id(out, "{\"id\":\"", &r->id);
    append_id(out, ",\"customer_id\":\"", &r->customer);
    append_course(r, out);
    append_number(out, ",\"expires_in_ms\":", (uint64_t)(r->over_ms - now_ms));
    append_from(out, r->from);
    if (!append_attributes(r->attributes, out))
        return false;
    buf_append_cstr(out, ",\"cart\":{");
    append_totals(&totals, r->cart_version, out);
    buf_append_byte(out, '}');
    if (token != NULL)
        append_token(token, out);
    buf_append_byte(out, '}');
    return true;
}

/* An SKU has nothing that JSON would escape. */
bool session_cart_json(const struct session_record *r, struct buf *out)
{
    struct cart_totals totals;
    struct cart_item item;
    struct slice rest = r->cart;
    const char *before = "";
    if (!cart_total(r->cart, &totals))
        return false;
    buf_append_cstr(out, "{\"items\":[");
    while (cart_item_take(&rest, &item)) {
        buf_appendf(out, "%s{\"sku\":\"%.*s\",\"quantity\":%" PRIu32 ",\"unit_price\":%" PRIu64 ",\"total\":%" PRIu64 "}",
                    before, (int)item.sku.len, item.sku.ptr, item.quantity, item.unit_price,
                    item.quantity * item.unit_price);
        before = ",";
    }
    buf_append_cstr(out, "],");
    append_totals(&totals, r->cart_version, out);
    buf_append_byte(out, '}');
    return true;
}

void session_listed_json(const struct session_record *r, struct buf *out)
{
    append_id(out, "{\"id\":\"", &r->id);
    append_course(r, out);
    append_from(out, r->from);
    buf_append_byte(out, '}');
}
