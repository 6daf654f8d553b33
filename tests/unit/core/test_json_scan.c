#include "customerd/core/json_scan.h"

#include <jansson.h>

#include "unit.h"

#define DEPTH 32

static struct json_scan_result scan(const char *text, size_t len)
{
    char *copy = exact_copy(text, len);
    struct json_scan_result result = json_scan(copy, len, DEPTH);
    free(copy);
    return result;
}

static void expect_fault(const char *text, size_t offset, const char *expected, const char *found)
{
    struct json_scan_result result = scan(text, strlen(text));
    if (result.well_formed || result.fault.offset != offset || strcmp(result.fault.expected, expected) != 0 ||
        strcmp(result.fault.found, found) != 0)
        fail_msg("%s: got %zu, expected %s, found %s", text, result.fault.offset,
                 result.well_formed ? "(well-formed)" : result.fault.expected, result.fault.found);
}

static void each_fault_has_its_place_and_reason(void **state)
{
    (void)state;
    static const char end[] = "the end of the body";
    expect_fault("", 0, "a value", end);
    expect_fault("  ", 2, "a value", end);
    expect_fault("{", 1, "a member's name in quotes or '}'", end);
    expect_fault("{a:1}", 1, "a member's name in quotes or '}'", "");
    expect_fault("{\"a\" 1}", 5, "':'", "");
    expect_fault("{\"a\":}", 5, "a value", "'}'");
    expect_fault("{\"a\":1,}", 7, "a member's name in quotes", "'}'");
    expect_fault("{\"a\":1 \"b\"", 7, "',' or '}'", "'\"'");
    expect_fault("{\"a\":1]", 6, "',' or '}'", "']'");
    expect_fault("[1}", 2, "',' or ']'", "'}'");
    expect_fault("[", 1, "a value or ']'", end);
    expect_fault("[,1]", 1, "a value or ']'", "','");
    expect_fault("[1,]", 3, "a value", "']'");
    expect_fault("{} {}", 3, "nothing after the value", "'{'");
    expect_fault("{}}", 2, "nothing after the value", "'}'");
    expect_fault("nul", 0, "a value", "");
    expect_fault("NaN", 0, "a value", "");
    expect_fault("'a'", 0, "a value", "");
    expect_fault("// no\n{}", 0, "a value", "");
    expect_fault("\xEF\xBB\xBF{}", 0, "no byte order mark", "");
    expect_fault("\xC2\xA0{}", 0, "a value", "");
}

static void numbers_follow_the_grammar(void **state)
{
    (void)state;
    static const char end[] = "the end of the body";
    expect_fault("-", 1, "a digit", end);
    expect_fault("01", 1, "nothing after the value", "");
    expect_fault("1.", 2, "a digit", end);
    expect_fault("1e", 2, "a digit", end);
    expect_fault("1e+", 3, "a digit", end);
    expect_fault("[1.e1]", 3, "a digit", "");
    expect_fault(".5", 0, "a value", "");
    expect_fault("+1", 0, "a value", "");
    expect_fault("0x1", 1, "nothing after the value", "");
    expect_fault("-Infinity", 1, "a digit", "");
}

static void strings_follow_the_grammar(void **state)
{
    (void)state;
    static const char escape[] = "one of \", \\, /, b, f, n, r, t and u after a backslash";
    expect_fault("\"a", 2, "a closing quote", "the end of the body");
    expect_fault("\"\\", 1, escape, "");
    expect_fault("\"\\x\"", 1, escape, "");
    expect_fault("\"\\u12g4\"", 1, "four hexadecimal digits after \\u", "");
    expect_fault("\"\\u12", 1, "four hexadecimal digits after \\u", "");
    expect_fault("\"\\udc00\"", 1, "no lone surrogate escape", "");
    expect_fault("\"\\ud800\"", 1, "a low surrogate after a high one", "");
    expect_fault("\"\\ud800\\u0041\"", 1, "a low surrogate after a high one", "");
    expect_fault("\"a\nb\"", 2, "an escape instead of a control character", "a control character");
    expect_fault("\"a\xC3\x28\"", 2, "valid UTF-8", "");
    expect_fault("\"\xED\xA0\x80\"", 1, "valid UTF-8", "");
    expect_fault("\"\xC0\x80\"", 1, "valid UTF-8", "");
    struct json_scan_result nul = scan("\"a\0\"", 4);
    assert_false(nul.well_formed);
    assert_int_equal(nul.fault.offset, 2);
}

