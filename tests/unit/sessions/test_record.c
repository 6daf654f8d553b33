#include "record.h"

#include "customerd/sessions/sessions.h"
#include "stored.h"

static void a_session_is_read_as_the_scripts_write_it(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(1024);
    struct session_record r;
    append_head(&text, "Firefox");
    append_counted(&text, "attributes", 2);
    append_item(&text, "TEA", 2, 1499);
    assert_true(session_record_parse(buf_slice(&text), &r));
    assert_memory_equal(r.customer.bytes, "cccccccccccccccc", UUID_BYTES);
    assert_memory_equal(r.id.bytes, "iiiiiiiiiiiiiiii", UUID_BYTES);
    assert_int_equal(r.begun_ms, 1700000000000);
    assert_int_equal(r.seen_ms, 1700000060000);
    assert_int_equal(r.over_ms, 1700000960000);
    assert_int_equal(r.visits, 3);
    assert_int_equal(r.ends_ms, 1700043200000);
    assert_int_equal(r.cart_version, 5);
    assert_slice(r.from, "Firefox");
    assert_slice(r.attributes, "attributes");
    assert_int_equal(r.cart.len, 1 + 3 + ITEM_NUMBERS_BYTES);
    buf_clean_up(&text);
}

static void of_a_visit_what_it_changed_counts(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(1024);
    struct session_record r;
    buf_append_cstr(&text, "attempt2");
    append_number(&text, 4, 6);
    append_number(&text, UINT64_C(1700000070000), 6);
    append_number(&text, UINT64_C(1700000970000), 6);
    size_t changed = text.len;
    append_head(&text, "Firefox");
    append_counted(&text, "attributes", 2);
    assert_true(session_visit_parse(slice_of(text.data, changed), slice_from(buf_slice(&text), changed), &r));
    assert_int_equal(r.visits, 4);
    assert_slice(r.attributes, "attributes");
    assert_true(session_visit_parse(buf_slice(&text), slice_of("", 0), &r));
    assert_int_equal(r.visits, 4);
    assert_int_equal(r.seen_ms, 1700000070000);
    assert_int_equal(r.over_ms, 1700000970000);
    assert_int_equal(r.ends_ms, 1700043200000);
    assert_slice(r.attributes, "attributes");
    assert_false(session_visit_parse(slice_of(text.data, changed), slice_of("", 0), &r));
    assert_false(session_visit_parse(slice_of(text.data, changed - 1), slice_from(buf_slice(&text), changed), &r));
    assert_false(session_visit_parse(slice_of(text.data, changed), slice_of("x", 1), &r));
    buf_clean_up(&text);
}

static void what_is_cut_short_is_damaged(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(1024);
    append_head(&text, "Firefox");
    append_counted(&text, "ab", 2);
    for (size_t len = 0; len < text.len; len++) {
        struct session_record r;
        char *copy = exact_copy(text.data, len);
        if (session_record_parse(slice_of(copy, len), &r))
            fail_msg("taken with %zu of %zu bytes", len, text.len);
        free(copy);
    }
    text.data[0] = 1;
    struct session_record r;
    assert_false(session_record_parse(buf_slice(&text), &r));
    buf_clean_up(&text);
}

static void items_come_in_order_and_end(void **state)
{
    (void)state;
    struct buf cart = BUF_INIT(1024);
    struct cart_item item;
    append_item(&cart, "A", 1, 2);
    append_item(&cart, "BB", CART_QUANTITY_MAX, CART_UNIT_PRICE_MAX);
    struct slice rest = buf_slice(&cart);
    assert_true(cart_item_take(&rest, &item));
    assert_slice(item.sku, "A");
    assert_true(cart_item_take(&rest, &item));
    assert_slice(item.sku, "BB");
    assert_int_equal(item.quantity, CART_QUANTITY_MAX);
    assert_int_equal(item.unit_price, CART_UNIT_PRICE_MAX);
    uint8_t numbers[ITEM_NUMBERS_BYTES];
    cart_item_numbers(&item, numbers);
    assert_memory_equal(numbers, cart.data + cart.len - ITEM_NUMBERS_BYTES, ITEM_NUMBERS_BYTES);
    assert_false(cart_item_take(&rest, &item));
    assert_int_equal(rest.len, 0);
    rest = slice_of(cart.data, cart.len - 1);
    assert_true(cart_item_take(&rest, &item));
    assert_false(cart_item_take(&rest, &item));
    assert_int_not_equal(rest.len, 0);
    buf_clean_up(&cart);
}

static void the_fullest_cart_has_an_exact_total(void **state)
{
    (void)state;
    struct buf cart = BUF_INIT(4096);
    struct cart_totals totals;
    for (int i = 0; i < CART_ITEMS_MAX; i++)
        append_item(&cart, "S", CART_QUANTITY_MAX, CART_UNIT_PRICE_MAX);
    assert_true(cart_total(buf_slice(&cart), &totals));
    assert_int_equal(totals.items, CART_ITEMS_MAX);
    assert_int_equal(totals.quantity, (uint64_t)CART_ITEMS_MAX * CART_QUANTITY_MAX);
    assert_int_equal(totals.total, UINT64_C(999900000000000));
    buf_clean_up(&cart);
}

/* Nothing that the service stores comes near it; a damaged cart may. */
static void a_total_that_is_not_exact_is_refused(void **state)
{
    (void)state;
    const struct {
        uint64_t quantity;
        uint64_t unit_price;
        bool exact;
    } cases[] = { { 31, UINT64_C(281474976710655), true }, { 33, UINT64_C(281474976710655), false },
                  { UINT32_MAX, UINT64_C(281474976710655), false } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf cart = BUF_INIT(64);
        struct cart_totals totals;
        append_item(&cart, "S", cases[i].quantity, cases[i].unit_price);
        assert_int_equal(cart_total(buf_slice(&cart), &totals), cases[i].exact);
        buf_clean_up(&cart);
    }
    struct cart_totals totals;
    assert_false(cart_total(slice_cstr("\003ab"), &totals));
}

static void attributes_come_in_order_and_end(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(64);
    struct attribute a;
    append_counted(&text, "\"a\"", 2);
    append_counted(&text, "1", 2);
    struct slice rest = buf_slice(&text);
    assert_true(attribute_take(&rest, &a));
    assert_slice(a.name, "\"a\"");
    assert_slice(a.value, "1");
    assert_false(attribute_take(&rest, &a));
    rest = slice_of(text.data, text.len - 1);
    assert_false(attribute_take(&rest, &a));
    assert_int_not_equal(rest.len, 0);
    buf_clean_up(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_read_as_the_scripts_write_it),
        cmocka_unit_test(of_a_visit_what_it_changed_counts),
        cmocka_unit_test(what_is_cut_short_is_damaged),
        cmocka_unit_test(items_come_in_order_and_end),
        cmocka_unit_test(the_fullest_cart_has_an_exact_total),
        cmocka_unit_test(a_total_that_is_not_exact_is_refused),
        cmocka_unit_test(attributes_come_in_order_and_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
