#include "customerd/customers/email.h"

#include <idn2.h>
#include <stdio.h>

#include "unit.h"

#define E_ACUTE "\xC3\xA9"
#define COMBINING_ACUTE "\xCC\x81"
#define U_UMLAUT "\xC3\xBC"

/* What the address is turned into, or the reason why not; the caller frees. */
static char *outcome(struct slice text)
{
    struct buf out = BUF_INIT(EMAIL_NORMAL_MAX_BYTES);
    char *copy = exact_copy(text.ptr, text.len);
    const char *reason = email_normalize(slice_of(copy, text.len), &out);
    assert_true(buf_ok(&out));
    if (reason != NULL)
        assert_int_equal(out.len, 0);
    char *result = exact_copy(reason != NULL ? reason : out.data, (reason != NULL ? strlen(reason) : out.len) + 1);
    free(copy);
    buf_clean_up(&out);
    return result;
}

static void expect_text(const char *text, const char *expected)
{
    char *got = outcome(slice_cstr(text));
    if (strcmp(got, expected) != 0)
        fail_msg("%s: got `%s`, expected `%s`", text, got, expected);
    free(got);
}

/* Refused for a reason that holds the words. */
static void expect_refused(struct slice text, const char *words)
{
    char *got = outcome(text);
    if (strstr(got, words) == NULL)
        fail_msg("%.*s: got `%s`, expected the words `%s`", (int)text.len, text.ptr, got, words);
    free(got);
}

static void ascii_letters_become_lower_case(void **state)
{
    (void)state;
    expect_text("DaniloP@Example.NET", "danilop@example.net");
    expect_text("a!#$%&'*+-/=?^_`{|}~b@x.org", "a!#$%&'*+-/=?^_`{|}~b@x.org");
    expect_text("a.b.c@x-y.example", "a.b.c@x-y.example");
    expect_text("a+tag@example.com", "a+tag@example.com");
    expect_text("root@localhost", "root@localhost");
    expect_text("a@1.x2", "a@1.x2");
}

static void equivalent_local_parts_become_one(void **state)
{
    (void)state;
    expect_text("jos" E_ACUTE "@x.org", "jos" E_ACUTE "@x.org");
    expect_text("jose" COMBINING_ACUTE "@x.org", "jos" E_ACUTE "@x.org");
    expect_text("JOSE" COMBINING_ACUTE "@x.org", "jos\xC3\x89@x.org");
    expect_text("JOS\xC3\x89@x.org", "jos\xC3\x89@x.org"); /* letters beyond ASCII keep their case */
    expect_text("\xE2\x84\xAA@x.org", "k@x.org");          /* the Kelvin sign is K in NFC */
    expect_text("H\xCC\xB1@x.org", "\xE1\xBA\x96@x.org");  /* composes only once it is lower case */
}

static void a_normal_form_is_its_own(void **state)
{
    (void)state;
    static const char *const addresses[] = {
        "DaniloP@Example.NET", "JOSE" COMBINING_ACUTE "@M" U_UMLAUT "NCHEN.de", "H\xCC\xB1@stra\xC3\x9F" "e.de",
        "\xE2\x84\xAA@\xE2\x84\xAA.de", "\xE7\x94\xA8\xE6\x88\xB7@\xE4\xBE\x8B\xE5\xAD\x90.\xE5\xB9\xBF\xE5\x91\x8A",
        "a@\xEF\xBD\x81\xEF\xBD\x82.com", "a@\xCF\x82.gr", "\xE0\xA5\x98@x.org", "a@\xC4\xB0.com",
    };
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        char *once = outcome(slice_cstr(addresses[i]));
        assert_non_null(strchr(once, '@'));
        assert_null(strchr(once, ' ')); /* it is no reason */
        expect_text(once, once);
        free(once);
    }
}

static void spellings_of_a_domain_become_one(void **state)
{
    (void)state;
    static const char munich[] = "a@xn--mnchen-3ya.de";
    expect_text("a@m" U_UMLAUT "nchen.de", munich);
    expect_text("a@M\xC3\x9CNCHEN.DE", munich);
    expect_text("a@mu\xCC\x88nchen.de", munich);
    expect_text("a@xn--mnchen-3ya.de", munich);
    expect_text("a@XN--MNCHEN-3YA.de", munich);
    expect_text("a@\xEF\xBD\x81\xEF\xBD\x82.com", "a@ab.com");             /* full-width letters */
    expect_text("a@x\xE3\x80\x82org", "a@x.org");                          /* ideographic full stop */
    expect_text("a@exa\xC2\xADmple.com", "a@example.com");                 /* soft hyphen */
    expect_text("a@\xE4\xBE\x8B\xE5\xAD\x90.\xE5\xB9\xBF\xE5\x91\x8A", "a@xn--fsqu00a.xn--4rr70v");
}

