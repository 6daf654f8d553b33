#include "parsing.h"

#define BASE                                                                                                            \
    "{\"name\":\"Dan\",\"email\":\"Dan@B.org\",\"phone\":\"12345\",\"address\":\"x\",\"balance\":9007199254740991,"     \
    "\"metadata\":{\"z\":1,\"a\":\"s\",\"m\":true}}"

struct patched {
    enum status status;
    struct customer customer;
    struct findings f;
    struct error err;
};

/* Applies the patch to the base, as it comes back from the store. */
static void apply(struct patched *r, const char *base, const char *text)
{
    struct parsed p;
    struct customer stored;
    struct customer_patch *patch = NULL;
    struct customer_stamp stamp = some_stamp();
    struct buf record = BUF_INIT(CUSTOMER_MAX_BYTES);
    parse(&p, slice_cstr(base), CUSTOMER_CREATE, NULL);
    assert_int_equal(p.status, STATUS_OK);
    customer_encode(&p.customer, &record);
    customer_init(&stored);
    assert_true(customer_decode(buf_slice(&record), &stored));
    customer_init(&r->customer);
    findings_init(&r->f);
    r->status = customer_patch_parse(slice_cstr(text), &stamp.id, &patch, &r->f, &r->err);
    assert_true((r->status == STATUS_OK) == (patch != NULL));
    if (r->status == STATUS_OK)
        r->status = customer_patch_apply(patch, &stored, &r->customer, &r->f, &r->err);
    customer_patch_destroy(patch);
    customer_clean_up(&stored);
    buf_clean_up(&record);
    parsed_end(&p);
}

static void patched_end(struct patched *r)
{
    customer_clean_up(&r->customer);
    findings_clean_up(&r->f);
}

static void expect_patched(const char *patch, const char *members, const char *email_normal)
{
    struct patched r;
    char expected[2048];
    apply(&r, BASE, patch);
    if (r.status != STATUS_OK)
        fail_msg("%s: %s %s", patch, r.err.detail, r.f.json.data == NULL ? "" : r.f.json.data);
    snprintf(expected, sizeof expected, "{\"id\":\"" STAMP_ID "\",%s," STAMP_TIMES ",\"version\":1}", members);
    expect_served(&r.customer, expected);
    assert_slice(buf_slice(&r.customer.email_normal), email_normal);
    patched_end(&r);
}

static void expect_refused(const char *patch, const char *findings)
{
    struct patched r;
    apply(&r, BASE, patch);
    assert_int_equal(r.status, STATUS_INVALID);
    assert_slice(buf_slice(&r.f.json), findings);
    patched_end(&r);
}

static void stated_members_change_and_others_stay(void **state)
{
    (void)state;
    expect_patched("{}",
                   "\"name\":\"Dan\",\"email\":\"Dan@B.org\",\"phone\":\"12345\",\"address\":\"x\","
                   "\"balance\":9007199254740991,\"metadata\":{\"z\":1,\"a\":\"s\",\"m\":true}",
                   "dan@b.org");
    expect_patched("{\"name\":\"E\",\"balance\":-9007199254740991,\"email\":\"C@D.org\"}",
                   "\"name\":\"E\",\"email\":\"C@D.org\",\"phone\":\"12345\",\"address\":\"x\","
                   "\"balance\":-9007199254740991,\"metadata\":{\"z\":1,\"a\":\"s\",\"m\":true}",
                   "c@d.org");
}

static void null_removes(void **state)
{
    (void)state;
    expect_patched("{\"email\":null,\"phone\":null,\"address\":null,\"metadata\":null}",
                   "\"name\":\"Dan\",\"balance\":9007199254740991,\"metadata\":{}", "");
}

static void metadata_merges_by_key(void **state)
{
    (void)state;
    expect_patched("{\"email\":null,\"phone\":null,\"address\":null,\"metadata\":{\"a\":null,\"z\":\"new\",\"k\":2,\"none\":null}}",
                   "\"name\":\"Dan\",\"balance\":9007199254740991,\"metadata\":{\"z\":\"new\",\"m\":true,\"k\":2}", "");
    expect_patched("{\"email\":null,\"phone\":null,\"address\":null,\"metadata\":{\"a\":null,\"z\":null,\"m\":null}}",
                   "\"name\":\"Dan\",\"balance\":9007199254740991,\"metadata\":{}", "");
}

static void server_owned_members_are_ignored(void **state)
{
    (void)state;
    expect_patched("{\"id\":\"" STAMP_ID "\",\"version\":9,\"created_at\":null,\"updated_at\":{},\"email\":null,\"phone\":null,"
                   "\"address\":null,\"metadata\":null}",
                   "\"name\":\"Dan\",\"balance\":9007199254740991,\"metadata\":{}", "");
    expect_refused("{\"id\":\"017f22e2-79b0-7cc3-98c4-dc0c0c073980\"}",
                   FINDING("/id", "expected the id of the path, or none"));
}

static void everything_wrong_is_told_at_once(void **state)
{
    (void)state;
    expect_refused("{\"nam\":1,\"name\":null,\"balance\":null,\"phone\":\"x\",\"metadata\":{\"a\":{\"b\":null}}}",
                   FINDING("/nam", "unknown member; did you mean \\\"name\\\"?") ","
                   FINDING("/name", "expected a string of 1 to 256 characters: every customer has a name") ","
                   FINDING("/phone", "expected a string of 3 to 32 characters, got 1") ","
                   FINDING("/balance", "expected an integer: the balance can't be removed, state 0 to zero it") ","
                   FINDING("/metadata/a", "expected a string, a boolean or an integer, got an object"));
    expect_refused("{\"metadata\":7}", FINDING("/metadata", "expected an object, got a number"));
    expect_refused("{\"balance\":1e3}", FINDING("/balance", "expected an integer from -9007199254740991 to 9007199254740991, "
                                                            "written without fraction or exponent"));
}

