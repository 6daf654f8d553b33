#include "parsing.h"

static void parse_fine(struct parsed *p, const char *body)
{
    parse(p, slice_cstr(body), CUSTOMER_CREATE, NULL);
    assert_int_equal(p->status, STATUS_OK);
}

static void the_encoding_is_tag_length_text(void **state)
{
    (void)state;
    struct parsed p;
    struct buf out = BUF_INIT(CUSTOMER_MAX_BYTES);
    char *address = repeated("x", 198);
    char body[400];
    snprintf(body, sizeof body, "{\"name\":\"Dan\",\"address\":\"%s\",\"balance\":-7}", address);
    parse_fine(&p, body);
    customer_encode(&p.customer, &out);
    assert_int_equal(out.len, 2 + 5 + 3 + 200 + 2 + 2);
    assert_memory_equal(out.data, "n\x05\"Dan\"a\xC8\x01\"xx", 13);
    assert_memory_equal(out.data + out.len - 4, "b\x02-7", 4);
    free(address);
    buf_clean_up(&out);
    parsed_end(&p);
}

static void a_decoded_customer_is_served_as_it_was(void **state)
{
    (void)state;
    struct parsed p;
    struct customer back;
    struct buf out = BUF_INIT(CUSTOMER_MAX_BYTES);
    parse_fine(&p, "{\"name\":\"D\xC3\xA9\",\"email\":\"a@b\",\"phone\":\"1234\",\"address\":\"\",\"balance\":9007199254740991,"
                   "\"metadata\":{\"k\":\"v\"}}");
    customer_encode(&p.customer, &out);
    customer_init(&back);
    assert_true(customer_decode(buf_slice(&out), &back));
    expect_served(&back, "{\"id\":\"" STAMP_ID "\",\"name\":\"D\xC3\xA9\",\"email\":\"a@b\",\"phone\":\"1234\",\"address\":\"\","
                         "\"balance\":9007199254740991,\"metadata\":{\"k\":\"v\"}," STAMP_TIMES ",\"version\":1}");
    customer_clean_up(&back);
    buf_clean_up(&out);
    parsed_end(&p);
}

static bool decodes(const char *bytes, size_t len)
{
    struct customer c;
    char *copy = exact_copy(bytes, len);
    customer_init(&c);
    bool ok = customer_decode(slice_of(copy, len), &c);
    customer_clean_up(&c);
    free(copy);
    return ok;
}

#define DECODES(literal) decodes(literal, sizeof(literal) - 1)

static void what_is_no_encoding_is_refused(void **state)
{
    (void)state;
    assert_true(DECODES("n\3\"D\"b\1" "0"));
    assert_false(DECODES(""));
    assert_false(DECODES("n\3\"D\""));                      /* no balance */
    assert_false(DECODES("b\1" "0"));                       /* no name */
    assert_false(DECODES("b\1" "0n\3\"D\""));               /* out of order */
    assert_false(DECODES("n\3\"D\"n\3\"D\"b\1" "0"));       /* twice */
    assert_false(DECODES("n\3\"D\"b\1" "0x\1" "0"));        /* an unknown tag */
    assert_false(DECODES("n\3\"D\"e\0b\1" "0"));            /* an empty text */
    assert_false(DECODES("n\x83\0\"D\"b\1" "0"));           /* a length in a longer form */
    assert_false(DECODES("n\3\"D\"b\2" "0"));               /* past the end */
    assert_false(DECODES("n\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"));
    assert_false(DECODES("n\xFF\xFF\xFF\x7F" "x"));
    assert_false(DECODES("n\x80"));
}

static void each_truncation_is_refused(void **state)
{
    (void)state;
    struct parsed p;
    struct buf out = BUF_INIT(CUSTOMER_MAX_BYTES);
    parse_fine(&p, "{\"name\":\"D\",\"email\":\"a@b\",\"balance\":1,\"metadata\":{\"k\":1}}");
    customer_encode(&p.customer, &out);
    size_t without_metadata = out.len - 2 - strlen("{\"k\":1}");
    for (size_t len = 0; len < out.len; len++)
        assert_true(decodes(out.data, len) == (len == without_metadata));
    buf_clean_up(&out);
    parsed_end(&p);
}

