/* Sessions and carts over HTTP: decode, one call of the domain, encode. */
#include "customerd/api/negotiate.h"
#include "customerd/api/resource.h"
#include "customerd/api/sessions_http.h"
#include "customerd/customers/customers.h"
#include "customerd/sessions/sessions.h"

#include <inttypes.h>
#include <stdio.h>

#define SCOPE_READ "sessions:read"
#define SCOPE_WRITE "sessions:write"

extern const struct resource customers_resource;
extern const struct resource sessions_resource;

/* A request on its way; the name of the session that sends it, if one does. */
struct visit {
    struct exchange *x;
    struct sessions *sessions;
    struct session_name name;
    bool by_cookie;
    struct session_answer answer;
};

static enum status begin(struct visit *v, struct exchange *x, bool with_token, struct error *err)
{
    v->x = x;
    v->sessions = resource_state(x->app, &sessions_resource);
    session_answer_init(&v->answer);
    enum status status = customers_ready(resource_state(x->app, &customers_resource), err);
    if (with_token)
        sessions_http_sender(x, &v->name, &v->by_cookie);
    return status;
}

/* Tells the audit whose session it was, and, where the session itself asked, which. A visit is not audited. */
static enum status end(struct visit *v, bool with_token, enum status status)
{
    struct exchange *x = v->x;
    if (v->answer.known && x->match.route->method != METHOD_GET) {
        char id[UUID_TEXT_SIZE];
        uuid_format(&v->answer.id, id);
        x->audit.id = v->answer.customer;
        x->audit.id_known = true;
        if (with_token)
            (void)snprintf(x->audit.subject, sizeof x->audit.subject, "session:%s", id);
    }
    if (status == STATUS_UNAUTHORIZED && with_token)
        response_header(&x->response, "WWW-Authenticate", "Session realm=\"customerd\"");
    session_answer_clean_up(&v->answer);
    return status;
}

/* The JSON leaves the answer. What belongs to one session is for no cache. */
static void put_json(struct visit *v, int http_status)
{
    struct response *out = &v->x->response;
    buf_clean_up(&out->body);
    out->body = v->answer.json;
    buf_init(&v->answer.json, 0);
    out->status = http_status;
    out->content_type = CONTENT_TYPE_JSON;
    response_header_text(out, "Cache-Control", "no-store");
}

static void put_etag(struct visit *v)
{
    response_header(&v->x->response, "ETag", "\"%" PRIu64 "\"", v->answer.cart_version);
}

/* ---- opening, by a service that knows the customer ---- */

/* A token can't be told a second time, so a repetition could not be answered as the first was. */
static enum status refuse_key(const struct exchange *x, struct error *err)
{
    if (headers_get(&x->request.headers, "Idempotency-Key", NULL) == 0)
        return STATUS_OK;
    return error_set(err, STATUS_BAD_REQUEST,
                     "Idempotency-Key is not taken here: a token is told once. Repeat the request without; a session whose "
                     "answer was lost ends by itself");
}

static enum status open_session(struct exchange *x, struct error *err)
{
    struct visit v;
    struct session_opening in;
    session_opening_init(&in);
    enum status status = begin(&v, x, false, err);
    if (status == STATUS_OK)
        status = refuse_key(x, err);
    if (status == STATUS_OK)
        status = session_opening_parse(x->request.body, &in, &x->findings, err);
    if (status == STATUS_OK)
        status = sessions_open(v.sessions, &in, clock_realtime_ms(x->app->clock), x->request.deadline_ms, &v.answer,
                               &x->findings, err);
    if (status == STATUS_OK) {
        put_json(&v, 201);
        x->response.secret = true;
        response_header(&x->response, "Location", "/session");
        if (in.cookie)
            sessions_http_set_cookie(&x->response, &v.answer.token, v.answer.ends_in_ms);
    }
    session_opening_clean_up(&in);
    return end(&v, false, status);
}

/* ---- with a token ---- */

static enum status get_session(struct exchange *x, struct error *err)
{
    struct visit v;
    enum status status = begin(&v, x, true, err);
    if (status == STATUS_OK)
        status = sessions_visit(v.sessions, &v.name, VIEW_SESSION, x->request.deadline_ms, &v.answer, err);
    if (status == STATUS_OK)
        put_json(&v, 200);
    return end(&v, true, status);
}

static enum status patch_session(struct exchange *x, struct error *err)
{
    struct visit v;
    struct buf changes = BUF_INIT(0);
    enum status status = begin(&v, x, true, err);
    if (status == STATUS_OK)
        status = session_patch_parse(x->request.body, &changes, &x->findings, err);
    if (status == STATUS_OK)
        status = sessions_patch(v.sessions, &v.name, buf_slice(&changes), x->request.deadline_ms, &v.answer, &x->findings, err);
    if (status == STATUS_OK)
        put_json(&v, 200);
    buf_clean_up(&changes);
    return end(&v, true, status);
}

