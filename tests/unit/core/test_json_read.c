#include "customerd/core/json_read.h"

#include "unit.h"

struct read {
    enum status status;
    json_t *tree;
    struct findings f;
    struct error err;
};

static void read_text(struct read *r, const char *text, size_t len)
{
    char *copy = exact_copy(text, len);
    *r = (struct read){ .tree = NULL };
    findings_init(&r->f);
    r->status = json_read_object(slice_of(copy, len), &r->tree, &r->f, &r->err);
    assert_true((r->status == STATUS_OK) == (r->tree != NULL));
    assert_true(r->status == STATUS_OK || r->err.code == r->status);
    free(copy);
}

static void read_end(struct read *r)
{
    json_decref(r->tree);
    findings_clean_up(&r->f);
}

static void expect_malformed(const char *text, int line, int column, size_t offset, const char *words)
{
    struct read r;
    read_text(&r, text, strlen(text));
    if (r.status != STATUS_MALFORMED_JSON || r.f.line != line || r.f.column != column || r.f.offset != offset ||
        strstr(r.err.detail, words) == NULL)
        fail_msg("%s: line %d, column %d, offset %zu: %s", text, r.f.line, r.f.column, r.f.offset, r.err.detail);
    assert_int_equal(r.f.count, 0);
    read_end(&r);
}

static void malformed_json_says_where_and_why(void **state)
{
    (void)state;
    expect_malformed("{\n  \"name\": \"\xC3\xA9\" x}", 2, 15, 17, "line 2, column 15 (byte 17): expected ',' or '}'");
    expect_malformed("", 1, 1, 0, "expected a value, found the end of the body");
    expect_malformed("{\"a\":1,}", 1, 8, 7, "expected a member's name in quotes, found '}'");
}

static void values_are_never_repeated(void **state)
{
    (void)state;
    struct read r;
    static const char text[] = "{\"name\": secret}";
    read_text(&r, text, sizeof text - 1);
    assert_null(strstr(r.err.detail, "secret"));
    read_end(&r);
}

static void repeated_names_are_refused_where_they_stand(void **state)
{
    (void)state;
    expect_malformed("{\"a\":1,\n\"a\":2}", 2, 1, 8, "duplicate member");
    expect_malformed("{\"a\":1, \"\\u0061\" :2}", 1, 9, 8, "duplicate member");
    expect_malformed("{\"q\\\"\":1,\"q\\\"\":2}", 1, 10, 9, "duplicate member");
    expect_malformed("{\"\":1,\"\":2}", 1, 7, 6, "duplicate member");
    expect_malformed("{\"m\":{\"k\":1,\"k\":1}}", 1, 13, 12, "duplicate member");
}

static void expect_invalid(const char *text, const char *findings)
{
    struct read r;
    read_text(&r, text, strlen(text));
    assert_int_equal(r.status, STATUS_INVALID);
    assert_slice(buf_slice(&r.f.json), findings);
    assert_int_equal(r.f.line, 0);
    read_end(&r);
}

static void a_value_that_is_no_object_is_invalid(void **state)
{
    (void)state;
    expect_invalid("[]", "{\"pointer\":\"\",\"detail\":\"expected an object, got an array\"}");
    expect_invalid("null", "{\"pointer\":\"\",\"detail\":\"expected an object, got null\"}");
    expect_invalid("\"{}\"", "{\"pointer\":\"\",\"detail\":\"expected an object, got a string\"}");
    expect_invalid("1e999", "{\"pointer\":\"\",\"detail\":\"expected an object, got a number\"}");
    expect_invalid("false", "{\"pointer\":\"\",\"detail\":\"expected an object, got a boolean\"}");
    expect_invalid("{\"\\u0000\":1}", "{\"pointer\":\"\",\"detail\":\"expected member names without U+0000\"}");
}

static void numbers_of_any_size_are_read(void **state)
{
    (void)state;
    struct read r;
    static const char text[] = "{\"a\":9223372036854775808,\"b\":1e999,\"c\":9007199254740991,\"d\":\"x\\u0000y\"}";
    read_text(&r, text, sizeof text - 1);
    assert_int_equal(r.status, STATUS_OK);
    assert_true(json_is_real(json_object_get(r.tree, "a")));
    assert_true(json_is_real(json_object_get(r.tree, "b")));
    assert_true(json_integer_value(json_object_get(r.tree, "c")) == INT64_C(9007199254740991));
    assert_int_equal(json_text(json_object_get(r.tree, "d")).len, 3);
    read_end(&r);
}

static void a_million_elements_are_read(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(16 << 20);
    struct read r;
    buf_append_cstr(&text, "{\"a\":[0");
    for (int i = 0; i < 1000000; i++)
        buf_append_cstr(&text, ",0");
    buf_append_cstr(&text, "]}");
    read_text(&r, text.data, text.len);
    assert_int_equal(r.status, STATUS_OK);
    read_end(&r);
    buf_clear(&text);
    for (int i = 0; i < 300000; i++)
        buf_appendf(&text, "%c\"%d\":0", i == 0 ? '{' : ',', i);
    buf_append_cstr(&text, ",\"7\":0}");
    read_text(&r, text.data, text.len);
    assert_int_equal(r.status, STATUS_MALFORMED_JSON);
    assert_int_equal(r.f.offset, text.len - strlen("\"7\":0}"));
    read_end(&r);
    buf_clean_up(&text);
}

static void each_truncation_is_malformed(void **state)
{
    (void)state;
    static const char whole[] = "{\"name\":\"\\u00e9\xC3\xA9\",\"balance\":-10,\"metadata\":{\"k\":[true]}}";
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        struct read r;
        read_text(&r, whole, len);
        assert_int_equal(r.status, STATUS_MALFORMED_JSON);
        assert_true(r.f.offset <= len);
        read_end(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_json_says_where_and_why),
        cmocka_unit_test(values_are_never_repeated),
        cmocka_unit_test(repeated_names_are_refused_where_they_stand),
        cmocka_unit_test(a_value_that_is_no_object_is_invalid),
        cmocka_unit_test(numbers_of_any_size_are_read),
        cmocka_unit_test(a_million_elements_are_read),
        cmocka_unit_test(each_truncation_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
