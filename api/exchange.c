#include "customerd/api/gate.h"
#include "customerd/api/problem.h"

void exchange_init(struct exchange *x, struct app *app)
{
    x->app = app;
    x->owner_known = false;
    request_init(&x->request);
    response_init(&x->response);
    findings_init(&x->findings);
}

void exchange_clean_up(struct exchange *x)
{
    request_clean_up(&x->request);
    response_clean_up(&x->response);
    findings_clean_up(&x->findings);
}

static enum status no_route(struct exchange *x, const struct route_match *match, struct error *err)
{
    if (match->label == NULL)
        return error_set(err, STATUS_NOT_FOUND, "There is no such path");
    response_header(&x->response, "Allow", "%s", match->allow);
    return error_set(err, STATUS_METHOD_NOT_ALLOWED, "Allowed here: %s", match->allow);
}

static enum status answer_options(struct exchange *x, const struct route_match *match)
{
    x->response.status = 204;
    response_header(&x->response, "Allow", "%s", match->allow);
    if (strstr(match->allow, "PATCH") != NULL)
        response_header(&x->response, "Accept-Patch", "application/merge-patch+json, application/json");
    return STATUS_OK;
}

static enum status run(struct exchange *x, const struct route *const *tables, struct route_match *match,
                       struct error *err)
{
    enum status status = gate_check_message(x, err);
    if (status != STATUS_OK)
        return status;
    route_find(tables, &x->request, match);
    if (match->options)
        return answer_options(x, match);
    if (match->route == NULL)
        return no_route(x, match, err);
    status = gate_check_route(x, match->route, err);
    if (status != STATUS_OK)
        return status;
    status = match->route->handler(x, err);
    if (status == STATUS_OK && !buf_ok(&x->response.body))
        return error_set(err, STATUS_INTERNAL, "Out of memory");
    return status;
}

const char *exchange_run(struct exchange *x, const struct route *const *tables)
{
    struct route_match match = { .route = NULL };
    struct error err = { .code = STATUS_OK };
    if (run(x, tables, &match, &err) != STATUS_OK) {
        const struct problem problem = {
            .error = &err,
            .instance = x->request.path,
            .request_id = x->request.id,
            .findings = &x->findings,
            .owner = x->owner_known ? &x->owner : NULL,
            .write = match.route != NULL && match.route->method != METHOD_GET && !match.route->reads,
        };
        problem_render(&problem, &x->response);
    }
    response_header(&x->response, "X-Request-Id", "%s", x->request.id);
    return match.label == NULL ? "" : match.label;
}
