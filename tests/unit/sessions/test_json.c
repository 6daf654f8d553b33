#include "inner.h"

#include "stored.h"

#define NOW_MS INT64_C(1700000100000)

static void read_some(struct buf *text, struct session_record *r)
{
    append_head(text, "Fire\"fox");
    append_number(text, 2 * 2 + 3 + 6 + 2 * 2 + 3 + 1, 2);
    append_counted(text, "\"a\"", 2);
    append_counted(text, "\"x\\\"y\"", 2);
    append_counted(text, "\"n\"", 2);
    append_counted(text, "7", 2);
    append_item(text, "TEA", 2, 1499);
    assert_true(session_record_parse(buf_slice(text), r));
}

#define IDS "\"id\":\"69696969-6969-6969-6969-696969696969\""
#define COURSE                                                                                           \
    "\"created_at\":\"2023-11-14T22:13:20.000Z\",\"last_seen_at\":\"2023-11-14T22:14:20.000Z\","         \
    "\"idle_expires_at\":\"2023-11-14T22:29:20.000Z\",\"expires_at\":\"2023-11-15T10:13:20.000Z\",\"visits\":3"

static void a_session_is_served(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(1024);
    struct buf out = BUF_INIT(4096);
    struct session_record r;
    const struct session_token token = { .bucket = 1 };
    read_some(&text, &r);
    assert_true(session_json(&r, NOW_MS, &token, &out));
    assert_slice(buf_slice(&out),
                 "{" IDS ",\"customer_id\":\"63636363-6363-6363-6363-636363636363\"," COURSE
                 ",\"expires_in_ms\":860000,\"from\":\"Fire\\\"fox\",\"attributes\":{\"a\":\"x\\\"y\",\"n\":7},"
                 "\"cart\":{\"count\":1,\"quantity\":2,\"total\":2998,\"version\":5},"
                 "\"token\":\"01AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}");
    buf_clear(&out);
    session_listed_json(&r, &out);
    assert_slice(buf_slice(&out), "{" IDS "," COURSE ",\"from\":\"Fire\\\"fox\"}");
    buf_clean_up(&out);
    buf_clean_up(&text);
}

static void a_session_without_a_token_tells_none(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(1024);
    struct buf out = BUF_INIT(4096);
    struct session_record r;
    read_some(&text, &r);
    assert_true(session_json(&r, r.over_ms - 1000, NULL, &out));
    assert_non_null(strstr(out.data, "\"expires_in_ms\":1000,"));
    assert_null(strstr(out.data, "token"));
    buf_clean_up(&out);
    buf_clean_up(&text);
}

static void a_cart_is_served(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(1024);
    struct buf out = BUF_INIT(4096);
    struct session_record r;
    read_some(&text, &r);
    append_item(&text, "POT", 9999, 1000000000);
    assert_true(session_record_parse(buf_slice(&text), &r));
    assert_true(session_cart_json(&r, &out));
    assert_slice(buf_slice(&out),
                 "{\"items\":[{\"sku\":\"TEA\",\"quantity\":2,\"unit_price\":1499,\"total\":2998},"
                 "{\"sku\":\"POT\",\"quantity\":9999,\"unit_price\":1000000000,\"total\":9999000000000}],"
                 "\"count\":2,\"quantity\":10001,\"total\":9999000002998,\"version\":5}");
    buf_clean_up(&out);
    buf_clean_up(&text);
}

static void damaged_parts_are_seen(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(4096);
    struct session_record r = { .cart = slice_cstr("\005A") };
    assert_false(session_cart_json(&r, &out));
    assert_false(session_json(&r, NOW_MS, NULL, &out));
    r = (struct session_record){ .attributes = slice_cstr("x") };
    assert_false(session_json(&r, NOW_MS, NULL, &out));
    buf_clean_up(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_served),
        cmocka_unit_test(a_session_without_a_token_tells_none),
        cmocka_unit_test(a_cart_is_served),
        cmocka_unit_test(damaged_parts_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
