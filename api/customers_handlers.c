/* The customers over HTTP: decode, one call of the domain, encode. */
#include "customerd/api/idempotency_key.h"
#include "customerd/api/lookup.h"
#include "customerd/api/negotiate.h"
#include "customerd/api/preconditions.h"
#include "customerd/api/route.h"
#include "customerd/customers/customers.h"
#include "customerd/customers/email.h"

#include <inttypes.h>

enum list_param { LIST_LIMIT, LIST_CURSOR, LIST_EMAIL };
static const char *const list_params[] = { [LIST_LIMIT] = "limit", [LIST_CURSOR] = "cursor", [LIST_EMAIL] = "email",
                                           NULL };

/* ---- decoding ---- */

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

static enum status read_preconditions(const struct request *r, struct precondition *if_match,
                                      struct precondition *if_none_match, struct error *err)
{
    enum status status = read_precondition(r, "If-Match", TAGS_STRONG, if_match, err);
    if (status == STATUS_OK)
        status = read_precondition(r, "If-None-Match", TAGS_WEAK, if_none_match, err);
    return status;
}

/* What a write needs besides its body; the options borrow from it. */
struct write_request {
    struct idempotency_key key;
    char path[sizeof "/customers/" + UUID_TEXT_SIZE]; /* canonical: one spelling of the id, one scope of the key */
    struct write_options options;
};

static void set_path(const struct request *r, bool one_customer, struct write_request *out)
{
    (void)snprintf(out->path, sizeof out->path, "/customers");
    if (one_customer) {
        char id[UUID_TEXT_SIZE];
        uuid_format(&r->resource, id);
        (void)snprintf(out->path, sizeof out->path, "/customers/%s", id);
    }
}

static enum status read_write_request(const struct request *r, bool one_customer, struct write_request *out,
                                      struct error *err)
{
    struct write_options *o = &out->options;
    struct slice value;
    *o = (struct write_options){ .deadline_ms = r->deadline_ms };
    enum status status = read_preconditions(r, &o->if_match, &o->if_none_match, err);
    if (status == STATUS_OK)
        status = read_once(r, "Idempotency-Key", &o->idempotency.given, &value, err);
    if (status != STATUS_OK || !o->idempotency.given)
        return status;
    status = idempotency_key_parse(value, &out->key, err);
    set_path(r, one_customer, out);
    o->idempotency.method = r->method;
    o->idempotency.path = slice_cstr(out->path);
    o->idempotency.key = slice_of(out->key.text, out->key.len);
    return status;
}

/* ---- encoding ---- */

static void set_etag(struct response *out, uint64_t version)
{
    response_header(out, "ETag", "\"%" PRIu64 "\"", version);
}

/* The customer's JSON goes out as it is stored. */
static void put_customer(struct exchange *x, int http_status, struct answer *a)
{
    struct response *out = &x->response;
    buf_clean_up(&out->body);
    out->body = a->json;
    buf_init(&a->json, 0);
    out->status = http_status;
    out->content_type = CONTENT_TYPE_JSON;
    set_etag(out, a->version);
    response_header(out, "Cache-Control", "private, no-cache");
}

/* What every write says besides its customer, be it done or refused. */
static void put_outcome(struct exchange *x, enum status status, const struct answer *a)
{
    if (a->replayed)
        response_header(&x->response, "Idempotency-Replayed", "true");
    if (status == STATUS_PRECONDITION_FAILED && a->version > 0)
        set_etag(&x->response, a->version);
    if (status == STATUS_EMAIL_TAKEN && a->owner_known) {
        x->owner = a->owner;
        x->owner_known = true;
    }
}

static void put_page(struct exchange *x, const struct page *page)
{
    struct response *out = &x->response;
    struct slice cursor = buf_slice(&page->next_cursor);
    buf_append_cstr(&out->body, "{\"items\":[");
    buf_append(&out->body, buf_slice(&page->items));
    buf_append_cstr(&out->body, "],\"next_cursor\":");
    buf_append_byte(&out->body, cursor.len > 0 ? '"' : 'n');
    buf_append(&out->body, cursor.len > 0 ? cursor : slice_cstr("ull"));
    buf_append_cstr(&out->body, cursor.len > 0 ? "\"}" : "}");
    out->status = 200;
    out->content_type = CONTENT_TYPE_JSON;
    response_header(out, "Cache-Control", "private, no-cache");
}

