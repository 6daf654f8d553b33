#include "record.h"

#include "customerd/core/big_endian.h"
#include "customerd/sessions/sessions.h"

#define FORMAT 2
#define HEAD_BYTES 83
#define CHANGED_AT 1 /* by a visit */
#define CHANGED_BYTES 26 /* and told by it; when its key expires comes after them */
#define EXACT_MAX ((UINT64_C(1) << 53) - 1)

/* A length of n bytes, and as many bytes. */
static bool take_counted(struct slice *rest, size_t n, struct slice *out)
{
    if (rest->len < n)
        return false;
    uint64_t len = big_endian_get(rest->ptr, n);
    struct slice after = slice_from(*rest, n);
    if (after.len < len)
        return false;
    *out = slice_of(after.ptr, (size_t)len);
    *rest = slice_from(after, (size_t)len);
    return true;
}

static void take_changed(const char *at, struct session_record *out)
{
    out->visits = big_endian_get(at + 8, 6);
    out->seen_ms = (int64_t)big_endian_get(at + 14, 6);
    out->over_ms = (int64_t)big_endian_get(at + 20, 6);
}

bool session_record_parse(struct slice text, struct session_record *out)
{
    if (text.len < HEAD_BYTES || text.ptr[0] != FORMAT)
        return false;
    take_changed(text.ptr + CHANGED_AT, out);
    out->ends_ms = (int64_t)big_endian_get(text.ptr + 33, 6);
    memcpy(out->customer.bytes, text.ptr + 39, UUID_BYTES);
    memcpy(out->id.bytes, text.ptr + 55, UUID_BYTES);
    out->begun_ms = (int64_t)big_endian_get(text.ptr + 71, 6);
    out->cart_version = big_endian_get(text.ptr + 77, 6);
    struct slice rest = slice_from(text, HEAD_BYTES);
    if (!take_counted(&rest, 2, &out->from) || !take_counted(&rest, 2, &out->attributes))
        return false;
    out->cart = rest;
    return true;
}

bool session_record_is_foreign(struct slice text)
{
    return text.len > 0 && text.ptr[0] != FORMAT;
}

bool session_visit_parse(struct slice changed, struct slice session, struct session_record *out)
{
    if (changed.len < CHANGED_BYTES)
        return false;
    if (!session_record_parse(session.len > 0 ? session : slice_from(changed, CHANGED_BYTES), out))
        return false;
    take_changed(changed.ptr, out);
    return true;
}

bool attribute_take(struct slice *rest, struct attribute *out)
{
    struct slice after = *rest;
    if (!take_counted(&after, 2, &out->name) || !take_counted(&after, 2, &out->value))
        return false;
    *rest = after;
    return true;
}

bool cart_item_take(struct slice *rest, struct cart_item *out)
{
    struct slice after = *rest;
    if (!take_counted(&after, 1, &out->sku) || after.len < ITEM_NUMBERS_BYTES)
        return false;
    out->quantity = (uint32_t)big_endian_get(after.ptr, 4);
    out->unit_price = big_endian_get(after.ptr + 4, 6);
    *rest = slice_from(after, ITEM_NUMBERS_BYTES);
    return true;
}

void cart_item_numbers(const struct cart_item *item, uint8_t out[ITEM_NUMBERS_BYTES])
{
    big_endian_put(out, 4, item->quantity);
    big_endian_put(out + 4, 6, item->unit_price);
}

bool cart_total(struct slice cart, struct cart_totals *out)
{
    struct cart_item item;
    *out = (struct cart_totals){ .items = 0 };
    while (cart_item_take(&cart, &item)) {
        uint64_t price;
        if (__builtin_mul_overflow((uint64_t)item.quantity, item.unit_price, &price) ||
            __builtin_add_overflow(out->total, price, &out->total) || out->total > EXACT_MAX)
            return false;
        out->items++;
        out->quantity += item.quantity;
    }
    return cart.len == 0;
}
