#include "customerd/api/gate.h"

#include "customerd/api/framing.h"
#include "customerd/api/negotiate.h"

#include <inttypes.h>

static enum status check_sizes(struct exchange *x, struct error *err)
{
    const struct request *r = &x->request;
    if (r->target.len > URI_MAX_BYTES)
        return error_set(err, STATUS_URI_TOO_LONG, "The request target may have %d bytes", URI_MAX_BYTES);
    if (r->headers.seen > HEADERS_MAX || r->headers.bytes > HEADERS_MAX_BYTES)
        return error_set(err, STATUS_HEADERS_TOO_LARGE, "A request may have %d header fields and %d bytes of them",
                         HEADERS_MAX, HEADERS_MAX_BYTES);
    return STATUS_OK;
}

/* RFC 9112 section 3.2: a path, a whole URI, "*" for OPTIONS, an authority for CONNECT. */
static bool is_target(const struct request *r)
{
    if (slice_is(r->method, "CONNECT") || slice_is(r->target, "*"))
        return true;
    return r->path.len > 0 && r->path.ptr[0] == '/';
}

static bool has_blank_or_control(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == 0x7f)
            return true;
    return text.len == 0;
}

static bool announces_more_than(const struct request *r, int64_t max_bytes)
{
    uint64_t length;
    return framing_length(&r->headers, &length) && length > (uint64_t)max_bytes;
}

enum status gate_check_message(struct exchange *x, struct error *err)
{
    const struct request *r = &x->request;
    x->response.close = true;
    enum status status = check_sizes(x, err);
    if (status != STATUS_OK)
        return status;
    const char *wrong = framing_check(&r->headers, r->http_1_0);
    if (wrong == NULL && (has_blank_or_control(r->target) || !is_target(r) || !headers_is_token(r->method)))
        wrong = "The request line is malformed";
    if (wrong != NULL)
        return error_set(err, STATUS_BAD_REQUEST, "%s", wrong);
    x->response.close = false;
    return STATUS_OK;
}

enum status gate_check_body_size(struct exchange *x, struct error *err)
{
    const struct request *r = &x->request;
    int64_t body_max_bytes = exchange_body_max_bytes(x);
    if (!r->body_cut && !announces_more_than(r, body_max_bytes))
        return STATUS_OK;
    x->response.close = true;
    return error_set(err, STATUS_BODY_TOO_LARGE, "A body may have %" PRId64 " bytes", body_max_bytes);
}

static enum status check_body_type(struct exchange *x, const struct route *route, struct error *err)
{
    const struct headers *h = &x->request.headers;
    struct slice value;
    size_t n = headers_get(h, "Content-Type", &value);
    if (n > 1)
        return error_set(err, STATUS_BAD_REQUEST, "Content-Type stands there more than once");
    if (route->body == CONTENT_ANY)
        return STATUS_OK;
    if (x->request.body.len == 0) {
        x->findings.line = 1;
        x->findings.column = 1;
        return error_set(err, STATUS_MALFORMED_JSON,
                         "line 1, column 1 (byte 0): expected a value, found the end of the body");
    }
    const char *wrong = negotiate_content_type(value, route->body);
    n = headers_get(h, "Content-Encoding", &value);
    if (wrong == NULL && (n > 1 || (n == 1 && !slice_is_nocase(value, "identity"))))
        wrong = "A body with a Content-Encoding is not taken";
    if (wrong == NULL)
        return STATUS_OK;
    if (route->method == METHOD_PATCH)
        response_header_text(&x->response, "Accept-Patch", "application/merge-patch+json, application/json");
    return error_set(err, STATUS_UNSUPPORTED_MEDIA_TYPE, "%s", wrong);
}

enum status gate_check_route(struct exchange *x, const struct route *route, struct error *err)
{
    static const char *const no_params[] = { NULL };
    struct request *r = &x->request;
    const char *produces = route->produces == NULL ? CONTENT_TYPE_JSON : route->produces;
    bool negotiable = route->method != METHOD_DELETE && strcmp(produces, CONTENT_TYPE_ANY) != 0 && *produces != '\0';
    if (negotiable && !negotiate_accepts(&r->headers, produces))
        return error_set(err, STATUS_NOT_ACCEPTABLE, "Only %s is served here", produces);
    enum status status = query_parse(r->query, route->params == NULL ? no_params : route->params, &r->params, err);
    if (status == STATUS_OK && route->body != 0)
        status = check_body_type(x, route, err);
    if (status != STATUS_OK)
        return status;
    if (route->if_match_required && x->app->config->http.require_if_match &&
        headers_get(&r->headers, "If-Match", NULL) == 0)
        return error_set(err, STATUS_PRECONDITION_REQUIRED, "This request needs If-Match with the customer's ETag");
    return STATUS_OK;
}
