/* The customers over HTTP: decode, one call of the domain, encode. */
#include "customerd/api/customers_http.h"
#include "customerd/api/negotiate.h"
#include "customerd/api/preconditions.h"
#include "customerd/api/resource.h"
#include "customerd/customers/email.h"

#include <inttypes.h>

extern const struct resource customers_resource;

static struct customers *customers_of(const struct exchange *x)
{
    return resource_state(x->app, &customers_resource);
}

enum list_param { LIST_LIMIT, LIST_CURSOR, LIST_EMAIL };
static const char *const list_params[] = { [LIST_LIMIT] = "limit", [LIST_CURSOR] = "cursor", [LIST_EMAIL] = "email",
                                           NULL };

static enum status create(struct exchange *x, struct error *err)
{
    struct write_request write;
    struct customer customer;
    struct answer answer;
    answer_init(&answer);
    customer_init(&customer);
    enum status status = customers_http_read_write(x, false, &write, err);
    if (status == STATUS_OK)
        status = customer_parse(x->request.body, CUSTOMER_CREATE, NULL, &customer, &x->findings, err);
    if (status == STATUS_OK && write.options.if_match.given && !write.options.if_match.any)
        status = error_set(err, STATUS_PRECONDITION_FAILED, "A customer that is being created has no ETag yet");
    if (status == STATUS_OK) {
        status = customers_create(customers_of(x), &customer, &write.options, &answer, err);
        customers_http_put_outcome(x, status, &answer, err);
    }
    if (status == STATUS_OK) {
        char id[UUID_TEXT_SIZE];
        uuid_format(&answer.id, id);
        customers_http_put_customer(x, 201, &answer);
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
        customers_http_set_etag(&x->response, a->version);
        return error_set(err, STATUS_PRECONDITION_FAILED, "The customer has another version");
    }
    customers_http_put_customer(x, 200, a);
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
    enum status status = customers_http_read_preconditions(&x->request, &if_match, &if_none_match, err);
    if (status == STATUS_OK)
        status = customers_get(customers_of(x), &x->request.resource, x->request.deadline_ms, &answer, err);
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
    enum status status = customers_http_read_write(x, true, &write, err);
    if (status == STATUS_OK)
        status = customer_parse(x->request.body, CUSTOMER_REPLACE, id, &customer, &x->findings, err);
    if (status == STATUS_OK) {
        status = customers_replace(customers_of(x), id, &customer, &write.options, &answer, err);
        customers_http_put_outcome(x, status, &answer, err);
    }
    if (status == STATUS_OK)
        customers_http_put_customer(x, 200, &answer);
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
    enum status status = customers_http_read_write(x, true, &write, err);
    if (status == STATUS_OK)
        status = customer_patch_parse(x->request.body, id, &changes, &x->findings, err);
    if (status == STATUS_OK) {
        status = customers_patch(customers_of(x), id, changes, &write.options, &answer, &x->findings, err);
        customers_http_put_outcome(x, status, &answer, err);
    }
    if (status == STATUS_OK)
        customers_http_put_customer(x, 200, &answer);
    customer_patch_destroy(changes);
    answer_clean_up(&answer);
    return status;
}

static enum status delete(struct exchange *x, struct error *err)
{
    struct write_request write;
    struct answer answer;
    answer_init(&answer);
    enum status status = customers_http_read_write(x, true, &write, err);
    if (status == STATUS_OK) {
        status = customers_delete(customers_of(x), &x->request.resource, &write.options, &answer, err);
        customers_http_put_outcome(x, status, &answer, err);
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
        customers_find_by_email(customers_of(x), email_normal, x->request.deadline_ms, &page, err);
    if (status == STATUS_OK)
        customers_http_put_page(x, &page);
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
    status = customers_list(customers_of(x), limit, params[LIST_CURSOR].text, x->request.deadline_ms, &page, err);
    if (status == STATUS_OK) {
        customers_http_put_page(x, &page);
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
    enum status status = customer_lookup_parse(x->request.body, &normal, &x->findings, err);
    if (status == STATUS_OK)
        status = find(x, buf_slice(&normal), err);
    buf_clean_up(&normal);
    return status;
}

static const struct route routes[] = {
    { .method = METHOD_GET, .path = "/customers", .operation = "listCustomers", .scope = SCOPE_CUSTOMERS_READ, .handler = list,
      .params = list_params },
    { .method = METHOD_POST, .path = "/customers", .operation = "createCustomer", .scope = SCOPE_CUSTOMERS_WRITE, .handler = create,
      .body = CONTENT_JSON },
    { .method = METHOD_POST, .path = "/customers/lookup", .operation = "lookupCustomer", .scope = SCOPE_CUSTOMERS_READ,
      .handler = lookup, .body = CONTENT_JSON, .reads = true },
    { .method = METHOD_GET, .path = "/customers/{id}", .operation = "getCustomer", .scope = SCOPE_CUSTOMERS_READ, .handler = get },
    { .method = METHOD_PUT, .path = "/customers/{id}", .operation = "replaceCustomer", .scope = SCOPE_CUSTOMERS_WRITE,
      .handler = replace, .body = CONTENT_JSON, .if_match_required = true },
    { .method = METHOD_PATCH, .path = "/customers/{id}", .operation = "patchCustomer", .scope = SCOPE_CUSTOMERS_WRITE,
      .handler = patch, .body = CONTENT_JSON | CONTENT_MERGE_PATCH, .if_match_required = true },
    { .method = METHOD_DELETE, .path = "/customers/{id}", .operation = "deleteCustomer", .scope = SCOPE_CUSTOMERS_WRITE,
      .handler = delete, .if_match_required = true },
    { .path = NULL },
};

/* ---- the resource ---- */

static enum status start(struct app *app, const void *settings, void **state, struct error *err)
{
    const struct customers_options options = {
        .cluster = app->cluster,
        .clock = app->clock,
        .log = app->log,
        .store = app->config->store,
        .request_timeout_ms = app->config->http.request_timeout_ms,
    };
    (void)settings;
    *state = customers_new(&options, err);
    return *state == NULL ? err->code : STATUS_OK;
}

static void stop(void *state)
{
    customers_destroy(state);
}

static enum status ready(void *state, struct error *reason)
{
    return customers_ready(state, reason);
}

static void write_metrics(void *state, struct buf *out)
{
    customers_write_metrics(state, out);
}

/* What the healer counts. */
static void write_readiness(void *customers, struct buf *out)
{
    struct customers_state state;
    customers_state(customers, &state);
    buf_appendf(out, ",\"store\":{\"checked\":%s,\"sweeps\":%" PRIu64 ",\"scrub_passes\":%" PRIu64
                     ",\"fenced\":%" PRIu64 ",\"released\":%" PRIu64 ",\"repaired_claims\":%" PRIu64
                     ",\"repaired_index\":%" PRIu64 ",\"removed_orphans\":%" PRIu64 ",\"violations\":%" PRIu64 "}",
                state.checked ? "true" : "false", state.sweeps, state.scrub_passes, state.fenced, state.released,
                state.repaired_claims, state.repaired_index, state.removed_orphans, state.violations);
}

const struct resource customers_resource = {
    .name = "customers",
    .routes = routes,
    .uses_database = true,
    .start = start,
    .stop = stop,
    .ready = ready,
    .write_readiness = write_readiness,
    .write_metrics = write_metrics,
};
