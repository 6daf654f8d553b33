#include "task.h"

#include "customerd/api/framing.h"
#include "customerd/core/fiber.h"
#include "customerd/core/metrics.h"

#include "head.h"
#include "task_reply.h"

#include <stdio.h>
#include <stdlib.h>

/* What requests may hold together of bodies longer than CUSTOMERD_BODY_MAX_BYTES: more are to come again later. */
#define LONG_BODIES_MAX_BYTES ((uint64_t)64 << 20)
/* What answers that lie in memory may hold together until their clients have read them, those that are short apart. */
#define LONG_ANSWERS_MAX_BYTES ((uint64_t)256 << 20)
#define LONG_ANSWER_BYTES 65536

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
    t->runs = t->read = t->linger = t->cut = t->body_cut = false;
    t->target = target;
    t->target_at = uri;
    t->head = (struct secret)SECRET_INIT;
    t->reply = NULL;
    t->started_us = metrics_now_us();
    t->measure = (struct http_measure){ .method = "_OTHER", .route = "" };
    t->bytes = 0;
    t->long_body_bytes = t->long_answer_bytes = 0;
    t->stalled = false;
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

/* The size of what is on its way: as announced, or the most that is taken. */
static uint64_t body_to_come(const struct exchange *x, int64_t max_bytes)
{
    uint64_t announced;
    return framing_length(&x->request.headers, &announced) ? announced : (uint64_t)max_bytes;
}

/* A body longer than is usual has more time, and a part of what all such bodies together may hold: only then is it begun to be
 * taken. */
static enum status allow_body(struct task *t, struct error *err)
{
    struct client_loop *loop = t->context->loop;
    int64_t max_bytes = exchange_body_max_bytes(&t->x);
    uint64_t bytes = body_to_come(&t->x, max_bytes);
    uint64_t usual = t->body.max_bytes;
    t->body.max_bytes = (size_t)max_bytes;
    if (bytes <= usual || bytes > (uint64_t)max_bytes)
        return STATUS_OK;
    if (loop != NULL && bytes > LONG_BODIES_MAX_BYTES - loop->long_bodies_bytes)
        return error_set_retry(err, STATUS_OVERLOADED, 1, "The long bodies that are on their way are as many as may be");
    if (loop != NULL) {
        loop->long_bodies_bytes += (size_t)bytes;
        t->long_body_bytes = (size_t)bytes;
    }
    if (t->client != NULL)
        client_allow(t->client, (int64_t)(bytes - usual) / LONG_BYTES_PER_MS);
    /* At once, since a buffer that grows is copied again and again. */
    return buf_reserve(&t->body, (size_t)bytes) ? STATUS_OK : error_set(err, STATUS_INTERNAL, "Out of memory");
}

static void release_body(struct task *t)
{
    if (t->long_body_bytes > 0)
        t->context->loop->long_bodies_bytes -= t->long_body_bytes;
    t->long_body_bytes = 0;
    buf_clean_up(&t->body);
}

/* ---- running ---- */

/* Finishes the exchange and notes what will be counted and logged. */
static void finish(struct task *t, enum status status, const struct error *err)
{
    struct exchange *x = &t->x;
    struct response *response = &x->response;
    exchange_finish(x, status, err);
    if (atomic_load(&x->app->draining))
        response->close = true;
    t->measure.route = x->match.label == NULL ? "" : x->match.label;
    t->measure.http_status = response->status;
    t->measure.outcome = x->outcome;
    t->linger = t->linger || response->close;
    t->reply = task_reply_new(t);
}

/* What can be told after the body as well, so that the connection may go on: what anybody may be told, and what is told to
 * somebody who is known. Whoever is not let in is not listened to. Nor is a body longer than is usual, for which there is no
 * place unless its request is let in: it would be cut, and refused for that. */
