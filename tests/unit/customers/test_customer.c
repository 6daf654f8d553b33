#include "customerd/customers/customer.h"

#include "customerd/customers/email.h"
#include "parsing.h"

static void the_blogs_sample_works_unchanged(void **state)
{
    (void)state;
    expect_members("{\"name\":\"Danilo\",\"address\":\"Somewhere in London\",\"phone\":\"+1-555-2106\","
                   "\"email\":\"danilop@example.net\",\"balance\":1000}",
                   "\"name\":\"Danilo\",\"email\":\"danilop@example.net\",\"phone\":\"+1-555-2106\","
                   "\"address\":\"Somewhere in London\",\"balance\":1000,\"metadata\":{}");
}

static void the_email_is_served_as_given_and_kept_in_normal_form(void **state)
{
    (void)state;
    struct parsed p;
    parse(&p, slice_cstr("{\"name\":\"D\",\"email\":\"DaniloP@M\xC3\x9CNCHEN.de\"}"), CUSTOMER_CREATE, NULL);
    assert_int_equal(p.status, STATUS_OK);
    assert_slice(p.customer.json[CUSTOMER_EMAIL], "\"DaniloP@M\xC3\x9CNCHEN.de\"");
    assert_slice(buf_slice(&p.customer.email_normal), "danilop@xn--mnchen-3ya.de");
    parsed_end(&p);
}

static void null_means_absent(void **state)
{
    (void)state;
    expect_members("{\"name\":\"D\",\"email\":null,\"phone\":null,\"address\":null,\"balance\":null,\"metadata\":null}",
                   "\"name\":\"D\",\"balance\":0,\"metadata\":{}");
    expect_members("{\"name\":\"D\",\"metadata\":{\"a\":null}}", "\"name\":\"D\",\"balance\":0,\"metadata\":{}");
}

static void everything_wrong_is_told_at_once(void **state)
{
    (void)state;
    expect_findings("{\"nmae\":1,\"email\":\"x\",\"phone\":12,\"address\":[],\"balance\":\"1\",\"metadata\":{\"a/b\":{}},"
                    "\"created_at\":5}",
                    CUSTOMER_CREATE, NULL,
                    FINDING("/nmae", "unknown member; expected name, email, phone, address, balance or metadata") ","
                    FINDING("/name", "expected a string of 1 to 256 characters: every customer has a name") ","
                    FINDING("/email", "expected an e-mail address with one @") ","
                    FINDING("/phone", "expected a string, got a number") ","
                    FINDING("/address", "expected a string, got an array") ","
                    FINDING("/balance", "expected an integer, got a string") ","
                    FINDING("/metadata/a~1b", "expected a string, a boolean or an integer, got an object"));
}

static void a_replace_must_state_the_balance(void **state)
{
    (void)state;
    static const char expected[] = FINDING("/balance", "expected an integer: a replace must state the balance, even 0");
    struct customer_stamp stamp = some_stamp();
    expect_findings("{\"name\":\"D\"}", CUSTOMER_REPLACE, &stamp.id, expected);
    expect_findings("{\"name\":\"D\",\"balance\":null}", CUSTOMER_REPLACE, &stamp.id, expected);
    struct parsed p;
    parse(&p, slice_cstr("{\"name\":\"D\",\"balance\":0}"), CUSTOMER_REPLACE, &stamp.id);
    assert_int_equal(p.status, STATUS_OK);
    parsed_end(&p);
}

static void malformed_json_is_told_apart_from_invalid(void **state)
{
    (void)state;
    struct parsed p;
    parse(&p, slice_cstr("{\"name\":}"), CUSTOMER_CREATE, NULL);
    assert_int_equal(p.status, STATUS_MALFORMED_JSON);
    assert_int_equal(p.f.line, 1);
    assert_int_equal(p.f.column, 9);
    assert_int_equal(p.f.offset, 8);
    parsed_end(&p);
    parse(&p, slice_cstr("{\"name\":\"a\",\"name\":\"b\"}"), CUSTOMER_CREATE, NULL);
    assert_int_equal(p.status, STATUS_MALFORMED_JSON);
    assert_non_null(strstr(p.err.detail, "duplicate member"));
    parsed_end(&p);
    expect_findings("[]", CUSTOMER_CREATE, NULL, FINDING("", "expected an object, got an array"));
}