static void sharp_s_and_final_sigma_stay(void **state)
{
    (void)state;
    expect_text("a@stra\xC3\x9F" "e.de", "a@xn--strae-oqa.de");
    expect_text("a@strasse.de", "a@strasse.de");
    expect_text("a@\xCF\x82.gr", "a@xn--3xa.gr");
    expect_text("a@\xCF\x83.gr", "a@xn--4xa.gr");
}

static void one_at_sign_is_needed(void **state)
{
    (void)state;
    expect_refused(slice_cstr(""), "not an empty string");
    expect_refused(slice_cstr("a"), "one @");
    expect_refused(slice_cstr("a@b@c"), "one @");
    expect_refused(slice_cstr("@"), "local part before");
    expect_refused(slice_cstr("@b"), "local part before");
    expect_refused(slice_cstr("a@"), "domain name after");
}

static void local_parts_that_are_no_dot_string_are_refused(void **state)
{
    (void)state;
    static const char dots[] = "dots stand singly";
    static const char characters[] = "unquoted";
    expect_refused(slice_cstr("a..b@x.org"), dots);
    expect_refused(slice_cstr(".a@x.org"), dots);
    expect_refused(slice_cstr("a.@x.org"), dots);
    expect_refused(slice_cstr(".@x.org"), dots);
    expect_refused(slice_cstr("\"a b\"@x.org"), characters);
    expect_refused(slice_cstr("a b@x.org"), characters);
    expect_refused(slice_cstr(" a@x.org"), characters);
    expect_refused(slice_cstr("a,b@x.org"), characters);
    expect_refused(slice_cstr("a(comment)@x.org"), characters);
    expect_refused(slice_cstr("a\\b@x.org"), characters);
    expect_refused(slice_cstr("<a@x.org"), characters);
    expect_refused(slice_cstr("a;b@x.org"), characters);
    expect_refused(slice_cstr("a\xCD\xBE" "b@x.org"), "NFC"); /* U+037E is a semicolon in NFC */
}

static void control_characters_are_refused(void **state)
{
    (void)state;
    static const char controls[] = "control characters";
    expect_refused(slice_cstr("a\r\nBcc: b@x.org"), controls);
    expect_refused(slice_cstr("a\x7F@x.org"), controls);
    expect_refused(slice_cstr("a\xC2\x85@x.org"), controls);
    expect_refused(slice_of("a\0@x.org", 8), controls);
    expect_refused(slice_of("a@x\0.org", 8), controls);
    expect_refused(slice_cstr("a@x.org\n"), controls);
}

static void broken_utf8_is_refused(void **state)
{
    (void)state;
    static const char *const broken[] = { "\xC0\xAF@x.org", "\xED\xA0\x80@x.org", "\xF4\x90\x80\x80@x.org", "\xC3@x.org",
                                          "a@\xFF.org",     "a@x.org\xE2\x82",    "\x80@x.org" };
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        expect_refused(slice_cstr(broken[i]), "UTF-8");
}

static void the_lengths_are_bounded(void **state)
{
    (void)state;
    char text[300];
    char *local = repeated("l", 64);
    char *label = repeated("d", 63);
    snprintf(text, sizeof text, "%s@x.org", local);
    expect_text(text, text);
    snprintf(text, sizeof text, "%sl@x.org", local);
    expect_refused(slice_cstr(text), "at most 64 bytes");
    snprintf(text, sizeof text, "a@%s.org", label);
    expect_text(text, text);
    snprintf(text, sizeof text, "a@%sd.org", label);
    expect_refused(slice_cstr(text), "1 to 63");
    snprintf(text, sizeof text, "a@%sd.\xC3\xBC", label);
    expect_refused(slice_cstr(text), "labels of at most 63");
    /* 2 + 3 * 64 + 60 = 254 */
    snprintf(text, sizeof text, "a@%s.%s.%s.%.60s", label, label, label, label);
    assert_int_equal(strlen(text), 254);
    expect_text(text, text);
    snprintf(text, sizeof text, "a@%s.%s.%s.%.61s", label, label, label, label);
    expect_refused(slice_cstr(text), "at most 254 bytes");
    /* 128 labels of one letter each: short as given, too long in its ASCII form. */
    char *labels = repeated(U_UMLAUT ".", 80);
    snprintf(text, sizeof text, "a@%sde", labels);
    expect_refused(slice_cstr(text), "253 bytes");
    free(labels);
    free(local);
    free(label);
}