static bool can_wait(const struct task *t, enum status status)
{
    bool tellable = status == STATUS_NOT_FOUND || status == STATUS_METHOD_NOT_ALLOWED || status == STATUS_RATE_LIMITED;
    return status == STATUS_OK ||
           (tellable && body_to_come(&t->x, exchange_body_max_bytes(&t->x)) <= (uint64_t)t->body.max_bytes);
}

static void admit(struct task *t)
{
    struct error err = { .code = STATUS_OK };
    enum status status = exchange_admit(&t->x, t->context->routes, &err);
    if (status == STATUS_OK)
        status = allow_body(t, &err);
    if (can_wait(t, status))
        return;
    t->linger = true;
    finish(t, status, &err);
}

/* Of an answer that is shared all is held, also where a part is sent. */
static uint64_t bytes_held(const struct response *response)
{
    switch (response->source.kind) {
    case RESPONSE_SHARED:
        return response->source.length;
    case RESPONSE_OWN:
        return response->body.len;
    default:
        return 0;
    }
}

/* A client that reads slowly, or not at all, holds its answer as long as it is let. A write is done by then, and has to be told
 * so. */
static enum status allow_answer(struct task *t, struct error *err)
{
    struct client_loop *loop = t->context->loop;
    uint64_t bytes = bytes_held(&t->x.response);
    if (loop == NULL || bytes < LONG_ANSWER_BYTES || exchange_is_write(&t->x))
        return STATUS_OK;
    if (bytes > LONG_ANSWERS_MAX_BYTES - loop->long_answers_bytes) {
        response_discard(&t->x.response);
        return error_set_retry(err, STATUS_OVERLOADED, 1, "The long answers that are on their way are as many as may be");
    }
    loop->long_answers_bytes += (size_t)bytes;
    t->long_answer_bytes = (size_t)bytes;
    return STATUS_OK;
}

/* More requests at once than the service was told to take are shed at once: a queue would only make all of them late. */
static void handle(struct task *t)
{
    struct exchange *x = &t->x;
    struct app *app = x->app;
    struct error err = { .code = STATUS_OK };
    x->request.body = buf_slice(&t->body);
    x->request.body_cut = t->body_cut;
    if (t->long_body_bytes > 0)
        x->request.deadline_ms = clock_monotonic_ms(app->clock) + app->config->http.request_timeout_ms;
    if (x->public)
        x->shed = http_metrics_begin(app->metrics) > app->config->http.max_requests;
    enum status status = exchange_admit(x, t->context->routes, &err);
    if (status == STATUS_OK)
        status = exchange_handle(x, &err);
    if (status == STATUS_OK)
        status = allow_answer(t, &err);
    finish(t, status, &err);
    if (x->public)
        http_metrics_end(app->metrics);
}

void task_ran(struct task *t)
{
    t->runs = false;
    if (t->client != NULL)
        client_task_ran(t->client);
    else
        task_end(t);
}

static void run(struct task *t)
{
    if (t->step == TASK_RUN)
        handle(t);
    else
        admit(t);
    task_ran(t);
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

void task_note_cut(struct task *t, const char *id, bool told)
{
    t->cut = true;
    if (told) {
        t->measure.http_status = status_http(STATUS_BAD_REQUEST);
        t->measure.outcome = STATUS_BAD_REQUEST;
    }
    if (t->read)
        return;
    exchange_init(&t->x, t->context->app);
    t->read = true;
    snprintf(t->x.request.id, sizeof t->x.request.id, "%s", id);
}

void task_end(struct task *t)
{
    if (task_is_answered(t) || t->cut) {
        t->measure.duration_us = metrics_now_us() - t->started_us;
        if (t->context->public && task_is_answered(t))
            http_metrics_observe(t->context->app->metrics, &t->measure);
        log_request(t);
    }
    task_reply_destroy(t);
    if (t->read)
        exchange_clean_up(&t->x);
    if (t->long_answer_bytes > 0)
        t->context->loop->long_answers_bytes -= t->long_answer_bytes;
    release_body(t);
    secret_clean_up(&t->head);
    free(t->target);
    free(t);
}
