#include "customerd/sessions/sessions.h"

#include <stdio.h>

#include "unit.h"

#define ID "018bcfe5-6800-7003-8224-005997ccbfc8"
#define FINDING(pointer, detail) "{\"pointer\":\"" pointer "\",\"detail\":\"" detail "\"}"

struct fixture {
    struct session_opening opening;
    struct buf changes;
    struct cart_change change;
    struct findings f;
    struct error err;
};

enum kind { OPENING, PATCH, ITEM };

static enum status parse(struct fixture *x, enum kind kind, const char *body)
{
    char *copy = exact_copy(body, strlen(body));
    struct slice text = slice_of(copy, strlen(body));
    memset(x, 0, sizeof *x);
    session_opening_init(&x->opening);
    findings_init(&x->f);
    enum status status = kind == OPENING ? session_opening_parse(text, &x->opening, &x->f, &x->err)
                         : kind == PATCH ? session_patch_parse(text, &x->changes, &x->f, &x->err)
                                         : cart_item_parse(text, &x->change, &x->f, &x->err);
    free(copy);
    return status;
}

static void end(struct fixture *x)
{
    session_opening_clean_up(&x->opening);
    buf_clean_up(&x->changes);
    findings_clean_up(&x->f);
}

static void expect_findings(enum kind kind, const char *body, const char *findings)
{
    struct fixture x;
    enum status status = parse(&x, kind, body);
    if (status != STATUS_INVALID_REQUEST || x.err.code != status)
        fail_msg("%.200s: status %d", body, (int)status);
    assert_slice(buf_slice(&x.f.json), findings);
    end(&x);
}

static void an_opening_says_who_and_where_from(void **state)
{
    (void)state;
    struct fixture x;
    char id[UUID_TEXT_SIZE];
    assert_int_equal(parse(&x, OPENING, "{\"customer_id\":\"" ID "\",\"from\":\"Z\xc3\xbcrich\",\"cookie\":true,"
                                        "\"attributes\":{\"a\":\"x\\u0022\",\"b\":false,\"n\":-1,\"z\":null}}"),
                     STATUS_OK);
    uuid_format(&x.opening.customer, id);
    assert_string_equal(id, ID);
    assert_true(x.opening.cookie);
    assert_slice(buf_slice(&x.opening.from), "Z\xc3\xbcrich");
    static const char attributes[] = "\0\003\"a\"\0\005\"x\\\"\"\0\003\"b\"\0\005false\0\003\"n\"\0\002-1";
    assert_int_equal(x.opening.attributes.len, sizeof attributes - 1);
    assert_memory_equal(x.opening.attributes.data, attributes, sizeof attributes - 1);
    end(&x);
    assert_int_equal(parse(&x, OPENING, "{\"customer_id\":\"" ID "\"}"), STATUS_OK);
    assert_false(x.opening.cookie);
    assert_int_equal(x.opening.from.len + x.opening.attributes.len, 0);
    end(&x);
}

static void all_that_is_wrong_with_an_opening_is_told(void **state)
{
    (void)state;
    expect_findings(OPENING, "[]", FINDING("", "expected an object, got an array"));
    expect_findings(OPENING, "{\"customer\":1,\"from\":\"\",\"cookie\":1,\"attributes\":[]}",
                    FINDING("/customer", "unknown member; did you mean \\\"customer_id\\\"?") ","
                    FINDING("/customer_id", "expected a customer's id as a string") ","
                    FINDING("/attributes", "expected an object, got an array") ","
                    FINDING("/from", "expected a string of 1 to 128 characters, none of them a control character") ","
                    FINDING("/cookie", "expected a boolean"));
    expect_findings(OPENING, "{\"customer_id\":\"" ID "\",\"from\":\"a\\nb\",\"token\":\"x\"}",
                    FINDING("/token", "unknown member") ","
                    FINDING("/from", "expected a string of 1 to 128 characters, none of them a control character"));
}