static enum status rotate_session(struct exchange *x, struct error *err)
{
    struct visit v;
    enum status status = begin(&v, x, true, err);
    if (status == STATUS_OK)
        status = refuse_key(x, err);
    if (status == STATUS_OK)
        status = sessions_rotate(v.sessions, &v.name, v.by_cookie ? VIEW_SESSION : VIEW_SESSION_WITH_TOKEN,
                                 x->request.deadline_ms, &v.answer, err);
    if (status == STATUS_OK) {
        put_json(&v, 200);
        x->response.secret = true;
        if (v.by_cookie)
            sessions_http_set_cookie(&x->response, &v.answer.token, v.answer.ends_in_ms);
    }
    return end(&v, true, status);
}

static enum status delete_session(struct exchange *x, struct error *err)
{
    struct visit v;
    enum status status = begin(&v, x, true, err);
    if (status == STATUS_OK)
        status = sessions_finish(v.sessions, &v.name, x->request.deadline_ms, &v.answer, err);
    if (status == STATUS_OK) {
        x->response.status = 204;
        if (v.by_cookie)
            sessions_http_set_cookie(&x->response, NULL, 0);
    }
    return end(&v, true, status);
}

/* ---- the cart ---- */

static bool is_listed(const char *list, uint64_t version)
{
    char wanted[32];
    (void)snprintf(wanted, sizeof wanted, ",%" PRIu64 ",", version);
    return strcmp(list, "*") == 0 || strstr(list, wanted) != NULL;
}

static enum status get_cart(struct exchange *x, struct error *err)
{
    struct visit v;
    char match[PRECONDITION_LIST_SIZE] = "";
    char none_of[PRECONDITION_LIST_SIZE];
    enum status status = begin(&v, x, true, err);
    if (status == STATUS_OK)
        status = sessions_http_precondition(&x->request, "If-Match", false, match, err);
    if (status == STATUS_OK)
        status = sessions_http_precondition(&x->request, "If-None-Match", true, none_of, err);
    if (status == STATUS_OK)
        status = sessions_visit(v.sessions, &v.name, VIEW_CART, x->request.deadline_ms, &v.answer, err);
    if (status == STATUS_OK)
        put_etag(&v);
    if (status == STATUS_OK && match[0] != '\0' && !is_listed(match, v.answer.cart_version)) {
        status = error_set(err, STATUS_PRECONDITION_FAILED, "The cart's version is %" PRIu64, v.answer.cart_version);
    } else if (status == STATUS_OK) {
        put_json(&v, 200);
        response_header(&x->response, "Cache-Control", "private, no-cache");
        if (is_listed(none_of, v.answer.cart_version)) {
            /* The body stays for its length, which a 304 states as a 200 would; it is not sent. */
            x->response.status = 304;
            x->response.content_type = NULL;
        }
    }
    return end(&v, true, status);
}

/* Answers a change: with the cart, or, where something was taken out, without. */
static enum status change_cart(struct visit *v, const struct cart_change *asked, struct error *err)
{
    struct exchange *x = v->x;
    struct cart_change change = *asked;
    char match[PRECONDITION_LIST_SIZE];
    char none_of[PRECONDITION_LIST_SIZE];
    enum status status = sessions_http_precondition(&x->request, "If-Match", false, match, err);
    if (status == STATUS_OK)
        status = sessions_http_precondition(&x->request, "If-None-Match", true, none_of, err);
    if (status != STATUS_OK)
        return status;
    change.if_match = slice_cstr(match);
    change.if_none_match = slice_cstr(none_of);
    status = sessions_change_cart(v->sessions, &v->name, &change, x->request.deadline_ms, &v->answer, err);
    x->audit.version = v->answer.cart_version;
    if (status == STATUS_OK || status == STATUS_PRECONDITION_FAILED)
        put_etag(v);
    if (status == STATUS_OK && change.take_out)
        x->response.status = 204;
    else if (status == STATUS_OK)
        put_json(v, 200);
    return status;
}

static enum status check_sku(const struct exchange *x, struct error *err)
{
    return cart_sku_is_valid(x->request.segments[0]) ? STATUS_OK : error_set(err, STATUS_NOT_FOUND, "There is no such path");
}

static enum status put_item(struct exchange *x, struct error *err)
{
    struct visit v;
    struct cart_change change = { .sku = x->request.segments[0] };
    enum status status = begin(&v, x, true, err);
    if (status == STATUS_OK)
        status = check_sku(x, err);
    if (status == STATUS_OK)
        status = cart_item_parse(x->request.body, &change, &x->findings, err);
    if (status == STATUS_OK)
        status = change_cart(&v, &change, err);
    return end(&v, true, status);
}

