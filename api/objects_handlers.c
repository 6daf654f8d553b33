/* Objects over HTTP: decode, one call of the cache, encode. */
#include "customerd/api/negotiate.h"
#include "customerd/api/objects_http.h"
#include "customerd/api/resource.h"
#include "customerd/core/crypto.h"
#include "customerd/objects/events.h"
#include "customerd/objects/objects.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "objects_command.h"

#define SCOPE_READ "objects:read"
#define SCOPE_WRITE "objects:write"

extern const struct resource objects_resource;

struct objects_state {
    const struct objects_settings *settings;
    struct objects_service *service;
};

/* ---- names ---- */

/* The audit names an object by the first half of SHA-256 of "bucket:key": who knows the name finds it, and no name stands in the log. */
static void name_for_audit(struct exchange *x, const struct object_name *name)
{
    char text[OBJECT_BUCKET_MAX_BYTES + 1 + OBJECT_KEY_MAX_BYTES];
    uint8_t digest[SHA256_BYTES];
    memcpy(text, name->bucket.ptr, name->bucket.len);
    text[name->bucket.len] = ':';
    memcpy(text + name->bucket.len + 1, name->key.ptr, name->key.len);
    x->audit.id_known = sha256(slice_of(text, name->bucket.len + 1 + name->key.len), digest);
    memcpy(x->audit.id.bytes, digest, UUID_BYTES);
}

static enum status read_name(struct exchange *x, struct object_path *path, struct object_name *out, struct error *err)
{
    const struct objects_state *state = resource_state(x->app, &objects_resource);
    enum status status = object_path_decode(x->request.segments[0], x->request.segments[1], path, err);
    if (status == STATUS_OK && !objects_settings_has_bucket(state->settings, path->bucket))
        status = error_set(err, STATUS_NOT_FOUND, "There is no such bucket");
    *out = (struct object_name){ .bucket = path->bucket, .key = path->key };
    return status;
}

static struct objects *objects_of(const struct exchange *x)
{
    const struct objects_state *state = resource_state(x->app, &objects_resource);
    return objects_service_objects(state->service);
}

/* The database has a name of its own for this. */
static enum status name_the_cache(enum status status, struct error *err)
{
    if (status == STATUS_UNAVAILABLE)
        status = err->code = STATUS_CACHE_UNAVAILABLE;
    return status;
}

/* ---- reading ---- */

struct reading {
    struct exchange *x;
    struct object_name name;
    struct range range;
    bool head;
    struct object_answer *answer;
    const struct object_view *view; /* the answer's */
    int64_t now_s;
};

/* Of an object that the cache does not keep: whether the conditions let its bytes be sent. */
static bool wants_bytes(void *ctx, const struct s3_meta *meta)
{
    const struct reading *r = ctx;
    const struct object_view view = { .status = 200, .meta = meta };
    const struct validators there = objects_http_validators(&view, r->now_s);
    enum conditions conditions;
    struct error ignored;
    return conditions_judge(&r->x->request.headers, &there, &conditions, &ignored) == STATUS_OK && conditions == CONDITIONS_HOLD;
}

/* As S3 reads it. */
static struct slice range_text(const struct range *range, char text[64])
{
    int len = 0;
    if (range->kind == RANGE_SUFFIX)
        len = snprintf(text, 64, "bytes=-%" PRIu64, range->first);
    else if (range->kind == RANGE_FROM)
        len = snprintf(text, 64, "bytes=%" PRIu64 "-", range->first);
    else if (range->kind == RANGE_BETWEEN)
        len = snprintf(text, 64, "bytes=%" PRIu64 "-%" PRIu64, range->first, range->last);
    return slice_of(text, (size_t)len);
}

static enum status fetch(struct reading *r, bool head, struct error *err)
{
    char text[64];
    struct slice range = head ? slice_of("", 0) : range_text(&r->range, text);
    const struct object_wish wish = {
        .head = head,
        .range = range,
        .range_tag = range.len > 0 ? range_tag(&r->x->request.headers) : slice_of("", 0),
        .wants_bytes = conditions_given(&r->x->request.headers) ? wants_bytes : NULL,
        .ctx = r,
    };
    struct object_view *view = object_answer_view(r->answer);
    r->view = view;
    enum status status = objects_get(objects_of(r->x), &r->name, &wish, r->x->request.deadline_ms, view, err);
    if (status == STATUS_NOT_FOUND)
        objects_http_put_source(&r->x->response, view);
    return name_the_cache(status, err);
}

