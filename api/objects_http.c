#include "customerd/api/objects_http.h"

#include "customerd/aws/s3.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* What is longer is not handed on: the head of an answer has little room. */
#define FIELD_MAX_BYTES 1024
#define FIELDS_MAX_BYTES 2048

/* Somebody else's page at this service's origin could act for whoever looks at it. As a document it has no origin, and runs
 * nothing; as anything else the policy doesn't concern it. */
#define OBJECT_POLICY "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
#define TYPE_OF_BYTES "application/octet-stream"

struct object_answer {
    struct object_view view;
    char text[FIELDS_MAX_BYTES];
    size_t text_len;
};

/* ---- an answer ---- */

struct object_answer *object_answer_new(void)
{
    struct object_answer *a = malloc(sizeof *a);
    if (a == NULL)
        return NULL;
    a->text_len = 0;
    object_view_init(&a->view);
    return a;
}

void object_answer_destroy(struct object_answer *a)
{
    if (a == NULL)
        return;
    object_view_clean_up(&a->view);
    free(a);
}

struct object_view *object_answer_view(struct object_answer *a)
{
    object_view_clean_up(&a->view);
    return &a->view;
}

static struct slice field_of(const struct object_view *view, enum s3_field field)
{
    return view->meta == NULL ? slice_of("", 0) : view->meta->fields[field];
}

/* As a text that lives as long as the answer; NULL when there is none, or it can't be handed on. */
static const char *text_of(struct object_answer *a, enum s3_field field)
{
    struct slice value = field_of(&a->view, field);
    if (value.len == 0 || value.len > FIELD_MAX_BYTES || value.len >= sizeof a->text - a->text_len)
        return NULL;
    char *text = a->text + a->text_len;
    memcpy(text, value.ptr, value.len);
    text[value.len] = '\0';
    a->text_len += value.len + 1;
    return text;
}

struct validators objects_http_validators(const struct object_view *view, int64_t now_s)
{
    return (struct validators){
        .etag = field_of(view, S3_ETAG),
        .last_modified = field_of(view, S3_LAST_MODIFIED),
        .now_s = now_s,
    };
}

/* "bytes 0-9/1234" */
static int64_t total_of(struct slice content_range)
{
    int64_t total = 0;
    (void)slice_take(&content_range, '/');
    for (size_t i = 0; i < content_range.len; i++) {
        char c = content_range.ptr[i];
        if (c < '0' || c > '9' || total > (INT64_MAX - 9) / 10)
            return -1;
        total = total * 10 + (c - '0');
    }
    return content_range.len == 0 ? -1 : total;
}

int64_t objects_http_length(const struct object_view *view)
{
    if (view->status == 206)
        return total_of(field_of(view, S3_CONTENT_RANGE));
    if (view->body.len > 0)
        return (int64_t)view->body.len;
    return view->meta == NULL ? -1 : view->meta->length;
}

/* ---- fields ---- */

static const char *word_of(enum object_source source)
{
    switch (source) {
    case OBJECT_HIT:
        return "hit";
    case OBJECT_MISS:
        return "miss";
    case OBJECT_STALE:
        return "stale";
    default:
        return "bypass";
    }
}

void objects_http_put_source(struct response *out, const struct object_view *view)
{
    int64_t age_ms = view->age_ms < 0 ? 0 : view->age_ms;
    response_header_text(out, "X-Cache", word_of(view->source));
    response_header(out, "Age", "%" PRId64, age_ms / 1000);
}

static void put_field(struct response *out, const char *name, const char *text)
{
    if (text != NULL)
        response_header_text(out, name, text);
}

/* What a token opened is for its owner, whatever was stored with the object for others. */
static void put_caching(struct exchange *x, struct object_answer *a)
{
    const char *stored = x->app->authenticator == NULL ? text_of(a, S3_CACHE_CONTROL) : NULL;
    response_header_text(&x->response, "Cache-Control", stored == NULL ? "private, no-cache" : stored);
}