static void json_is_well_formed(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}", "[]", " [ ] ", "0", "-0", "-0.0e-0", "1E+9", "\"\"", "true", "false", "null", "[[],{},[{}]]",
        "{\"a\":1,\"b\":[true,null,\"\\u00e9\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\"],\"\":{}}", "\r\n\t{ \"a\" : 1 }\n",
        "\"\x7F\xC2\x80\xEF\xBF\xBF\xF4\x8F\xBF\xBF\"", "\"\\u0000\"",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct json_scan_result result = scan(texts[i], strlen(texts[i]));
        if (!result.well_formed)
            fail_msg("%s: expected %s at %zu", texts[i], result.fault.expected, result.fault.offset);
        assert_false(result.nul_in_name);
    }
    assert_true(scan("{\"\\u0000\":1}", 12).nul_in_name);
    assert_true(scan("{\"a\":[{\"b\\u0000\":1}]}", 21).nul_in_name);
}

static void nesting_ends_at_the_limit(void **state)
{
    (void)state;
    char *open = repeated("[", 100000);
    char text[2 * DEPTH + 1];
    memset(text, '[', DEPTH);
    memset(text + DEPTH, ']', DEPTH);
    text[2 * DEPTH] = '\0';
    assert_true(scan(text, strlen(text)).well_formed);
    expect_fault(open, DEPTH, "no deeper nesting", "'['");
    char *objects = repeated("{\"a\":", DEPTH + 1);
    expect_fault(objects, (size_t)DEPTH * 5, "no deeper nesting", "'{'");
    free(objects);
    free(open);
}

static void numbers_that_are_no_small_integer_become_fractions(void **state)
{
    (void)state;
    char text[] = "[9007199254740992,123456789012345678,1234567890123456789,-99999999999999999999,1e9,1E999,-1e5,1.0,-0.5,0]";
    static const char expected[] =
        "[9007199254740992,123456789012345678,0.00000000000000000,-0.000000000000000000,0.0,0.000,-0.0,0.0,-0.0,0]";
    assert_int_equal(sizeof text, sizeof expected);
    assert_true(json_scan(text, sizeof text - 1, DEPTH).well_formed);
    assert_string_equal(text, expected);
}

static void each_truncation_ends_in_bounds(void **state)
{
    (void)state;
    static const char whole[] = "{\"a\":[1,-2.5e+3,true,null,\"\\ud83d\\ude00\xF0\x9F\x98\x80\\n\"],\"\\u00e9\":{\"b\":false}}";
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        struct json_scan_result result = scan(whole, len);
        assert_false(result.well_formed);
        assert_true(result.fault.offset <= len);
    }
    assert_true(scan(whole, sizeof whole - 1).well_formed);
}

/* The parser must take what the scan takes, names with U+0000 and repeated names apart. */
static void the_scan_and_the_parser_agree(void **state)
{
    (void)state;
    static const char base[] = "{\"a\":[1,-2.5e+3,true,\"\\ud83d\\ude00\xC3\xA9\\n\"],\"b\":{\"c\":null}}";
    static const char bytes[] = "{}[]:,\"\\0123eE+-.truefalsnbu \n\t\x01\x7F\x80\xC3\xED\xF4\xFF";
    for (size_t at = 0; at < sizeof base - 1; at++) {
        for (size_t k = 0; k < sizeof bytes; k++) {
            char text[sizeof base];
            memcpy(text, base, sizeof base);
            text[at] = bytes[k];
            bool ok = scan(text, sizeof base - 1).well_formed;
            json_t *tree = json_loadb(text, sizeof base - 1, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
            if (ok != (tree != NULL))
                fail_msg("byte %zu as %d: the scan says %d", at, bytes[k], ok);
            json_decref(tree);
        }
    }
}

static void positions_count_lines_and_code_points(void **state)
{
    (void)state;
    struct slice text = slice_cstr("{\n \"\xC3\xA9\xF0\x9F\x98\x80\": x");
    int line, column;
    json_position(text, 0, &line, &column);
    assert_int_equal(line, 1);
    assert_int_equal(column, 1);
    json_position(text, 13, &line, &column);
    assert_int_equal(text.ptr[13], 'x');
    assert_int_equal(line, 2);
    assert_int_equal(column, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_has_its_place_and_reason),
        cmocka_unit_test(numbers_follow_the_grammar),
        cmocka_unit_test(strings_follow_the_grammar),
        cmocka_unit_test(json_is_well_formed),
        cmocka_unit_test(nesting_ends_at_the_limit),
        cmocka_unit_test(numbers_that_are_no_small_integer_become_fractions),
        cmocka_unit_test(each_truncation_ends_in_bounds),
        cmocka_unit_test(the_scan_and_the_parser_agree),
        cmocka_unit_test(positions_count_lines_and_code_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
