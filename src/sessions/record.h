/* record: the stored session, as the scripts write it (scripts/lib/session.lua). */
#ifndef CUSTOMERD_SESSIONS_RECORD_H
#define CUSTOMERD_SESSIONS_RECORD_H

#include "customerd/core/uuid.h"
#include "customerd/sessions/token.h"

#define SESSION_ENTRY_BYTES 22 /* of a customer's list: hash, ends */

/* Views borrow from the text. */
struct session_record {
    struct uuid customer;
    struct uuid id;
    int64_t begun_ms;
    int64_t seen_ms;
    int64_t over_ms; /* if it is not seen again */
    int64_t ends_ms; /* however often it is */
    uint64_t visits;
    uint64_t cart_version;
    struct slice from;
    struct slice attributes;
    struct slice cart;
};

/* False when the text is not of the form; attributes and cart are walked by the functions below. */
bool session_record_parse(struct slice text, struct session_record *out) MUST_USE;
/* Whether another version of the service keeps it, in a format that is not known here. */
bool session_record_is_foreign(struct slice text);
/* What visit replies: what it has changed, and the session as it was before, which follows in the same string where it is not
 * given apart (then session is empty). */
bool session_visit_parse(struct slice changed, struct slice session, struct session_record *out) MUST_USE;

struct attribute {
    struct slice name; /* JSON text, as value */
    struct slice value;
};
/* Takes the first attribute off *rest; false at the end, or when the rest is damaged (then *rest is not empty). */
bool attribute_take(struct slice *rest, struct attribute *out) MUST_USE;

#define ITEM_NUMBERS_BYTES 10
struct cart_item {
    struct slice sku;
    uint32_t quantity;
    uint64_t unit_price;
};
/* As attribute_take. */
bool cart_item_take(struct slice *rest, struct cart_item *out) MUST_USE;
/* Quantity and unit price as they are stored. */
void cart_item_numbers(const struct cart_item *item, uint8_t out[ITEM_NUMBERS_BYTES]);

struct cart_totals {
    uint64_t items;
    uint64_t quantity;
    uint64_t total; /* in minor units */
};
/* False when the cart is damaged, or a sum does not fit into 2^53 - 1. */
bool cart_total(struct slice cart, struct cart_totals *out) MUST_USE;

#endif