static void domains_that_are_no_host_names_are_refused(void **state)
{
    (void)state;
    static const char host[] = "domain name after the @";
    static const char *const wrong[] = {
        "a@x.org.", "a@-x.org", "a@x-.org", "a@.org", "a@x..org", "a@x_y.org", "a@x y.org", "a@[127.0.0.1]", "a@127.0.0.1", "a@x.1", "a@1",
        "a@x.org/", "a@x.org:25", "a@x.org>", "a@(x).org", "a@%78.org",
        "a@\xEF\xBC\x8F.org" /* full-width solidus */, "a@\xEF\xBC\xA0.org" /* full-width @ */, "a@\xC2\xAD.org",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        expect_refused(slice_cstr(wrong[i]), host);
}

static void domains_that_idna_refuses_are_refused(void **state)
{
    (void)state;
    expect_refused(slice_cstr("a@-\xC3\xBC.org"), "UTS 46");
    expect_refused(slice_cstr("a@ab--c.org"), "UTS 46");
    expect_refused(slice_cstr("a@xn--.org"), "UTS 46");
    expect_refused(slice_cstr("a@xn--zzzzzz99999.de"), "UTS 46");
    expect_refused(slice_cstr("a@\xCC\x88" "a.de"), "UTS 46");              /* begins with a combining mark */
    expect_refused(slice_cstr("a@\xCD\xB8.com"), "IDNA 2008");              /* unassigned */
    expect_refused(slice_cstr("a@\xF0\x9F\x98\x80.de"), "IDNA 2008");       /* an emoji */
    expect_refused(slice_cstr("a@a\xE2\x80\x8D" "b.com"), "IDNA 2008");     /* zero-width joiner */
    expect_refused(slice_cstr("a@\xD8\xA7" "a.com"), "mixed direction");
}

/* Short domains over a small alphabet: those that don't go through libidn2 come out as it would have them. */
static void plain_domains_come_out_as_by_libidn2(void **state)
{
    (void)state;
    static const char alphabet[] = "aZ9-.";
    enum { LETTERS = 5, LONGEST = 6 };
    for (size_t n = 1, total = LETTERS; n <= LONGEST; n++, total *= LETTERS) {
        for (size_t k = 0; k < total; k++) {
            char address[LONGEST + 3] = "l@";
            char *ascii = NULL;
            size_t rest = k;
            for (size_t i = 0; i < n; i++, rest /= LETTERS)
                address[2 + i] = alphabet[rest % LETTERS];
            int code = idn2_to_ascii_8z(address + 2, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
            char *got = outcome(slice_cstr(address));
            bool accepted = strncmp(got, "l@", 2) == 0;
            if (accepted && (code != IDN2_OK || strcmp(got + 2, ascii) != 0))
                fail_msg("%s: got %s, libidn2 says %d, %s", address, got, code, ascii == NULL ? "" : ascii);
            free(got);
            idn2_free(ascii);
        }
    }
}

static void no_truncation_reads_too_far(void **state)
{
    (void)state;
    static const char whole[] = "jose" COMBINING_ACUTE "@m" U_UMLAUT "nchen.\xE5\xB9\xBF.example";
    for (size_t len = 0; len < sizeof whole; len++)
        free(outcome(slice_of(whole, len)));
    for (int byte = 0; byte < 256; byte++) {
        const char local[] = { (char)byte, '@', 'x' };
        const char domain[] = { 'x', '@', (char)byte };
        free(outcome(slice_of(local, sizeof local)));
        free(outcome(slice_of(domain, sizeof domain)));
    }
}

static void the_normal_form_is_appended(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(64);
    buf_append_cstr(&out, "before:");
    assert_null(email_normalize(slice_cstr("JOSE" COMBINING_ACUTE "@X.org"), &out));
    assert_slice(buf_slice(&out), "before:jos\xC3\x89@x.org");
    assert_non_null(email_normalize(slice_cstr("a@x..org"), &out));
    assert_slice(buf_slice(&out), "before:jos\xC3\x89@x.org");
    buf_clean_up(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ascii_letters_become_lower_case),
        cmocka_unit_test(equivalent_local_parts_become_one),
        cmocka_unit_test(a_normal_form_is_its_own),
        cmocka_unit_test(spellings_of_a_domain_become_one),
        cmocka_unit_test(sharp_s_and_final_sigma_stay),
        cmocka_unit_test(one_at_sign_is_needed),
        cmocka_unit_test(local_parts_that_are_no_dot_string_are_refused),
        cmocka_unit_test(control_characters_are_refused),
        cmocka_unit_test(broken_utf8_is_refused),
        cmocka_unit_test(the_lengths_are_bounded),
        cmocka_unit_test(domains_that_are_no_host_names_are_refused),
        cmocka_unit_test(domains_that_idna_refuses_are_refused),
        cmocka_unit_test(plain_domains_come_out_as_by_libidn2),
        cmocka_unit_test(no_truncation_reads_too_far),
        cmocka_unit_test(the_normal_form_is_appended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