static void no_truncation_is_taken_for_a_customer(void **state)
{
    (void)state;
    static const char whole[] = "{\"name\":\"J\xC3\xBC\\ud83d\\ude00\",\"email\":\"a@m\xC3\xBC.de\",\"phone\":\"+49 (0)1\","
                                "\"address\":\"a\\nb\",\"balance\":-9007199254740991,\"metadata\":{\"k\":true}}";
    struct parsed p;
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        parse(&p, slice_of(whole, len), CUSTOMER_CREATE, NULL);
        assert_int_equal(p.status, STATUS_MALFORMED_JSON);
        parsed_end(&p);
    }
    parse(&p, slice_of(whole, sizeof whole - 1), CUSTOMER_CREATE, NULL);
    assert_int_equal(p.status, STATUS_OK);
    parsed_end(&p);
}

static void no_changed_byte_breaks_the_parser(void **state)
{
    (void)state;
    static const char whole[] = "{\"name\":\"J\xC3\xBC\\u00e9\",\"email\":\"a@m\xC3\xBC.de\",\"balance\":-90,"
                                "\"metadata\":{\"k\":[1e5]}}";
    for (size_t at = 0; at < sizeof whole - 1; at++) {
        for (int byte = 0; byte < 256; byte++) {
            char text[sizeof whole];
            struct parsed p;
            memcpy(text, whole, sizeof whole);
            text[at] = (char)byte;
            parse(&p, slice_of(text, sizeof whole - 1), CUSTOMER_CREATE, NULL);
            assert_int_not_equal(p.status, STATUS_INTERNAL);
            parsed_end(&p);
        }
    }
}

static void a_customer_can_be_filled_again(void **state)
{
    (void)state;
    struct parsed p;
    parse(&p, slice_cstr("{\"name\":\"first\",\"email\":\"a@b\",\"phone\":\"1234\"}"), CUSTOMER_CREATE, NULL);
    assert_int_equal(p.status, STATUS_OK);
    assert_int_equal(customer_parse(slice_cstr("{\"name\":\"second\"}"), CUSTOMER_CREATE, NULL, &p.customer, &p.f, &p.err),
                     STATUS_OK);
    assert_int_equal(p.customer.email_normal.len, 0);
    expect_served(&p.customer, "{\"id\":\"" STAMP_ID "\",\"name\":\"second\",\"balance\":0,\"metadata\":{}," STAMP_TIMES
                               ",\"version\":1}");
    parsed_end(&p);
}

static void expect_lookup(const char *body, enum status status, const char *expected)
{
    struct buf normal = BUF_INIT(EMAIL_NORMAL_MAX_BYTES);
    struct findings f;
    struct error err;
    findings_init(&f);
    assert_int_equal(customer_lookup_parse(slice_cstr(body), &normal, &f, &err), status);
    assert_slice(status == STATUS_OK ? buf_slice(&normal) : buf_slice(&f.json), expected);
    findings_clean_up(&f);
    buf_clean_up(&normal);
}

static void a_lookup_holds_an_email_alone(void **state)
{
    (void)state;
    expect_lookup("{\"email\":\"A@B.org\"}", STATUS_OK, "a@b.org");
    expect_lookup("{\"email\":\"A@B@C\"}", STATUS_INVALID, FINDING("/email", "expected an e-mail address with one @"));
    expect_lookup("{\"email\":null}", STATUS_INVALID, FINDING("/email", "expected an e-mail address as a string"));
    expect_lookup("{\"x\":1}", STATUS_INVALID,
                  FINDING("/x", "unknown member; expected \\\"email\\\" alone") ","
                  FINDING("/email", "expected an e-mail address as a string"));
    expect_lookup("{", STATUS_MALFORMED_JSON, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_blogs_sample_works_unchanged),
        cmocka_unit_test(the_email_is_served_as_given_and_kept_in_normal_form),
        cmocka_unit_test(null_means_absent),
        cmocka_unit_test(everything_wrong_is_told_at_once),
        cmocka_unit_test(a_replace_must_state_the_balance),
        cmocka_unit_test(malformed_json_is_told_apart_from_invalid),
        cmocka_unit_test(no_truncation_is_taken_for_a_customer),
        cmocka_unit_test(no_changed_byte_breaks_the_parser),
        cmocka_unit_test(a_customer_can_be_filled_again),
        cmocka_unit_test(a_lookup_holds_an_email_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