/* ---- handlers ---- */

static enum status create(struct exchange *x, struct error *err)
{
    struct write_request write;
    struct customer customer;
    struct answer answer;
    answer_init(&answer);
    customer_init(&customer);
    enum status status = read_write_request(&x->request, false, &write, err);
    if (status == STATUS_OK)
        status = customer_parse(x->request.body, CUSTOMER_CREATE, NULL, &customer, &x->findings, err);
    if (status == STATUS_OK && write.options.if_match.given && !write.options.if_match.any)
        status = error_set(err, STATUS_PRECONDITION_FAILED, "A customer that is being created has no ETag yet");
    if (status == STATUS_OK) {
        status = customers_create(x->app->customers, &customer, &write.options, &answer, err);
        put_outcome(x, status, &answer);
    }
    if (status == STATUS_OK) {
        char id[UUID_TEXT_SIZE];
        uuid_format(&answer.id, id);
        put_customer(x, 201, &answer);
        response_header(&x->response, "Location", "/customers/%s", id);
    }
    customer_clean_up(&customer);
    answer_clean_up(&answer);
    return status;
}

static enum status judge_read(struct exchange *x, const struct precondition *if_match,
                              const struct precondition *if_none_match, struct answer *a, struct error *err)
{
    if (!precondition_lists(if_match, a->version)) {
        set_etag(&x->response, a->version);
        return error_set(err, STATUS_PRECONDITION_FAILED, "The customer has another version");
    }
    put_customer(x, 200, a);
    if (if_none_match->given && precondition_lists(if_none_match, a->version)) {
        /* The body stays for its length, which a 304 states as a 200 would (RFC 9110 section 8.6); it is not sent. */
        x->response.status = 304;
        x->response.content_type = NULL;
    }
    return STATUS_OK;
}

static enum status get(struct exchange *x, struct error *err)
{
    struct precondition if_match;
    struct precondition if_none_match;
    struct answer answer;
    answer_init(&answer);
    enum status status = read_preconditions(&x->request, &if_match, &if_none_match, err);
    if (status == STATUS_OK)
        status = customers_get(x->app->customers, &x->request.resource, x->request.deadline_ms, &answer, err);
    if (status == STATUS_OK)
        status = judge_read(x, &if_match, &if_none_match, &answer, err);
    answer_clean_up(&answer);
    return status;
}

static enum status replace(struct exchange *x, struct error *err)
{
    const struct uuid *id = &x->request.resource;
    struct write_request write;
    struct customer customer;
    struct answer answer;
    answer_init(&answer);
    customer_init(&customer);
    enum status status = read_write_request(&x->request, true, &write, err);
    if (status == STATUS_OK)
        status = customer_parse(x->request.body, CUSTOMER_REPLACE, id, &customer, &x->findings, err);
    if (status == STATUS_OK) {
        status = customers_replace(x->app->customers, id, &customer, &write.options, &answer, err);
        put_outcome(x, status, &answer);
    }
    if (status == STATUS_OK)
        put_customer(x, 200, &answer);
    customer_clean_up(&customer);
    answer_clean_up(&answer);
    return status;
}

static enum status patch(struct exchange *x, struct error *err)
{
    const struct uuid *id = &x->request.resource;
    struct customer_patch *changes = NULL;
    struct write_request write;
    struct answer answer;
    answer_init(&answer);
    enum status status = read_write_request(&x->request, true, &write, err);
    if (status == STATUS_OK)
        status = customer_patch_parse(x->request.body, id, &changes, &x->findings, err);
    if (status == STATUS_OK) {
        status = customers_patch(x->app->customers, id, changes, &write.options, &answer, &x->findings, err);
        put_outcome(x, status, &answer);
    }
    if (status == STATUS_OK)
        put_customer(x, 200, &answer);
    customer_patch_destroy(changes);
    answer_clean_up(&answer);
    return status;
}

static enum status delete(struct exchange *x, struct error *err)
{
    struct write_request write;
    struct answer answer;
    answer_init(&answer);
    enum status status = read_write_request(&x->request, true, &write, err);
    if (status == STATUS_OK) {
        status = customers_delete(x->app->customers, &x->request.resource, &write.options, &answer, err);
        put_outcome(x, status, &answer);
    }
    if (status == STATUS_OK)
        x->response.status = 204;
    answer_clean_up(&answer);
    return status;
}

