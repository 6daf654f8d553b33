#include "customer_members.h"

#include "parsing.h"

#define EURO "\xE2\x82\xAC"
#define INTEGER_RANGE "expected an integer from -9007199254740991 to 9007199254740991, written without fraction or exponent"

/* Whether {"name":"D", <member>} is a customer, and with which single finding if not. */
static void expect_member(const char *member, const char *finding)
{
    struct parsed p;
    struct buf body = BUF_INIT(1 << 20);
    buf_appendf(&body, "{\"name\":\"D\",%s}", member);
    parse(&p, buf_slice(&body), CUSTOMER_CREATE, NULL);
    const char *got = p.f.json.data == NULL ? "" : p.f.json.data;
    if (p.status != (finding[0] == '\0' ? STATUS_OK : STATUS_INVALID) || strcmp(got, finding) != 0)
        fail_msg("%.200s: status %d, findings %s", member, (int)p.status, got);
    parsed_end(&p);
    buf_clean_up(&body);
}

/* As expect_member, for a string of n units. */
static void expect_long(const char *before, const char *unit, size_t n, const char *after, const char *finding)
{
    struct buf member = BUF_INIT(1 << 20);
    char *text = repeated(unit, n);
    buf_appendf(&member, "%s%s%s", before, text, after);
    expect_member(member.data, finding);
    free(text);
    buf_clean_up(&member);
}

static void expect_name(const char *unit, size_t n, const char *finding)
{
    struct parsed p;
    struct buf body = BUF_INIT(1 << 20);
    char *text = repeated(unit, n);
    buf_appendf(&body, "{\"name\":\"%s\"}", text);
    parse(&p, buf_slice(&body), CUSTOMER_CREATE, NULL);
    assert_int_equal(p.status, finding[0] == '\0' ? STATUS_OK : STATUS_INVALID);
    assert_slice(buf_slice(&p.f.json), finding);
    parsed_end(&p);
    free(text);
    buf_clean_up(&body);
}

static void a_name_has_1_to_256_code_points(void **state)
{
    (void)state;
    expect_name(EURO, 1, "");
    expect_name(EURO, 256, "");
    expect_name("\\ud83d\\ude00", 256, "");
    expect_name(EURO, 257, FINDING("/name", "expected a string of 1 to 256 characters, got 257"));
    expect_name("", 1, FINDING("/name", "expected a string of 1 to 256 characters, got 0"));
    expect_findings("{\"name\":7}", CUSTOMER_CREATE, NULL, FINDING("/name", "expected a string, got a number"));
    expect_findings("{\"name\":null}", CUSTOMER_CREATE, NULL,
                    FINDING("/name", "expected a string of 1 to 256 characters: every customer has a name"));
}

static void a_name_has_no_control_characters(void **state)
{
    (void)state;
    static const char *const controls[] = { "\\u0000", "\\n", "\\t", "\\u001f", "\x7F", "\\u0080", "\xC2\x9F" };
    for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++)
        expect_name(controls[i], 1, FINDING("/name", "expected no control characters (U+0000 to U+001F, U+007F to U+009F)"));
    expect_name("\xC2\xA0 \\u2028", 1, "");
}

static void a_phone_has_its_characters_and_digits(void **state)
{
    (void)state;
    expect_member("\"phone\":\"+1 (555).21-06\"", "");
    expect_member("\"phone\":\"112\"", "");
    expect_long("\"phone\":\"", "1", 32, "\"", "");
    expect_long("\"phone\":\"", "1", 33, "\"", FINDING("/phone", "expected a string of 3 to 32 characters, got 33"));
    expect_member("\"phone\":\"12\"", FINDING("/phone", "expected a string of 3 to 32 characters, got 2"));
    expect_member("\"phone\":\"\"", FINDING("/phone", "expected a string of 3 to 32 characters, got 0"));
    expect_member("\"phone\":\"+1-2\"", FINDING("/phone", "expected at least 3 digits"));
    expect_member("\"phone\":\"555-CALL\"", FINDING("/phone", "expected only digits, spaces and + - ( ) ."));
    expect_member("\"phone\":\"555\\u0000\"", FINDING("/phone", "expected only digits, spaces and + - ( ) ."));
    expect_member("\"phone\":\"\xD9\xA1\xD9\xA2\xD9\xA3\"", FINDING("/phone", "expected only digits, spaces and + - ( ) .")
                                                          "," FINDING("/phone", "expected at least 3 digits"));
}

static void an_address_has_line_breaks_and_1024_code_points(void **state)
{
    (void)state;
    expect_member("\"address\":\"\"", "");
    expect_member("\"address\":\"1 Street\\r\\n\\tLondon\\n\"", "");
    expect_long("\"address\":\"", EURO, 1024, "\"", "");
    expect_long("\"address\":\"", EURO, 1025, "\"", FINDING("/address", "expected a string of 0 to 1024 characters, got 1025"));
    expect_member("\"address\":\"a\\u0000\"",
                  FINDING("/address", "expected no control characters other than line breaks and tabs"));
    expect_member("\"address\":\"a\\u001bb\"",
                  FINDING("/address", "expected no control characters other than line breaks and tabs"));
}

