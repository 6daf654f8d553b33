/* What an entry is as bytes, and what is none. */
#include "unit.h"

#include "entry.h"

static struct buf made(enum entry_kind kind, const char *body)
{
    struct buf b = BUF_INIT(4096);
    const struct s3_meta meta = { .length = (int64_t)strlen(body), .fields = { [S3_ETAG] = SLICE("\"e\""), [S3_CACHE_CONTROL] = SLICE("max-age=1"),
                                              [S3_CONTENT_RANGE] = SLICE("bytes 0-1/2") } };
    const struct entry e = { .kind = kind, .life_ms = INT64_C(0x123456789abc), .fresh_ms = 300000 };
    entry_write_head(&e, kind == ENTRY_OBJECT ? &meta : NULL, &b);
    buf_append_cstr(&b, body);
    assert_true(buf_ok(&b));
    return b;
}

static void test_an_object_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct entry e;
    struct buf b = made(ENTRY_OBJECT, "body");
    assert_true(entry_parse(buf_slice(&b), &e));
    assert_int_equal(e.kind, ENTRY_OBJECT);
    assert_true(e.life_ms == INT64_C(0x123456789abc) && e.fresh_ms == 300000);
    assert_true(slice_is(e.meta.fields[S3_ETAG], "\"e\""));
    assert_true(slice_is(e.meta.fields[S3_CACHE_CONTROL], "max-age=1"));
    assert_true(slice_is(e.meta.fields[S3_CONTENT_RANGE], "")); /* of one answer, not of the object */
    assert_true(slice_is(e.meta.fields[S3_CONTENT_TYPE], ""));
    assert_true(slice_is(e.body, "body") && e.meta.length == 4);
    assert_int_equal(e.head.len + e.body.len, b.len);
    buf_clean_up(&b);
}

static void test_the_etag_stands_where_scripts_look_for_it(void **state)
{
    (void)state;
    struct buf b = made(ENTRY_OBJECT, "");
    assert_memory_equal(b.data + 20, "\0\0\3\"e\"", 6);
    buf_clean_up(&b);
}

static void test_others_have_no_fields(void **state)
{
    (void)state;
    struct entry e;
    struct buf b = made(ENTRY_ABSENT, "");
    assert_int_equal(b.len, 20);
    assert_true(entry_parse(buf_slice(&b), &e) && e.kind == ENTRY_ABSENT && e.body.len == 0);
    buf_append_byte(&b, '.');
    assert_false(entry_parse(buf_slice(&b), &e));
    buf_clean_up(&b);
    assert_true(entry_parse(slice_cstr("F0"), &e) && e.kind == ENTRY_FENCE);
}

static void test_what_is_cut_or_of_another_format_is_none(void **state)
{
    (void)state;
    struct entry e;
    struct buf b = made(ENTRY_OBJECT, "a body, whole");
    for (size_t len = 0; len < b.len; len++)
        assert_false(entry_parse(slice_of(b.data, len), &e));
    buf_append_byte(&b, '.');
    assert_false(entry_parse(buf_slice(&b), &e));
    b.len--;
    b.data[1]++;
    assert_false(entry_parse(buf_slice(&b), &e));
    b.data[1]--;
    b.data[20] = '\xff'; /* the end, where the ETag stood */
    assert_false(entry_parse(buf_slice(&b), &e));
    b.data[20] = '\0';
    assert_true(entry_parse(buf_slice(&b), &e));
    b.data[0] = 'X';
    assert_false(entry_parse(buf_slice(&b), &e));
    buf_clean_up(&b);
}

/* As a newer version may write it. */
static void test_a_field_that_is_not_known_is_passed_over(void **state)
{
    (void)state;
    struct entry e;
    struct buf b = made(ENTRY_OBJECT, "body");
    b.len -= 5;
    buf_append(&b, slice_of("\x60\0\2xx\xff" "body", 10));
    assert_true(entry_parse(buf_slice(&b), &e));
    assert_true(slice_is(e.body, "body"));
    buf_clean_up(&b);
}

static void test_what_could_not_stand_in_a_head_is_none(void **state)
{
    (void)state;
    static const char bytes[] = "\r\n\0\x7f\x1b";
    struct entry e;
    struct buf b = made(ENTRY_OBJECT, "body\r\n");
    char *inside = b.data + 24; /* of the ETag "e" */
    assert_int_equal(*inside, 'e');
    for (size_t i = 0; i < sizeof bytes - 1; i++) {
        *inside = bytes[i];
        assert_false(entry_parse(buf_slice(&b), &e));
    }
    *inside = '\t';
    assert_true(entry_parse(buf_slice(&b), &e));
    buf_clean_up(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_object_is_read_as_it_was_written),
        cmocka_unit_test(test_the_etag_stands_where_scripts_look_for_it),
        cmocka_unit_test(test_others_have_no_fields),
        cmocka_unit_test(test_what_is_cut_or_of_another_format_is_none),
        cmocka_unit_test(test_a_field_that_is_not_known_is_passed_over),
        cmocka_unit_test(test_what_could_not_stand_in_a_head_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