static enum status delete_item(struct exchange *x, struct error *err)
{
    struct visit v;
    struct cart_change change = { .sku = x->request.segments[0], .take_out = true };
    enum status status = begin(&v, x, true, err);
    if (status == STATUS_OK)
        status = check_sku(x, err);
    if (status == STATUS_OK)
        status = change_cart(&v, &change, err);
    return end(&v, true, status);
}

static enum status delete_cart(struct exchange *x, struct error *err)
{
    struct visit v;
    struct cart_change change = { .take_out = true };
    enum status status = begin(&v, x, true, err);
    if (status == STATUS_OK)
        status = change_cart(&v, &change, err);
    return end(&v, true, status);
}

/* ---- a customer's sessions ---- */

static enum status list_sessions(struct exchange *x, struct error *err)
{
    struct visit v;
    enum status status = begin(&v, x, false, err);
    if (status == STATUS_OK)
        status = sessions_list(v.sessions, &x->request.resource, x->request.deadline_ms, &v.answer, err);
    if (status == STATUS_OK)
        put_json(&v, 200);
    return end(&v, false, status);
}

static enum status delete_sessions(struct exchange *x, struct error *err)
{
    struct visit v;
    enum status status = begin(&v, x, false, err);
    if (status == STATUS_OK)
        status = sessions_finish_all(v.sessions, &x->request.resource, x->request.deadline_ms, err);
    if (status == STATUS_OK)
        x->response.status = 204;
    return end(&v, false, status);
}

#define WITH_TOKEN .admit = sessions_http_admit

static const struct route routes[] = {
    { .method = METHOD_POST, .path = "/sessions", .operation = "openSession", .scope = SCOPE_WRITE, .handler = open_session,
      .body = CONTENT_JSON },
    { .method = METHOD_GET, .path = "/session", .operation = "getSession", WITH_TOKEN, .handler = get_session },
    { .method = METHOD_PATCH, .path = "/session", .operation = "patchSession", WITH_TOKEN, .handler = patch_session,
      .body = CONTENT_JSON | CONTENT_MERGE_PATCH },
    { .method = METHOD_DELETE, .path = "/session", .operation = "endSession", WITH_TOKEN, .handler = delete_session },
    { .method = METHOD_POST, .path = "/session/rotate", .operation = "rotateSession", WITH_TOKEN, .handler = rotate_session },
    { .method = METHOD_GET, .path = "/session/cart", .operation = "getCart", WITH_TOKEN, .handler = get_cart },
    { .method = METHOD_DELETE, .path = "/session/cart", .operation = "emptyCart", WITH_TOKEN, .handler = delete_cart },
    { .method = METHOD_PUT, .path = "/session/cart/items/{sku}", .operation = "putCartItem", WITH_TOKEN, .handler = put_item,
      .body = CONTENT_JSON },
    { .method = METHOD_DELETE, .path = "/session/cart/items/{sku}", .operation = "removeCartItem", WITH_TOKEN,
      .handler = delete_item },
    { .method = METHOD_GET, .path = "/customers/{id}/sessions", .operation = "listSessions", .scope = SCOPE_READ,
      .handler = list_sessions },
    { .method = METHOD_DELETE, .path = "/customers/{id}/sessions", .operation = "endSessions", .scope = SCOPE_WRITE,
      .handler = delete_sessions },
    { .path = NULL },
};

/* ---- the resource ---- */

static enum status check(const void *settings, const struct config *config, struct error *err)
{
    (void)config;
    return sessions_settings_check(settings, err);
}

static enum status start(struct app *app, const void *settings, void **state, struct error *err)
{
    const struct sessions_options options = {
        .cluster = app->cluster,
        .request_timeout_ms = app->config->http.request_timeout_ms,
        .settings = *(const struct sessions_settings *)settings,
    };
    *state = sessions_new(&options, err);
    return *state == NULL ? err->code : STATUS_OK;
}

static void stop(void *state)
{
    sessions_destroy(state);
}

static void write_metrics(void *state, struct buf *out)
{
    sessions_write_metrics(state, out);
}

_Static_assert(sizeof(struct sessions_settings) <= RESOURCE_SETTINGS_MAX_BYTES, "the settings have room");

const struct resource sessions_resource = {
    .name = "sessions",
    .routes = routes,
    .needs = &customers_resource,
    .uses_database = true,
    .rows = sessions_settings_rows,
    .n_rows = SESSIONS_SETTINGS_ROWS,
    .check = check,
    .start = start,
    .stop = stop,
    .write_metrics = write_metrics,
};