static void a_balance_is_an_integer_within_53_bits(void **state)
{
    (void)state;
    expect_member("\"balance\":9007199254740991", "");
    expect_member("\"balance\":-9007199254740991", "");
    expect_member("\"balance\":-0", "");
    static const char *const wrong[] = { "9007199254740992",    "-9007199254740992", "9223372036854775808",
                                         "-9223372036854775809", "1.0",              "1e3",
                                         "1E400",                "0.0",              "100000000000000000000000000000" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char member[64];
        snprintf(member, sizeof member, "\"balance\":%s", wrong[i]);
        expect_member(member, FINDING("/balance", INTEGER_RANGE));
    }
    expect_member("\"balance\":\"1\"", FINDING("/balance", "expected an integer, got a string"));
    expect_member("\"balance\":true", FINDING("/balance", "expected an integer, got a boolean"));
}

static void an_email_follows_its_rules(void **state)
{
    (void)state;
    expect_member("\"email\":\"\"", FINDING("/email", "expected an e-mail address, not an empty string"));
    expect_member("\"email\":\"a@b\\u0000c\"", FINDING("/email", "expected an e-mail address without control characters"));
    expect_member("\"email\":{}", FINDING("/email", "expected a string, got an object"));
}

static void metadata_values_have_their_types(void **state)
{
    (void)state;
    expect_member("\"metadata\":{\"s\":\"\\n\",\"t\":true,\"f\":false,\"i\":-9007199254740991,\"n\":null,\"empty\":\"\"}", "");
    expect_member("\"metadata\":[]", FINDING("/metadata", "expected an object, got an array"));
    expect_member("\"metadata\":{\"a\":[],\"b\":{\"c\":null},\"d\":1.5,\"e\":9007199254740992,\"f\":1}",
                  FINDING("/metadata/a", "expected a string, a boolean or an integer, got an array") ","
                  FINDING("/metadata/b", "expected a string, a boolean or an integer, got an object") ","
                  FINDING("/metadata/d", INTEGER_RANGE) "," FINDING("/metadata/e", INTEGER_RANGE));
    expect_member("\"metadata\":{\"~/\":\"\\u0000\"}", FINDING("/metadata/~0~1", "expected a string without U+0000"));
}

static void metadata_lengths_are_bounded(void **state)
{
    (void)state;
    expect_long("\"metadata\":{\"k\":\"", EURO, 500, "\"}", "");
    expect_long("\"metadata\":{\"k\":\"", EURO, 501, "\"}",
                FINDING("/metadata/k", "expected a string of at most 500 characters, got 501"));
    expect_long("\"metadata\":{\"", EURO, 40, "\":1}", "");
    expect_long("\"metadata\":{\"", "k", 41, "\":1}",
                FINDING("/metadata/kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk", "expected a key of 1 to 40 characters, got 41"));
    expect_member("\"metadata\":{\"\":1}", FINDING("/metadata/", "expected a key of 1 to 40 characters, got 0"));
}

static void metadata_has_50_members_once_nulls_are_gone(void **state)
{
    (void)state;
    struct buf member = BUF_INIT(1 << 16);
    buf_append_cstr(&member, "\"metadata\":{\"gone\":null");
    for (int i = 0; i < 50; i++)
        buf_appendf(&member, ",\"k%d\":%d", i, i);
    size_t len = member.len;
    buf_append_byte(&member, '}');
    expect_member(member.data, "");
    member.len = len;
    buf_append_cstr(&member, ",\"more\":true}");
    expect_member(member.data, FINDING("/metadata", "expected at most 50 members, got 51"));
    buf_clean_up(&member);
}

static void a_flood_of_findings_is_counted(void **state)
{
    (void)state;
    struct parsed p;
    struct buf body = BUF_INIT(16 << 20);
    buf_append_cstr(&body, "{\"name\":\"D\",\"metadata\":{\"a\":1");
    for (int i = 0; i < 100000; i++)
        buf_appendf(&body, ",\"%d\":[]", i);
    buf_append_cstr(&body, "}}");
    parse(&p, buf_slice(&body), CUSTOMER_CREATE, NULL);
    assert_int_equal(p.status, STATUS_INVALID);
    assert_int_equal(p.f.count, 100001);
    assert_string_equal(p.err.detail, "100001 findings: `errors` lists the first 64");
    parsed_end(&p);
    buf_clean_up(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_has_1_to_256_code_points),
        cmocka_unit_test(a_name_has_no_control_characters),
        cmocka_unit_test(a_phone_has_its_characters_and_digits),
        cmocka_unit_test(an_address_has_line_breaks_and_1024_code_points),
        cmocka_unit_test(a_balance_is_an_integer_within_53_bits),
        cmocka_unit_test(an_email_follows_its_rules),
        cmocka_unit_test(metadata_values_have_their_types),
        cmocka_unit_test(metadata_lengths_are_bounded),
        cmocka_unit_test(metadata_has_50_members_once_nulls_are_gone),
        cmocka_unit_test(a_flood_of_findings_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