static enum status find(struct exchange *x, struct slice email_normal, struct error *err)
{
    struct page page;
    page_init(&page);
    enum status status =
        customers_find_by_email(x->app->customers, email_normal, x->request.deadline_ms, &page, err);
    if (status == STATUS_OK)
        put_page(x, &page);
    page_clean_up(&page);
    return status;
}

static enum status find_by_parameter(struct exchange *x, struct error *err)
{
    const struct query_value *email = &x->request.params.values[LIST_EMAIL];
    if (x->request.params.values[LIST_CURSOR].given)
        return error_set(err, STATUS_BAD_PARAMETER, "\"cursor\" has no meaning next to \"email\"");
    if (email->plus_was_blank)
        return error_set(err, STATUS_BAD_PARAMETER,
                         "\"email\" holds a blank, written as \"+\"; a plus sign must be written as %%2B");
    struct buf normal = BUF_INIT(4 * EMAIL_MAX_BYTES);
    const char *wrong = email_normalize(email->text, &normal);
    enum status status = wrong == NULL ? find(x, buf_slice(&normal), err)
                                       : error_set(err, STATUS_BAD_PARAMETER, "\"email\" must be %s", wrong);
    buf_clean_up(&normal);
    return status;
}

static enum status read_limit(const struct query_value *given, size_t *out, struct error *err)
{
    size_t limit = 0;
    *out = CUSTOMERS_PAGE_DEFAULT;
    if (!given->given)
        return STATUS_OK;
    for (size_t i = 0; i < given->text.len && limit <= CUSTOMERS_PAGE_MAX; i++) {
        char c = given->text.ptr[i];
        if (c < '0' || c > '9' || (c == '0' && i == 0)) {
            limit = 0;
            break;
        }
        limit = limit * 10 + (size_t)(c - '0');
    }
    if (limit < 1 || limit > CUSTOMERS_PAGE_MAX)
        return error_set(err, STATUS_BAD_PARAMETER, "\"limit\" must be a number from 1 to %d", CUSTOMERS_PAGE_MAX);
    *out = limit;
    return STATUS_OK;
}

static enum status list(struct exchange *x, struct error *err)
{
    const struct query_value *params = x->request.params.values;
    size_t limit;
    enum status status = read_limit(&params[LIST_LIMIT], &limit, err);
    if (status != STATUS_OK)
        return status;
    if (params[LIST_EMAIL].given)
        return find_by_parameter(x, err);
    if (params[LIST_CURSOR].given && params[LIST_CURSOR].text.len == 0)
        return error_set(err, STATUS_BAD_CURSOR, "The cursor is empty");
    struct page page;
    page_init(&page);
    status = customers_list(x->app->customers, limit, params[LIST_CURSOR].text, x->request.deadline_ms, &page, err);
    if (status == STATUS_OK) {
        put_page(x, &page);
        struct slice next = buf_slice(&page.next_cursor);
        if (next.len > 0)
            response_header(&x->response, "Link", "</customers?limit=%zu&cursor=%.*s>; rel=\"next\"", limit,
                            (int)next.len, next.ptr);
    }
    page_clean_up(&page);
    return status;
}

static enum status lookup(struct exchange *x, struct error *err)
{
    struct buf normal = BUF_INIT(4 * EMAIL_MAX_BYTES);
    enum status status = lookup_parse(x->request.body, &normal, &x->findings, err);
    if (status == STATUS_OK)
        status = find(x, buf_slice(&normal), err);
    buf_clean_up(&normal);
    return status;
}

const struct route customers_routes[] = {
    { .method = METHOD_GET, .path = "/customers", .handler = list, .params = list_params },
    { .method = METHOD_POST, .path = "/customers", .handler = create, .body = CONTENT_JSON },
    { .method = METHOD_POST, .path = "/customers/lookup", .handler = lookup, .body = CONTENT_JSON, .reads = true },
    { .method = METHOD_GET, .path = "/customers/{id}", .handler = get },
    { .method = METHOD_PUT, .path = "/customers/{id}", .handler = replace, .body = CONTENT_JSON,
      .if_match_required = true },
    { .method = METHOD_PATCH, .path = "/customers/{id}", .handler = patch, .body = CONTENT_JSON | CONTENT_MERGE_PATCH,
      .if_match_required = true },
    { .method = METHOD_DELETE, .path = "/customers/{id}", .handler = delete, .if_match_required = true },
    { .path = NULL },
};