/* What 200, 206 and 304 tell alike. */
static void put_validators(struct exchange *x, struct object_answer *a)
{
    struct response *out = &x->response;
    objects_http_put_source(out, &a->view);
    put_field(out, "ETag", text_of(a, S3_ETAG));
    put_field(out, "Last-Modified", text_of(a, S3_LAST_MODIFIED));
    put_caching(x, a);
}

static void put_description(struct response *out, struct object_answer *a)
{
    const char *type = text_of(a, S3_CONTENT_TYPE);
    out->content_type = type == NULL ? TYPE_OF_BYTES : type;
    put_field(out, "Content-Language", text_of(a, S3_CONTENT_LANGUAGE));
    put_field(out, "Content-Disposition", text_of(a, S3_CONTENT_DISPOSITION));
    response_header_text(out, "Accept-Ranges", "bytes");
    response_header_text(out, "Content-Security-Policy", OBJECT_POLICY);
    response_header_text(out, "Cross-Origin-Resource-Policy", "same-origin");
}

void objects_http_put_current(struct response *out, const struct object_view *view)
{
    struct slice etag = field_of(view, S3_ETAG);
    objects_http_put_source(out, view);
    if (etag.len > 0 && etag.len <= FIELD_MAX_BYTES / 4)
        response_header(out, "ETag", "%.*s", (int)etag.len, etag.ptr);
}

/* ---- bodies ---- */

static size_t read_stream(void *ctx, void *out, size_t size, enum response_piece *piece)
{
    struct object_answer *a = ctx;
    enum http_stream_state state;
    size_t n = s3_stream_read(a->view.stream, out, size, &state);
    *piece = state == HTTP_STREAM_MORE ? RESPONSE_MORE : state == HTTP_STREAM_END ? RESPONSE_END : RESPONSE_FAILED;
    return n;
}

static bool wait_for_stream(void *ctx, int64_t until_ms)
{
    const struct object_answer *a = ctx;
    return s3_stream_wait(a->view.stream, until_ms);
}

static void release(void *ctx)
{
    object_answer_destroy(ctx);
}

static void put_source(struct response *out, struct object_answer **a, enum response_source_kind kind, int64_t length)
{
    out->source = (struct response_source){
        .kind = kind,
        .length = length < 0 ? RESPONSE_LENGTH_UNKNOWN : (uint64_t)length,
        .bytes = (*a)->view.body,
        .read = read_stream,
        .wait = wait_for_stream,
        .release = release,
        .ctx = *a,
    };
    *a = NULL;
}

/* What S3 has cut out itself, and streams. */
static void put_part_of_s3(struct response *out, struct object_answer **a)
{
    struct slice range = field_of(&(*a)->view, S3_CONTENT_RANGE);
    out->status = 206;
    response_header(out, "Content-Range", "%.*s", (int)(range.len < 128 ? range.len : 128), range.ptr);
    if ((*a)->view.stream != NULL)
        put_source(out, a, RESPONSE_STREAM, (*a)->view.meta->length);
    else
        put_source(out, a, RESPONSE_SHARED, (*a)->view.meta->length);
}

void objects_http_put_object(struct exchange *x, struct object_answer **a, const struct range *range)
{
    struct response *out = &x->response;
    const struct object_view *view = &(*a)->view;
    int64_t length = objects_http_length(view);
    /* Before what could take its room: without it the bytes are other ones. */
    put_field(out, "Content-Encoding", text_of(*a, S3_CONTENT_ENCODING));
    put_validators(x, *a);
    put_description(out, *a);
    out->status = 200;
    if (slice_is(x->request.method, "HEAD")) {
        put_source(out, a, RESPONSE_LENGTH, length);
    } else if (view->status == 206) {
        put_part_of_s3(out, a);
    } else if (view->stream != NULL) {
        put_source(out, a, RESPONSE_STREAM, length);
    } else {
        put_source(out, a, RESPONSE_SHARED, length);
        if (range->kind == RANGE_WHOLE || range->last >= out->source.bytes.len)
            return;
        out->status = 206;
        out->source.bytes = slice_of(out->source.bytes.ptr + range->first, (size_t)(range->last - range->first + 1));
        response_header(out, "Content-Range", "bytes %" PRIu64 "-%" PRIu64 "/%" PRId64, range->first, range->last, length);
    }
}