static void a_patch_that_is_no_object_is_invalid(void **state)
{
    (void)state;
    expect_refused("[]", FINDING("", "expected an object, got an array"));
    expect_refused("null", FINDING("", "expected an object, got null"));
}

static void repeated_members_are_malformed(void **state)
{
    (void)state;
    struct patched r;
    apply(&r, BASE, "{\"metadata\":{\"a\":1,\"a\":null}}");
    assert_int_equal(r.status, STATUS_MALFORMED_JSON);
    assert_int_equal(r.f.offset, 19);
    patched_end(&r);
}

static void the_whole_is_validated(void **state)
{
    (void)state;
    struct patched r;
    struct buf base = BUF_INIT(1 << 16), patch = BUF_INIT(1 << 16);
    buf_append_cstr(&base, "{\"name\":\"D\",\"metadata\":{\"k\":1");
    buf_append_cstr(&patch, "{\"metadata\":{\"k\":2");
    for (int i = 0; i < 30; i++) {
        buf_appendf(&base, ",\"a%d\":1", i);
        buf_appendf(&patch, ",\"b%d\":1", i);
    }
    buf_append_cstr(&base, "}}");
    buf_append_cstr(&patch, "}}");
    apply(&r, base.data, patch.data);
    assert_int_equal(r.status, STATUS_INVALID);
    assert_slice(buf_slice(&r.f.json), FINDING("/metadata", "expected at most 50 members, got 61"));
    patched_end(&r);
    buf_clean_up(&base);
    buf_clean_up(&patch);
}

static void a_patch_can_be_applied_again(void **state)
{
    (void)state;
    static const char text[] = "{\"metadata\":{\"a\":1,\"z\":null},\"balance\":5}";
    static const char *const bases[] = { "{\"name\":\"A\"}", "{\"name\":\"B\",\"metadata\":{\"z\":1,\"y\":2}}", "{\"name\":\"A\"}" };
    static const char *const metadata[] = { "{\"a\":1}", "{\"y\":2,\"a\":1}", "{\"a\":1}" };
    struct customer_patch *patch = NULL;
    struct findings f;
    struct error err;
    struct customer out;
    findings_init(&f);
    customer_init(&out);
    assert_int_equal(customer_patch_parse(slice_cstr(text), NULL, &patch, &f, &err), STATUS_OK);
    for (size_t i = 0; i < 3; i++) {
        struct parsed p;
        parse(&p, slice_cstr(bases[i]), CUSTOMER_CREATE, NULL);
        assert_int_equal(customer_patch_apply(patch, &p.customer, &out, &f, &err), STATUS_OK);
        assert_slice(out.json[CUSTOMER_METADATA], metadata[i]);
        parsed_end(&p);
    }
    customer_patch_destroy(patch);
    customer_clean_up(&out);
    findings_clean_up(&f);
}

static void a_damaged_base_is_told(void **state)
{
    (void)state;
    struct customer base, out;
    struct customer_patch *patch = NULL;
    struct findings f;
    struct error err;
    findings_init(&f);
    customer_init(&base);
    customer_init(&out);
    base.json[CUSTOMER_NAME] = slice_cstr("\"D");
    assert_int_equal(customer_patch_parse(slice_cstr("{}"), NULL, &patch, &f, &err), STATUS_OK);
    assert_int_equal(customer_patch_apply(patch, &base, &out, &f, &err), STATUS_RECORD_DAMAGED);
    customer_patch_destroy(patch);
    customer_patch_destroy(NULL);
    findings_clean_up(&f);
}

static void canonical(const char *text, struct buf *out)
{
    struct customer_patch *patch = NULL;
    struct findings f;
    struct error err;
    findings_init(&f);
    assert_int_equal(customer_patch_parse(slice_cstr(text), NULL, &patch, &f, &err), STATUS_OK);
    customer_patch_canonical(patch, out);
    assert_true(buf_ok(out));
    customer_patch_destroy(patch);
    findings_clean_up(&f);
}

static void the_canonical_form_is_sorted_and_keeps_nulls(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(4096);
    canonical(" { \"phone\" : null, \"id\":\"x\", \"metadata\": {\"b\":null,\"a\":\"\\u00e9\"}, \"balance\" : 5, \"version\":1e5 } ", &out);
    assert_slice(buf_slice(&out), "{\"balance\":5,\"metadata\":{\"a\":\"\xC3\xA9\",\"b\":null},\"phone\":null}");
    buf_clean_up(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stated_members_change_and_others_stay),
        cmocka_unit_test(null_removes),
        cmocka_unit_test(metadata_merges_by_key),
        cmocka_unit_test(server_owned_members_are_ignored),
        cmocka_unit_test(everything_wrong_is_told_at_once),
        cmocka_unit_test(a_patch_that_is_no_object_is_invalid),
        cmocka_unit_test(repeated_members_are_malformed),
        cmocka_unit_test(the_whole_is_validated),
        cmocka_unit_test(a_patch_can_be_applied_again),
        cmocka_unit_test(a_damaged_base_is_told),
        cmocka_unit_test(the_canonical_form_is_sorted_and_keeps_nulls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