static void times_and_versions_keep_their_digits(void **state)
{
    (void)state;
    struct parsed p;
    struct buf out = BUF_INIT(CUSTOMER_MAX_BYTES);
    struct customer_stamp stamp = some_stamp();
    stamp.version = UINT64_MAX;
    stamp.created_ms = 0;
    parse_fine(&p, "{\"name\":\"D\"}");
    customer_render(&stamp, &p.customer, &out);
    assert_slice(buf_slice(&out), "{\"id\":\"" STAMP_ID "\",\"name\":\"D\",\"balance\":0,\"metadata\":{},"
                                  "\"created_at\":\"1970-01-01T00:00:00.000Z\",\"updated_at\":\"2023-11-14T22:13:20.124Z\","
                                  "\"version\":18446744073709551615}");
    buf_clean_up(&out);
    parsed_end(&p);
}

/* Whether two bodies have the same fingerprint. */
static bool same(const char *a, const char *b)
{
    struct parsed pa, pb;
    struct buf ca = BUF_INIT(CUSTOMER_MAX_BYTES), cb = BUF_INIT(CUSTOMER_MAX_BYTES);
    parse_fine(&pa, a);
    parse_fine(&pb, b);
    customer_canonical(&pa.customer, &ca);
    customer_canonical(&pb.customer, &cb);
    assert_true(buf_ok(&ca) && buf_ok(&cb) && ca.len > 0);
    bool equal = slice_equal(buf_slice(&ca), buf_slice(&cb));
    buf_clean_up(&ca);
    buf_clean_up(&cb);
    parsed_end(&pa);
    parsed_end(&pb);
    return equal;
}

static void the_canonical_form_ignores_order_and_space(void **state)
{
    (void)state;
    assert_true(same("{\"name\":\"D\",\"phone\":\"123\",\"metadata\":{\"a\":1,\"b\":\"\\u00e9\"}}",
                     " { \"metadata\" : {\"b\":\"\xC3\xA9\", \"x\":null, \"a\":1 },\"phone\":\"123\" , \"name\":\"D\", \"balance\": 0 }"));
    assert_true(same("{\"name\":\"D\"}", "{\"name\":\"D\",\"version\":7,\"email\":null,\"metadata\":{}}"));
    assert_false(same("{\"name\":\"D\"}", "{\"name\":\"d\"}"));
    assert_false(same("{\"name\":\"D\"}", "{\"name\":\"D\",\"balance\":1}"));
    assert_false(same("{\"name\":\"D\"}", "{\"name\":\"D\",\"address\":\"\"}"));
    assert_false(same("{\"name\":\"D\",\"metadata\":{\"a\":1}}", "{\"name\":\"D\",\"metadata\":{\"a\":\"1\"}}"));
    assert_false(same("{\"name\":\"D\",\"email\":\"a@b\"}", "{\"name\":\"D\",\"email\":\"A@b\"}"));
}

static void a_full_buffer_is_told(void **state)
{
    (void)state;
    struct parsed p;
    parse_fine(&p, "{\"name\":\"D\",\"metadata\":{\"a\":1}}");
    for (size_t max = 0; max < 16; max++) {
        struct buf encoded = BUF_INIT(max), canonical = BUF_INIT(max), served = BUF_INIT(max);
        struct customer_stamp stamp = some_stamp();
        customer_encode(&p.customer, &encoded);
        customer_canonical(&p.customer, &canonical);
        customer_render(&stamp, &p.customer, &served);
        assert_false(buf_ok(&encoded) || buf_ok(&canonical) || buf_ok(&served));
        buf_clean_up(&encoded);
        buf_clean_up(&canonical);
        buf_clean_up(&served);
    }
    parsed_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_encoding_is_tag_length_text),
        cmocka_unit_test(a_decoded_customer_is_served_as_it_was),
        cmocka_unit_test(what_is_no_encoding_is_refused),
        cmocka_unit_test(each_truncation_is_refused),
        cmocka_unit_test(times_and_versions_keep_their_digits),
        cmocka_unit_test(the_canonical_form_ignores_order_and_space),
        cmocka_unit_test(a_full_buffer_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