static struct validators validators_of(const struct reading *r)
{
    return objects_http_validators(r->view, r->now_s);
}

static enum status not_there(struct reading *r, struct error *err)
{
    struct response *out = &r->x->response;
    int64_t length = objects_http_length(r->view);
    objects_http_put_current(out, r->view);
    response_header_text(out, "Accept-Ranges", "bytes");
    if (length >= 0)
        response_header(out, "Content-Range", "bytes */%" PRId64, length);
    return error_set(err, STATUS_RANGE_NOT_SATISFIABLE, "The object has none of these bytes");
}

static enum status judge(struct reading *r, enum conditions *out, struct error *err)
{
    const struct validators there = validators_of(r);
    enum status status = conditions_judge(&r->x->request.headers, &there, out, err);
    if (status != STATUS_OK || *out != CONDITIONS_FAIL)
        return status;
    objects_http_put_current(&r->x->response, r->view);
    return error_set(err, STATUS_PRECONDITION_FAILED, "The object is not in the state that the request is for");
}

/* Conditions go before the range (RFC 9110 section 13.2.2). S3 does not say what there is where it refuses a range: then it is asked
 * for that alone. */
static enum status fetch_judged(struct reading *r, bool *refused, enum conditions *conditions, struct error *err)
{
    enum status status = fetch(r, r->head, err);
    *refused = status == STATUS_OK && r->view->status == 416;
    if (*refused)
        status = fetch(r, true, err);
    return status == STATUS_OK ? judge(r, conditions, err) : status;
}

static bool range_is_void(const struct reading *r)
{
    const struct validators there = validators_of(r);
    return r->range.kind != RANGE_WHOLE && !range_holds(&r->x->request.headers, &there);
}

static enum status read_object(struct reading *r, struct error *err)
{
    enum conditions conditions = CONDITIONS_HOLD;
    bool refused = false;
    enum status status = fetch_judged(r, &refused, &conditions, err);
    if (status == STATUS_OK && conditions != CONDITIONS_UNCHANGED && range_is_void(r)) {
        r->range.kind = RANGE_WHOLE;
        if (refused || r->view->status == 206) /* S3 was asked for the part */
            status = fetch_judged(r, &refused, &conditions, err);
    }
    if (status != STATUS_OK)
        return status;
    if (conditions == CONDITIONS_UNCHANGED) {
        objects_http_put_unchanged(r->x, &r->answer);
        return STATUS_OK;
    }
    int64_t length = objects_http_length(r->view);
    if (refused || (length >= 0 && r->view->status == 200 && !range_fit(&r->range, (uint64_t)length)))
        return not_there(r, err);
    objects_http_put_object(r->x, &r->answer, &r->range);
    return STATUS_OK;
}

static enum status get_object(struct exchange *x, struct error *err)
{
    struct object_path path;
    struct reading r = { .x = x, .head = slice_is(x->request.method, "HEAD"), .range = { .kind = RANGE_WHOLE } };
    enum status status = read_name(x, &path, &r.name, err);
    if (status != STATUS_OK)
        return status;
    r.now_s = clock_realtime_ms(x->app->clock) / 1000;
    if (!r.head)
        r.range = range_read(&x->request.headers);
    r.answer = object_answer_new();
    status = r.answer == NULL ? error_set(err, STATUS_INTERNAL, "Out of memory") : read_object(&r, err);
    object_answer_destroy(r.answer);
    return status;
}

/* ---- writing ---- */

static enum status put_object(struct exchange *x, struct error *err)
{
    struct object_path path;
    struct object_name name;
    struct object_content content;
    struct object_written written;
    enum status status = read_name(x, &path, &name, err);
    if (status == STATUS_OK)
        status = objects_http_read_content(&x->request, &content, err);
    if (status != STATUS_OK)
        return status;
    name_for_audit(x, &name);
    status = objects_put(objects_of(x), &name, &content, x->request.deadline_ms, &written, err);
    if (status != STATUS_OK)
        return name_the_cache(status, err);
    x->response.status = 200;
    if (written.etag[0] != '\0')
        response_header(&x->response, "ETag", "%s", written.etag);
    return STATUS_OK;
}

