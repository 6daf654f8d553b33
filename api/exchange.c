#include "customerd/api/audit.h"
#include "customerd/api/cors.h"
#include "customerd/api/gate.h"
#include "customerd/api/problem.h"

#include <inttypes.h>

void exchange_init(struct exchange *x, struct app *app)
{
    x->app = app;
    x->public = false;
    x->shed = false;
    x->match = (struct route_match){ .route = NULL };
    x->admission = (struct admission){ .done = false };
    x->audit = (struct audit){ .version = 0 };
    x->owner_known = false;
    x->outcome = STATUS_OK;
    request_init(&x->request);
    response_init(&x->response);
    findings_init(&x->findings);
}

void exchange_clean_up(struct exchange *x)
{
    request_clean_up(&x->request);
    response_clean_up(&x->response);
    findings_clean_up(&x->findings);
    admission_clean_up(&x->admission);
}

static enum status no_route(struct exchange *x, const struct route_match *match, struct error *err)
{
    if (match->label == NULL)
        return error_set(err, STATUS_NOT_FOUND, "There is no such path");
    char allow[ROUTE_ALLOW_SIZE];
    route_allow(match, allow);
    response_header(&x->response, "Allow", "%s", allow);
    return error_set(err, STATUS_METHOD_NOT_ALLOWED, "Allowed here: %s", allow);
}

static enum status answer_options(struct exchange *x, const struct route_match *match)
{
    char allow[ROUTE_ALLOW_SIZE];
    route_allow(match, allow);
    x->response.status = 204;
    response_header(&x->response, "Allow", "%s", allow);
    if (strstr(allow, "PATCH") != NULL)
        response_header_text(&x->response, "Accept-Patch", "application/merge-patch+json, application/json");
    return STATUS_OK;
}

bool exchange_is_write(const struct exchange *x)
{
    const struct route *route = x->match.route;
    return route != NULL && route->method != METHOD_GET && !route->reads;
}

int64_t exchange_body_max_bytes(const struct exchange *x)
{
    const struct route *route = x->match.route;
    return route != NULL && route->body_max_bytes != NULL ? route->body_max_bytes(x->app)
                                                          : x->app->config->http.body_max_bytes;
}

enum status exchange_admit(struct exchange *x, const struct route *const *tables, struct error *err)
{
    enum status status = gate_check_message(x, err);
    if (status != STATUS_OK)
        return status;
    route_find(tables, &x->request, &x->match);
    status = gate_check_body_size(x, err);
    if (status != STATUS_OK)
        return status;
    if (x->match.label != NULL && strstr(x->match.label, "{id}") != NULL)
        x->audit = (struct audit){ .id = x->request.resource, .id_known = true };
    if (x->shed)
        return error_set_retry(err, STATUS_OVERLOADED, 1, "More than %" PRId64 " requests at once",
                               x->app->config->http.max_requests);
    if (x->match.options)
        return STATUS_OK;
    return x->match.route == NULL ? no_route(x, &x->match, err) : access_admit(x, err);
}

enum status exchange_handle(struct exchange *x, struct error *err)
{
    if (x->match.options)
        return answer_options(x, &x->match);
    enum status status = gate_check_route(x, x->match.route, err);
    if (status == STATUS_OK)
        status = x->match.route->handler(x, err);
    if (status != STATUS_OK || buf_ok(&x->response.body))
        return status;
    (void)error_set(err, STATUS_INTERNAL, "Out of memory");
    err->applied = exchange_is_write(x) ? APPLIED_UNKNOWN : APPLIED_NO; /* it was; only its answer can't be given */
    return err->code;
}

static void put_problem(struct exchange *x, const struct error *err)
{
    response_drop_source(&x->response);
    const struct problem problem = {
        .error = err,
        .instance = x->request.path,
        .request_id = x->request.id,
        .findings = &x->findings,
        .owner = x->owner_known ? &x->owner : NULL,
        .write = exchange_is_write(x),
    };
    problem_render(&problem, &x->response);
}

/* Of an answer that is no document browsers must not make one; and once they came by TLS they need not try without. */
static void add_security_headers(struct exchange *x)
{
    response_header_text(&x->response, "X-Content-Type-Options", "nosniff");
    if (x->public && x->app->tls != NULL)
        response_header_text(&x->response, "Strict-Transport-Security", "max-age=31536000");
}

static void add_cors_headers(struct exchange *x)
{
    char allow[ROUTE_ALLOW_SIZE];
    if (x->match.options)
        route_allow(&x->match, allow);
    cors_add_headers(x->app->config->access.cors_origins, &x->request, x->match.options ? allow : NULL, &x->response);
}

void exchange_finish(struct exchange *x, enum status status, const struct error *err)
{
    x->outcome = status;
    if (status != STATUS_OK)
        put_problem(x, err);
    response_header_text(&x->response, "X-Request-Id", x->request.id);
    add_security_headers(x);
    access_add_headers(x);
    if (x->public)
        add_cors_headers(x);
    if (exchange_is_write(x) && !x->shed && (x->admission.done || status == STATUS_FORBIDDEN))
        audit_write(x, status, err);
}
