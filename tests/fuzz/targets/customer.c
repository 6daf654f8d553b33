/* Bodies: JSON or not is judged as the parser judges it; a customer that is accepted is the same after it was stored, and
 * after it was served and sent back; findings are JSON themselves. The first byte chooses what the body is for. */
#include "fuzz.h"

#include <jansson.h>

#include "customerd/core/json_read.h"
#include "customerd/core/json_scan.h"
#include "customerd/customers/customer.h"

#define OUT_MAX_BYTES ((size_t)4 * CUSTOMER_MAX_BYTES)

static const struct uuid path_id = { { 1, 2, 3, 4, 5, 6, 0x70, 8, 0x80, 10, 11, 12, 13, 14, 15, 16 } };

/* The parser has other limits (nesting), takes U+0000 in names for an error, and skips a NUL behind a number. */
static void check_scan(struct slice body)
{
    json_error_t why;
    char *text = fuzz_copy(body);
    struct json_scan_result scan = json_scan(text, body.len, JSON_DEPTH_MAX);
    /* The scan leaves a text for the parser only when it is well-formed. */
    json_t *parsed = json_loadb(scan.well_formed ? text : body.ptr, body.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    bool too_deep = !scan.well_formed && strcmp(scan.fault.expected, "no deeper nesting") == 0;
    REQUIRE(!scan.well_formed || scan.nul_in_name || parsed != NULL);
    bool nul = body.len > 0 && memchr(body.ptr, '\0', body.len) != NULL;
    REQUIRE(scan.well_formed || too_deep || nul || parsed == NULL);
    if (!scan.well_formed) {
        int line, column;
        json_position(body, scan.fault.offset, &line, &column);
        REQUIRE(scan.fault.offset <= body.len && line >= 1 && column >= 1);
    }
    json_decref(parsed);
    free(text);
}

static void check_findings(const struct findings *f)
{
    struct buf text = BUF_INIT(1u << 20);
    json_error_t why;
    buf_append_byte(&text, '[');
    buf_append(&text, buf_slice(&f->json));
    buf_append_byte(&text, ']');
    REQUIRE(buf_ok(&f->json) && buf_ok(&text));
    json_t *array = json_loadb(text.data, text.len, 0, &why);
    REQUIRE(json_is_array(array));
    REQUIRE(json_array_size(array) == (f->count < FINDINGS_MAX ? f->count : FINDINGS_MAX));
    json_decref(array);
    buf_clean_up(&text);
}

static void check_same(const struct customer *a, const struct customer *b)
{
    for (int m = 0; m < CUSTOMER_MEMBERS; m++)
        REQUIRE(slice_equal(a->json[m], b->json[m]));
}

static void check_stored(const struct customer *c)
{
    struct buf stored = BUF_INIT(OUT_MAX_BYTES);
    struct customer again;
    customer_init(&again);
    customer_encode(c, &stored);
    REQUIRE(buf_ok(&stored) && customer_decode(buf_slice(&stored), &again));
    check_same(c, &again);
    customer_clean_up(&again);
    buf_clean_up(&stored);
}

static void check_served(const struct customer *c)
{
    const struct customer_stamp stamp = { .id = path_id, .created_ms = 1700000000000, .updated_ms = 1700000000001,
                                          .version = UINT64_MAX };
    struct buf served = BUF_INIT(CUSTOMER_MAX_BYTES);
    struct buf before = BUF_INIT(OUT_MAX_BYTES);
    struct buf after = BUF_INIT(OUT_MAX_BYTES);
    struct customer again;
    struct findings f;
    struct error err;
    customer_init(&again);
    findings_init(&f);
    customer_render(&stamp, c, &served);
    REQUIRE(buf_ok(&served));
    REQUIRE(customer_parse(buf_slice(&served), CUSTOMER_REPLACE, &path_id, &again, &f, &err) == STATUS_OK);
    check_same(c, &again);
    REQUIRE(slice_equal(buf_slice(&c->email_normal), buf_slice(&again.email_normal)));
    customer_canonical(c, &before);
    customer_canonical(&again, &after);
    REQUIRE(buf_ok(&before) && slice_equal(buf_slice(&before), buf_slice(&after)));
    customer_clean_up(&again);
    findings_clean_up(&f);
    buf_clean_up(&served);
    buf_clean_up(&before);
    buf_clean_up(&after);
}

static void check_outcome(enum status status, const struct findings *f, const struct error *err)
{
    check_findings(f);
    if (status == STATUS_OK)
        return;
    REQUIRE(status == err->code && (status == STATUS_MALFORMED_JSON || status == STATUS_INVALID));
    REQUIRE((status == STATUS_MALFORMED_JSON) == (f->line > 0));
    REQUIRE((status == STATUS_INVALID) == (f->count > 0));
}

static void check_customer(struct slice body, enum customer_mode mode)
{
    struct customer c;
    struct findings f;
    struct error err;
    customer_init(&c);
    findings_init(&f);
    enum status status = customer_parse(body, mode, &path_id, &c, &f, &err);
    check_outcome(status, &f, &err);
    if (status == STATUS_OK) {
        check_stored(&c);
        check_served(&c);
    }
    customer_clean_up(&c);
    findings_clean_up(&f);
}

static void check_lookup(struct slice body)
{
    struct buf normal = BUF_INIT(1024);
    struct findings f;
    struct error err;
    findings_init(&f);
    check_outcome(customer_lookup_parse(body, &normal, &f, &err), &f, &err);
    findings_clean_up(&f);
    buf_clean_up(&normal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of(data, size);
    uint8_t what = fuzz_byte(&rest);
    char *copy = fuzz_copy(rest);
    struct slice body = slice_of(copy, rest.len);
    check_scan(body);
    if (what % 4 == 3)
        check_lookup(body);
    else
        check_customer(body, what % 4 == 1 ? CUSTOMER_CREATE : CUSTOMER_REPLACE);
    free(copy);
    return 0;
}