static void a_patch_keeps_nulls_as_empty_values(void **state)
{
    (void)state;
    struct fixture x;
    static const char changes[] = "\0\003\"a\"\0\0\0\003\"b\"\0\001" "7";
    assert_int_equal(parse(&x, PATCH, "{\"attributes\":{\"a\":null,\"b\":7}}"), STATUS_OK);
    assert_int_equal(x.changes.len, sizeof changes - 1);
    assert_memory_equal(x.changes.data, changes, sizeof changes - 1);
    end(&x);
    assert_int_equal(parse(&x, PATCH, "{}"), STATUS_OK);
    assert_int_equal(x.changes.len, 0);
    end(&x);
}

static void attributes_have_bounds(void **state)
{
    (void)state;
    char body[1024];
    char *long_name = repeated("n", SESSION_ATTRIBUTE_NAME_MAX_CHARS + 1);
    char *long_value = repeated("\xc3\xa4", SESSION_ATTRIBUTE_VALUE_MAX_CHARS + 1);
    snprintf(body, sizeof body, "{\"attributes\":{\"%s\":1}}", long_name);
    struct fixture x;
    assert_int_equal(parse(&x, PATCH, body), STATUS_INVALID_REQUEST);
    assert_non_null(strstr(x.f.json.data, "expected a name of 1 to 40 characters, got 41"));
    end(&x);
    snprintf(body, sizeof body, "{\"attributes\":{\"v\":\"%s\"}}", long_value);
    expect_findings(PATCH, body, FINDING("/attributes/v", "expected a string of at most 256 characters, got 257"));
    expect_findings(PATCH, "{\"attributes\":{\"v\":9007199254740992,\"w\":{},\"x\":1.0}}",
                    FINDING("/attributes/v", "expected an integer from -9007199254740991 to 9007199254740991, written without fraction or exponent") ","
                    FINDING("/attributes/w", "expected a string, a boolean or an integer, got an object") ","
                    FINDING("/attributes/x", "expected an integer from -9007199254740991 to 9007199254740991, written without fraction or exponent"));
    free(long_name);
    free(long_value);
}

static void an_item_has_a_quantity_and_a_price(void **state)
{
    (void)state;
    struct fixture x;
    assert_int_equal(parse(&x, ITEM, "{\"quantity\":9999,\"unit_price\":1000000000}"), STATUS_OK);
    assert_int_equal(x.change.quantity, 9999);
    assert_int_equal(x.change.unit_price, 1000000000);
    end(&x);
    expect_findings(ITEM, "{\"quantity\":0,\"unit_price\":1000000001}",
                    FINDING("/quantity", "expected an integer from 1 to 9999") ","
                    FINDING("/unit_price", "expected an integer from 0 to 1000000000"));
    expect_findings(ITEM, "{\"quantity\":99999999999999999999,\"unit_price\":-1}",
                    FINDING("/quantity", "expected an integer from 1 to 9999") ","
                    FINDING("/unit_price", "expected an integer from 0 to 1000000000"));
    assert_int_equal(parse(&x, ITEM, "{\"quantity\":1"), STATUS_MALFORMED_JSON);
    assert_int_equal(x.f.line, 1);
    end(&x);
}

static void an_sku_needs_no_escaping(void **state)
{
    (void)state;
    const char *const good[] = { "A", "0", "a.b_c~d-9", "Zz" };
    const char *const bad[] = { "", ".", "..", "-a", "_a", "a b", "a/b", "a%2F", "\xc3\xa4", "a+", "a:b" };
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(cart_sku_is_valid(slice_cstr(good[i])));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(cart_sku_is_valid(slice_cstr(bad[i])));
    char *longest = repeated("s", CART_SKU_MAX_CHARS + 1);
    assert_true(cart_sku_is_valid(slice_of(longest, CART_SKU_MAX_CHARS)));
    assert_false(cart_sku_is_valid(slice_of(longest, CART_SKU_MAX_CHARS + 1)));
    assert_false(cart_sku_is_valid(slice_of("a\0b", 3)));
    free(longest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_opening_says_who_and_where_from),
        cmocka_unit_test(all_that_is_wrong_with_an_opening_is_told),
        cmocka_unit_test(a_patch_keeps_nulls_as_empty_values),
        cmocka_unit_test(attributes_have_bounds),
        cmocka_unit_test(an_item_has_a_quantity_and_a_price),
        cmocka_unit_test(an_sku_needs_no_escaping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
