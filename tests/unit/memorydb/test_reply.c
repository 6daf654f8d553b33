#include "reply_parser.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>

static struct reply *parse(struct reply_parser *p, const char *text)
{
    struct reply *r = reply_parse(p, slice_cstr(text));
    assert_non_null(r);
    return r;
}

static void every_type_reads_as_itself(void **state)
{
    struct reply_parser *p = *state;
    const struct {
        const char *bytes;
        enum reply_type type;
        const char *text;
        int64_t integer;
    } rows[] = {
        { "+OK\r\n", REPLY_STATUS, "OK", 0 },
        { "-ERR x\r\n", REPLY_ERROR, "ERR x", 0 },
        { "$2\r\nab\r\n", REPLY_STRING, "ab", 0 },
        { "$0\r\n\r\n", REPLY_STRING, "", 0 },
        { "$-1\r\n", REPLY_NIL, "", 0 },
        { "*-1\r\n", REPLY_NIL, "", 0 },
        { ":-42\r\n", REPLY_INTEGER, "", -42 },
        { ":9223372036854775807\r\n", REPLY_INTEGER, "", INT64_MAX },
        { "*0\r\n", REPLY_ARRAY, "", 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct reply *r = parse(p, rows[i].bytes);
        assert_int_equal(reply_type(r), rows[i].type);
        assert_true(slice_is(reply_text(r), rows[i].text));
        assert_int_equal(reply_integer(r), rows[i].integer);
        assert_int_equal(reply_count(r), 0);
        reply_free(r);
    }
}

static void strings_keep_their_nuls(void **state)
{
    struct reply_parser *p = *state;
    struct reply *r = reply_parse(p, slice_of("$3\r\na\0b\r\n", 9));
    assert_non_null(r);
    assert_true(slice_equal(reply_text(r), slice_of("a\0b", 3)));
    reply_free(r);
}

static void arrays_are_read_by_index_and_end_in_nil(void **state)
{
    struct reply_parser *p = *state;
    struct reply *r = parse(p, "*3\r\n:1\r\n*1\r\n$1\r\nx\r\n$-1\r\n");
    assert_int_equal(reply_count(r), 3);
    assert_int_equal(reply_integer(reply_at(r, 0)), 1);
    assert_true(slice_is(reply_text(reply_at(reply_at(r, 1), 0)), "x"));
    assert_int_equal(reply_type(reply_at(r, 2)), REPLY_NIL);
    assert_int_equal(reply_type(reply_at(r, 3)), REPLY_NIL);
    assert_int_equal(reply_type(reply_at(reply_at(r, 0), 0)), REPLY_NIL);
    reply_free(r);
}

static void an_array_of_strings_reads_like_any_other(void **state)
{
    struct reply_parser *p = *state;
    struct reply *r = parse(p, "*4\r\n$1\r\na\r\n$-1\r\n$12\r\n\r\nwith lines\r\n$0\r\n\r\n");
    assert_int_equal(reply_count(r), 4);
    assert_true(slice_is(reply_text(reply_at(r, 0)), "a"));
    assert_int_equal(reply_type(reply_at(r, 1)), REPLY_NIL);
    assert_true(slice_is(reply_text(reply_at(r, 2)), "\r\nwith lines"));
    assert_true(slice_is(reply_text(reply_at(r, 3)), ""));
    assert_int_equal(reply_type(reply_at(r, 3)), REPLY_STRING);
    assert_int_equal(reply_type(reply_at(r, 4)), REPLY_NIL);
    reply_free(r);
}

/* Each part of it is a copy of its own size, so that a look behind it shows under AddressSanitizer. */
static void no_part_of_an_array_of_strings_is_a_reply(void **state)
{
    static const char whole[] = "*3\r\n$1\r\na\r\n$-1\r\n$10\r\n0123456789\r\n";
    struct reply_parser *p = *state;
    for (size_t len = 1; len < sizeof whole - 1; len++) {
        char *part = malloc(len);
        assert_non_null(part);
        memcpy(part, whole, len);
        assert_null(reply_parse(p, slice_of(part, len)));
        free(part);
    }
    reply_free(parse(p, whole));
}

static void strings_that_are_no_strings_are_refused(void **state)
{
    struct reply_parser *p = *state;
    static const char *const wrong[] = { "$x\r\n",       "$\r\n\r\n",      "$-2\r\n",    "$1x\r\na\r\n", "*1\r\n$-3\r\n",
                                         "*1x\r\n$1\r\na\r\n", "*1\r\n#1\r\na\r\n", "*99999999\r\n", "$9999999999\r\na\r\n" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_null(reply_parse(p, slice_cstr(wrong[i])));
    reply_free(parse(p, "$1\r\na\r\n"));
}

static void half_a_reply_and_garbage_do_not_spoil_the_next(void **state)
{
    struct reply_parser *p = *state;
    assert_null(reply_parse(p, slice_cstr("$5\r\nab")));
    assert_null(reply_parse(p, slice_cstr("garbage\r\n")));
    struct reply *r = parse(p, "+OK\r\n");
    assert_true(slice_is(reply_text(r), "OK"));
    reply_free(r);
}

static int make_parser(void **state)
{
    *state = reply_parser_new();
    return *state == NULL;
}

static int free_parser(void **state)
{
    reply_parser_destroy(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_reads_as_itself),
        cmocka_unit_test(strings_keep_their_nuls),
        cmocka_unit_test(arrays_are_read_by_index_and_end_in_nil),
        cmocka_unit_test(an_array_of_strings_reads_like_any_other),
        cmocka_unit_test(no_part_of_an_array_of_strings_is_a_reply),
        cmocka_unit_test(strings_that_are_no_strings_are_refused),
        cmocka_unit_test(half_a_reply_and_garbage_do_not_spoil_the_next),
    };
    return cmocka_run_group_tests(tests, make_parser, free_parser);
}
