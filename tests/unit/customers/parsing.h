/* Parsing a body in a test, and what came of it. */
#ifndef CUSTOMERD_TESTS_UNIT_CUSTOMERS_PARSING_H
#define CUSTOMERD_TESTS_UNIT_CUSTOMERS_PARSING_H

#include <stdio.h>

#include "customerd/customers/customer.h"
#include "unit.h"

#define STAMP_ID "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
#define STAMP_TIMES "\"created_at\":\"2023-11-14T22:13:20.123Z\",\"updated_at\":\"2023-11-14T22:13:20.124Z\""

struct parsed {
    enum status status;
    struct customer customer;
    struct findings f;
    struct error err;
};

static inline void parse(struct parsed *p, struct slice body, enum customer_mode mode, const struct uuid *id)
{
    char *copy = exact_copy(body.ptr, body.len);
    customer_init(&p->customer);
    findings_init(&p->f);
    p->err = (struct error){ .code = STATUS_OK };
    p->status = customer_parse(slice_of(copy, body.len), mode, id, &p->customer, &p->f, &p->err);
    assert_true(p->status == STATUS_OK || p->err.code == p->status);
    assert_true((p->status == STATUS_INVALID) == (p->f.count > 0));
    free(copy);
}

static inline void parsed_end(struct parsed *p)
{
    customer_clean_up(&p->customer);
    findings_clean_up(&p->f);
}

static inline struct customer_stamp some_stamp(void)
{
    struct customer_stamp stamp = { .created_ms = INT64_C(1700000000123), .updated_ms = INT64_C(1700000000124), .version = 1 };
    assert_true(uuid_parse(slice_cstr(STAMP_ID), &stamp.id));
    return stamp;
}

static inline void expect_served(const struct customer *c, const char *expected)
{
    struct customer_stamp stamp = some_stamp();
    struct buf out = BUF_INIT(CUSTOMER_MAX_BYTES);
    customer_render(&stamp, c, &out);
    assert_true(buf_ok(&out));
    assert_slice(buf_slice(&out), expected);
    buf_clean_up(&out);
}

/* The body is a customer, served with these members between id and created_at. */
static inline void expect_members(const char *body, const char *members)
{
    struct parsed p;
    char expected[8192];
    parse(&p, slice_cstr(body), CUSTOMER_CREATE, NULL);
    if (p.status != STATUS_OK)
        fail_msg("%s: %s %s", body, p.err.detail, p.f.json.data == NULL ? "" : p.f.json.data);
    snprintf(expected, sizeof expected, "{\"id\":\"" STAMP_ID "\",%s," STAMP_TIMES ",\"version\":1}", members);
    expect_served(&p.customer, expected);
    parsed_end(&p);
}

/* The body is invalid, with exactly these findings. */
static inline void expect_findings(const char *body, enum customer_mode mode, const struct uuid *id, const char *findings)
{
    struct parsed p;
    parse(&p, slice_cstr(body), mode, id);
    if (p.status != STATUS_INVALID || p.f.json.len != strlen(findings) || strcmp(p.f.json.data, findings) != 0)
        fail_msg("%.300s: status %d, findings %s", body, (int)p.status, p.f.json.data == NULL ? "" : p.f.json.data);
    parsed_end(&p);
}

#define FINDING(pointer, detail) "{\"pointer\":\"" pointer "\",\"detail\":\"" detail "\"}"

#endif
