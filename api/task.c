#include "task.h"

#include "customerd/core/fiber.h"
#include "customerd/core/metrics.h"

#include "head.h"

#include <stdio.h>
#include <stdlib.h>

struct task *task_new(const struct client_context *context, struct client *client, const char *uri)
{
    struct task *t = malloc(sizeof *t);
    char *target = head_take_target(uri);
    if (t == NULL || target == NULL) {
        free(target);
        free(t);
        return NULL;
    }
    t->context = context;
    t->client = client;
    t->step = TASK_HEAD;
    t->runs = t->read = t->linger = t->body_cut = false;
    t->target = target;
    t->target_at = uri;
    t->head = NULL;
    t->reply = NULL;
    t->started_us = metrics_now_us();
    t->measure = (struct http_measure){ .method = "_OTHER", .route = "" };
    t->bytes = 0;
    buf_init(&t->body, (size_t)context->app->config->http.body_max_bytes);
    return t;
}

/* ---- what comes in ---- */

bool task_take_head(struct task *t, struct MHD_Connection *http, const char *method, const char *version)
{
    struct app *app = t->context->app;
    struct request *request = &t->x.request;
    exchange_init(&t->x, app);
    t->read = true;
    t->x.public = t->context->public;
    const struct head_line line = { .method = method, .version = version, .target = t->target, .target_at = t->target_at };
    if (!head_read(http, &line, request, &t->head))
        return false;
    client_peer(t->client, request->peer);
    request->deadline_ms = clock_monotonic_ms(app->clock) + app->config->http.request_timeout_ms;
    request_identify(request);
    t->measure.method = route_method_label(request->method);
    return true;
}

bool task_take_body(struct task *t, const char *bytes, size_t len)
{
    t->body_cut = t->body_cut || len > t->body.max_bytes - t->body.len;
    if (!t->body_cut)
        buf_append(&t->body, slice_of(bytes, len));
    return buf_ok(&t->body);
}

/* ---- what goes out ---- */

static bool add_headers(const struct response *from, struct MHD_Response *to)
{
    bool ok = true;
    for (size_t i = 0; i < from->n_headers; i++)
        ok = ok && MHD_add_response_header(to, from->headers[i].name, from->headers[i].value) == MHD_YES;
    if (from->content_type != NULL)
        ok = ok && MHD_add_response_header(to, "Content-Type", from->content_type) == MHD_YES;
    if (from->close)
        ok = ok && MHD_add_response_header(to, "Connection", "close") == MHD_YES;
    return ok;
}

/* The body's memory is handed over: both sides take it from malloc. */
static struct MHD_Response *make_reply(struct response *from)
{
    size_t len = from->body.len;
    char *body = buf_steal(&from->body);
    struct MHD_Response *reply =
        MHD_create_response_from_buffer(body == NULL ? 0 : len, body,
                                        body == NULL ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_FREE);
    if (reply == NULL) {
        free(body);
        return NULL;
    }
    if (add_headers(from, reply))
        return reply;
    MHD_destroy_response(reply);
    return NULL;
}

/* Finishes the exchange and notes what will be counted and logged. */
static void finish(struct task *t, enum status status, const struct error *err)
{
    struct exchange *x = &t->x;
    struct response *response = &x->response;
    exchange_finish(x, status, err);
    if (atomic_load(&x->app->draining))
        response->close = true;
    bool body_sent = !slice_is(x->request.method, "HEAD") && response->status != 304;
    t->measure.route = x->match.label == NULL ? "" : x->match.label;
    t->measure.http_status = response->status;
    t->measure.outcome = x->outcome;
    t->bytes = body_sent ? response->body.len : 0;
    t->linger = t->linger || response->close;
    t->reply = make_reply(response);
}

/* ---- running ---- */

/* What can be told after the body as well, so that the connection may go on: what anybody may be told, and what is told to
 * somebody who is known. Whoever is not let in is not listened to. */
static bool can_wait(enum status status)
{
    return status == STATUS_OK || status == STATUS_NOT_FOUND || status == STATUS_METHOD_NOT_ALLOWED ||
           status == STATUS_RATE_LIMITED;
}

static void admit(struct task *t)
{
    struct error err = { .code = STATUS_OK };
    enum status status = exchange_admit(&t->x, t->context->routes, &err);
    if (can_wait(status))
        return;
    t->linger = true;
    finish(t, status, &err);
}

/* More requests at once than the service was told to take are shed at once: a queue would only make all of them late. */
static void handle(struct task *t)
{
    struct exchange *x = &t->x;
    struct app *app = x->app;
    struct error err = { .code = STATUS_OK };
    x->request.body = buf_slice(&t->body);
    x->request.body_cut = t->body_cut;
    if (x->public)
        x->shed = http_metrics_begin(app->metrics) > app->config->http.max_requests;
    enum status status = exchange_admit(x, t->context->routes, &err);
    if (status == STATUS_OK)
        status = exchange_handle(x, &err);
    finish(t, status, &err);
    if (x->public)
        http_metrics_end(app->metrics);
}

static void run(struct task *t)
{
    if (t->step == TASK_RUN)
        handle(t);
    else
        admit(t);
    t->runs = false;
    if (t->client != NULL)
        client_task_ran(t->client);
    else
        task_end(t);
}

static void run_fiber(void *arg)
{
    run(arg);
}

bool task_start(struct task *t, enum task_step step)
{
    const struct client_loop *loop = t->context->loop;
    t->step = step;
    t->runs = true;
    if (loop == NULL) {
        run(t);
        return true;
    }
    if (fiber_start(loop->fibers, run_fiber, t))
        return true;
    t->runs = false;
    return false;
}

/* ---- the end ---- */

static void log_request(const struct task *t)
{
    const struct http_measure *m = &t->measure;
    const struct request *r = &t->x.request;
    LOG(t->context->app->log, LOG_INFO, "request", LOG_CSTR("method", m->method), LOG_CSTR("route", m->route),
        LOG_INT("status", m->http_status), LOG_MICROS("duration_ms", m->duration_us), LOG_CSTR("request_id", r->id),
        LOG_CSTR("trace_id", r->trace.trace_id), LOG_CSTR("span_id", r->trace.span_id),
        LOG_CSTR("parent_id", r->trace.parent_id), LOG_INT("bytes", (int64_t)t->bytes));
}

void task_note_cut(struct task *t, const char *id)
{
    t->measure.http_status = status_http(STATUS_BAD_REQUEST);
    t->measure.outcome = STATUS_BAD_REQUEST;
    if (t->read)
        return;
    exchange_init(&t->x, t->context->app);
    t->read = true;
    snprintf(t->x.request.id, sizeof t->x.request.id, "%s", id);
}

void task_end(struct task *t)
{
    if (task_is_answered(t)) {
        t->measure.duration_us = metrics_now_us() - t->started_us;
        if (t->context->public)
            http_metrics_observe(t->context->app->metrics, &t->measure);
        log_request(t);
    }
    if (t->reply != NULL)
        MHD_destroy_response(t->reply);
    if (t->read)
        exchange_clean_up(&t->x);
    buf_clean_up(&t->body);
    free(t->head);
    free(t->target);
    free(t);
}
