#include "customer_members.h"

#include "parsing.h"

static void texts_are_compact_utf8(void **state)
{
    (void)state;
    expect_members(" { \"balance\" : -0 , \"name\" : \"\\u00e9\\ud83d\\ude00\\\"\\\\\\/\" , \"address\":\"a\\u000ab\\u2028\" } ",
                   "\"name\":\"\xC3\xA9\xF0\x9F\x98\x80\\\"\\\\/\",\"address\":\"a\\nb\xE2\x80\xA8\",\"balance\":0,\"metadata\":{}");
}

static void metadata_keeps_its_order_and_types(void **state)
{
    (void)state;
    expect_members("{\"metadata\":{\"z\":1,\"a\":true,\"n\":null,\"m\":\"x\\u0001\",\"1\":false,\"\\\"\":9007199254740991},"
                   "\"name\":\"D\"}",
                   "\"name\":\"D\",\"balance\":0,"
                   "\"metadata\":{\"z\":1,\"a\":true,\"m\":\"x\\u0001\",\"1\":false,\"\\\"\":9007199254740991}");
}

/* A customer whose name has n_name bytes, with `full` metadata values of 500 units and one of `rest`. */
static void sized(struct parsed *p, const char *unit, size_t full, size_t rest, size_t n_name)
{
    struct buf body = BUF_INIT(1 << 20);
    char *name = repeated("x", n_name);
    char *value = repeated(unit, 500);
    char *last = repeated(unit, rest);
    buf_appendf(&body, "{\"name\":\"%s\",\"metadata\":{\"r\":\"%s\"", name, last);
    for (size_t i = 0; i < full; i++)
        buf_appendf(&body, ",\"%02zu\":\"%s\"", i, value);
    buf_append_cstr(&body, "}}");
    parse(p, buf_slice(&body), CUSTOMER_CREATE, NULL);
    free(name);
    free(value);
    free(last);
    buf_clean_up(&body);
}

static size_t longest_served(const struct customer *c)
{
    struct customer_stamp stamp = some_stamp();
    struct buf out = BUF_INIT((size_t)1 << 20);
    stamp.version = UINT64_MAX;
    customer_render(&stamp, c, &out);
    size_t len = out.len;
    buf_clean_up(&out);
    return len;
}

static void a_customer_has_64_kib_and_not_a_byte_more(void **state)
{
    (void)state;
    static const char four_bytes[] = "\xF0\x9F\x98\x80";
    struct parsed p;
    sized(&p, four_bytes, 32, 0, 1);
    size_t room = CUSTOMER_MAX_BYTES - longest_served(&p.customer);
    assert_in_range(room, 4, 2000);
    parsed_end(&p);
    sized(&p, four_bytes, 32, room / 4, 1 + room % 4);
    assert_int_equal(p.status, STATUS_OK);
    assert_int_equal(longest_served(&p.customer), CUSTOMER_MAX_BYTES);
    parsed_end(&p);
    sized(&p, four_bytes, 32, room / 4, 2 + room % 4);
    assert_int_equal(p.status, STATUS_INVALID);
    assert_slice(buf_slice(&p.f.json),
                 FINDING("", "expected a customer of at most 65536 bytes as it is served, got 65537"));
    parsed_end(&p);
}

static void the_worst_escapes_are_too_large_not_an_error(void **state)
{
    (void)state;
    struct parsed p;
    sized(&p, "\\u0001", 49, 500, 1);
    assert_int_equal(p.status, STATUS_INVALID);
    assert_int_equal(p.f.count, 1);
    parsed_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_compact_utf8),
        cmocka_unit_test(metadata_keeps_its_order_and_types),
        cmocka_unit_test(a_customer_has_64_kib_and_not_a_byte_more),
        cmocka_unit_test(the_worst_escapes_are_too_large_not_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