void objects_http_put_unchanged(struct exchange *x, struct object_answer **a)
{
    put_validators(x, *a);
    x->response.status = 304;
    put_source(&x->response, a, RESPONSE_LENGTH, objects_http_length(&(*a)->view));
}

/* ---- writing ---- */

static enum status read_once(const struct request *r, const char *name, struct slice *out, struct error *err)
{
    size_t n = headers_get(&r->headers, name, out);
    *out = headers_trim(*out);
    if (n > 1)
        return error_set(err, STATUS_BAD_REQUEST, "%s stands there more than once", name);
    if (out->len > FIELD_MAX_BYTES)
        return error_set(err, STATUS_BAD_REQUEST, "%s may have %d bytes", name, FIELD_MAX_BYTES);
    return memchr(out->ptr, '\t', out->len) == NULL ? STATUS_OK
                                                    : error_set(err, STATUS_BAD_REQUEST, "%s holds a tab", name);
}

static bool is_strong_tag(struct slice text)
{
    return text.len >= 2 && text.ptr[0] == '"' && memchr(text.ptr + 1, '"', text.len - 1) == text.ptr + text.len - 1;
}

/* S3 alone can judge a condition together with the write, and knows these. Others may not be passed over in silence: who sends them counts on
 * them. */
static enum status read_condition(const struct request *r, bool delete, struct slice *if_match, struct slice *if_none_match,
                                  struct error *err)
{
    enum status status = read_once(r, "If-Match", if_match, err);
    if (status == STATUS_OK)
        status = read_once(r, "If-None-Match", if_none_match, err);
    if (status != STATUS_OK)
        return status;
    if (if_match->len > 0 && !is_strong_tag(*if_match))
        return error_set(err, STATUS_BAD_REQUEST, "If-Match must be one entity tag, as S3 judges it");
    if (if_none_match->len > 0 && (delete || !slice_is(*if_none_match, "*")))
        return error_set(err, STATUS_BAD_REQUEST, delete ? "If-None-Match is not taken here; use If-Match"
                                                         : "If-None-Match must be \"*\", as S3 judges it");
    if (if_match->len > 0 && if_none_match->len > 0)
        return error_set(err, STATUS_BAD_REQUEST, "If-Match and If-None-Match exclude each other");
    if (headers_get(&r->headers, "If-Unmodified-Since", NULL) > 0)
        return error_set(err, STATUS_BAD_REQUEST, "If-Unmodified-Since is not taken here; use If-Match");
    return STATUS_OK;
}

enum status objects_http_read_content(const struct request *r, struct object_content *out, struct error *err)
{
    *out = (struct object_content){ .body = r->body };
    const struct {
        const char *name;
        struct slice *value;
    } fields[] = {
        { "Content-Type", &out->content_type },
        { "Content-Encoding", &out->content_encoding },
        { "Content-Language", &out->content_language },
        { "Content-Disposition", &out->content_disposition },
        { "Cache-Control", &out->cache_control },
        { "Content-MD5", &out->content_md5 },
    };
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < sizeof fields / sizeof *fields; i++)
        status = read_once(r, fields[i].name, fields[i].value, err);
    if (out->content_type.len == 0) /* S3 would store one of its own, which nobody has sent */
        out->content_type = slice_cstr(TYPE_OF_BYTES);
    /* RFC 9110 section 14.5: it would be a part, and be taken for the whole. */
    if (status == STATUS_OK && headers_get(&r->headers, "Content-Range", NULL) > 0)
        status = error_set(err, STATUS_BAD_REQUEST, "An object is written as a whole: Content-Range is not taken");
    return status == STATUS_OK ? read_condition(r, false, &out->if_match, &out->if_none_match, err) : status;
}

enum status objects_http_read_delete(const struct request *r, struct slice *if_match, struct error *err)
{
    struct slice if_none_match;
    return read_condition(r, true, if_match, &if_none_match, err);
}
