#include "customerd/api/customers_http.h"

#include "customerd/api/preconditions.h"
#include "customerd/auth/authenticator.h"

#include <inttypes.h>
#include <stdio.h>

/* One field, once: a second one could be read differently by somebody else. */
static enum status read_once(const struct request *r, const char *field, bool *given, struct slice *value,
                             struct error *err)
{
    size_t n = headers_get(&r->headers, field, value);
    *given = n > 0;
    return n > 1 ? error_set(err, STATUS_BAD_REQUEST, "%s stands there more than once", field) : STATUS_OK;
}

static enum status read_precondition(const struct request *r, const char *field, enum tag_comparison comparison,
                                     struct precondition *out, struct error *err)
{
    struct slice value;
    bool given;
    *out = (struct precondition){ .given = false };
    enum status status = read_once(r, field, &given, &value, err);
    return status == STATUS_OK && given ? precondition_parse(field, value, comparison, out, err) : status;
}

enum status customers_http_read_preconditions(const struct request *r, struct precondition *if_match,
                                              struct precondition *if_none_match, struct error *err)
{
    enum status status = read_precondition(r, "If-Match", TAGS_STRONG, if_match, err);
    if (status == STATUS_OK)
        status = read_precondition(r, "If-None-Match", TAGS_WEAK, if_none_match, err);
    return status;
}

static void set_path(const struct request *r, bool one_customer, struct write_request *out)
{
    (void)snprintf(out->path, sizeof out->path, "/customers");
    if (one_customer) {
        char id[UUID_TEXT_SIZE];
        uuid_format(&r->resource, id);
        (void)snprintf(out->path, sizeof out->path, "/customers/%s", id);
    }
}

static struct slice caller_of(const struct exchange *x)
{
    return x->admission.claims == NULL ? slice_of("", 0) : claims_subject(x->admission.claims);
}

enum status customers_http_read_write(struct exchange *x, bool one_customer, struct write_request *out,
                                      struct error *err)
{
    const struct request *r = &x->request;
    struct write_options *o = &out->options;
    struct slice value;
    *o = (struct write_options){ .deadline_ms = r->deadline_ms };
    enum status status = customers_http_read_preconditions(r, &o->if_match, &o->if_none_match, err);
    if (status == STATUS_OK)
        status = read_once(r, "Idempotency-Key", &o->idempotency.given, &value, err);
    if (status != STATUS_OK || !o->idempotency.given)
        return status;
    status = idempotency_key_parse(value, &out->key, err);
    set_path(r, one_customer, out);
    o->idempotency.caller = caller_of(x);
    o->idempotency.method = r->method;
    o->idempotency.path = slice_cstr(out->path);
    o->idempotency.key = slice_of(out->key.text, out->key.len);
    return status;
}

void customers_http_set_etag(struct response *out, uint64_t version)
{
    response_header(out, "ETag", "\"%" PRIu64 "\"", version);
}

void customers_http_put_customer(struct exchange *x, int http_status, struct answer *a)
{
    struct response *out = &x->response;
    buf_clean_up(&out->body);
    out->body = a->json;
    buf_init(&a->json, 0);
    out->status = http_status;
    out->content_type = CONTENT_TYPE_JSON;
    customers_http_set_etag(out, a->version);
    response_header_text(out, "Cache-Control", "private, no-cache");
}

/* The id is the answer's where it names what was written, or may have been. */
static void note_audit(struct exchange *x, enum status status, const struct answer *a, const struct error *err)
{
    x->audit.replayed = a->replayed;
    x->audit.version = a->version;
    if (status == STATUS_OK || (err->applied == APPLIED_UNKNOWN && !x->audit.id_known)) {
        x->audit.id = a->id;
        x->audit.id_known = true;
    }
}

void customers_http_put_outcome(struct exchange *x, enum status status, const struct answer *a, const struct error *err)
{
    note_audit(x, status, a, err);
    if (a->replayed)
        response_header_text(&x->response, "Idempotency-Replayed", "true");
    if (status == STATUS_PRECONDITION_FAILED && a->version > 0)
        customers_http_set_etag(&x->response, a->version);
    if (status == STATUS_EMAIL_TAKEN && a->owner_known && access_allows(x, SCOPE_CUSTOMERS_READ)) {
        x->owner = a->owner;
        x->owner_known = true;
    }
}

void customers_http_put_page(struct exchange *x, const struct page *page)
{
    struct response *out = &x->response;
    struct slice cursor = buf_slice(&page->next_cursor);
    buf_append_cstr(&out->body, "{\"items\":[");
    buf_append(&out->body, buf_slice(&page->items));
    if (cursor.len > 0) {
        buf_append_cstr(&out->body, "],\"next_cursor\":\"");
        buf_append(&out->body, cursor);
        buf_append_cstr(&out->body, "\"}");
    } else {
        buf_append_cstr(&out->body, "],\"next_cursor\":null}");
    }
    out->status = 200;
    out->content_type = CONTENT_TYPE_JSON;
    response_header_text(out, "Cache-Control", "private, no-cache");
}