static enum status delete_object(struct exchange *x, struct error *err)
{
    struct object_path path;
    struct object_name name;
    struct slice if_match;
    struct object_written written;
    enum status status = read_name(x, &path, &name, err);
    if (status == STATUS_OK)
        status = objects_http_read_delete(&x->request, &if_match, err);
    if (status != STATUS_OK)
        return status;
    name_for_audit(x, &name);
    status = objects_delete(objects_of(x), &name, if_match, x->request.deadline_ms, &written, err);
    if (status != STATUS_OK)
        return name_the_cache(status, err);
    x->response.status = 204;
    return STATUS_OK;
}

/* ---- what S3 tells ---- */

static enum status receive_events(struct exchange *x, struct error *err)
{
    struct object_events events;
    size_t dropped;
    object_events_init(&events);
    enum status status = object_events_parse(x->request.body, &events, &x->findings, err);
    if (status == STATUS_OK)
        status = objects_forget(objects_of(x), events.items, events.n, x->request.deadline_ms, &dropped, err);
    if (status == STATUS_OK)
        x->response.status = 204;
    object_events_clean_up(&events);
    return name_the_cache(status, err);
}

/* ---- routes ---- */

static int64_t put_max_bytes(const struct app *app)
{
    const struct objects_state *state = resource_state(app, &objects_resource);
    return state->settings->bounds.put_max_bytes;
}

static int64_t events_max_bytes(const struct app *app)
{
    (void)app;
    return OBJECT_EVENTS_BODY_MAX_BYTES;
}

#define OBJECT_PATH "/objects/{bucket}/{key...}"

static const struct route routes[] = {
    { .method = METHOD_GET, .path = OBJECT_PATH, .operation = "getObject", .scope = SCOPE_READ, .handler = get_object,
      .produces = CONTENT_TYPE_ANY },
    { .method = METHOD_PUT, .path = OBJECT_PATH, .operation = "putObject", .scope = SCOPE_WRITE, .handler = put_object,
      .produces = CONTENT_TYPE_NONE, .body = CONTENT_ANY, .body_max_bytes = put_max_bytes },
    { .method = METHOD_DELETE, .path = OBJECT_PATH, .operation = "deleteObject", .scope = SCOPE_WRITE, .handler = delete_object },
    { .method = METHOD_POST, .path = "/objects/events", .operation = "receiveObjectEvents", .scope = SCOPE_WRITE,
      .handler = receive_events, .produces = CONTENT_TYPE_NONE, .body = CONTENT_JSON, .body_max_bytes = events_max_bytes },
    { .path = NULL },
};

/* ---- the resource ---- */

static enum status check(const void *settings, const struct config *config, struct error *err)
{
    enum status status = objects_settings_check(settings, config->http.request_timeout_ms, err);
    return status == STATUS_OK ? objects_service_check(settings, err) : status;
}

static void stop(void *at)
{
    struct objects_state *state = at;
    objects_service_destroy(state->service);
    free(state);
}

static enum status start(struct app *app, const void *settings, void **out, struct error *err)
{
    struct objects_state *state = calloc(1, sizeof *state);
    if (state == NULL)
        return error_set(err, STATUS_INTERNAL, "out of memory");
    state->settings = settings;
    state->service = objects_service_new(settings, app->config, app->io, app->clock, app->log, err);
    if (state->service == NULL) {
        free(state);
        return err->code;
    }
    *out = state;
    return STATUS_OK;
}

static void write_readiness(void *at, struct buf *out)
{
    const struct objects_state *state = at;
    objects_service_write_readiness(state->service, out);
}

static void write_metrics(void *at, struct buf *out)
{
    const struct objects_state *state = at;
    objects_service_write_metrics(state->service, out);
}

_Static_assert(sizeof(struct objects_settings) <= RESOURCE_SETTINGS_MAX_BYTES, "the settings have room");

const struct resource objects_resource = {
    .name = "objects",
    .routes = routes,
    .rows = objects_settings_rows,
    .n_rows = OBJECTS_SETTINGS_ROWS,
    .commands = objects_commands,
    .check = check,
    .start = start,
    .stop = stop,
    .write_readiness = write_readiness,
    .write_metrics = write_metrics,
};
