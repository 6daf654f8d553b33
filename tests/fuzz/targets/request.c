/* A request's head as the service is given it: method and target, then a line for each field. What the framing check lets
 * pass has one length at most; what was chosen of it (path, id, trace) is well-formed; negotiation never depends on the
 * order of fields it does not read. An object's key climbs nowhere; a range lies within what is there. */
#include "fuzz.h"

#include "customerd/api/conditions.h"
#include "customerd/api/cors.h"
#include "customerd/api/framing.h"
#include "customerd/api/negotiate.h"
#include "customerd/api/object_path.h"
#include "customerd/api/problem.h"
#include "customerd/api/request.h"

static void read_fields(struct slice text, struct headers *out)
{
    while (text.len > 0) {
        struct slice value = slice_take(&text, '\n');
        struct slice name = slice_take(&value, ':');
        headers_add(out, name, headers_trim(value));
    }
}

static void check_framing(const struct headers *h)
{
    struct slice coding;
    if (framing_check(h, false) != NULL)
        return;
    size_t lengths = headers_get(h, "Content-Length", NULL);
    size_t codings = headers_get(h, "Transfer-Encoding", &coding);
    REQUIRE(lengths + codings <= 1 && headers_get(h, "Host", NULL) == 1);
    REQUIRE(codings == 0 || slice_is_nocase(coding, "chunked"));
    for (size_t i = 0; i < h->n; i++) {
        REQUIRE(headers_is_token(h->items[i].name));
        for (size_t at = 0; at < h->items[i].value.len; at++)
            REQUIRE((unsigned char)h->items[i].value.ptr[at] >= ' ' || h->items[i].value.ptr[at] == '\t');
    }
}

static void check_identity(struct request *r)
{
    request_identify(r);
    size_t len = strlen(r->id);
    REQUIRE(len >= 1 && len <= REQUEST_ID_MAX_CHARS && strspn(r->id, "0123456789abcdefghijklmnopqrstuvwxyz"
                                                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ/+_=.:-") == len);
    REQUIRE(strspn(r->trace.trace_id, "0123456789abcdef") == TRACE_ID_SIZE - 1);
    REQUIRE(strspn(r->trace.span_id, "0123456789abcdef") == SPAN_ID_SIZE - 1);
    REQUIRE(r->trace.parent_id[0] == '\0' || strspn(r->trace.parent_id, "0123456789abcdef") == SPAN_ID_SIZE - 1);
}

static void check_target(struct request *r, struct slice target)
{
    request_set_target(r, target);
    REQUIRE(target.len == 0 || r->path.len > 0);
    REQUIRE(memchr(r->path.ptr, '?', r->path.len) == NULL);
    REQUIRE(r->path.len + r->query.len <= target.len + 1);
    (void)problem_path_is_plain(r->path);
}

/* What an answer repeats of a request must not hold a line break, whatever the request holds. */
static void check_cors(const struct request *r)
{
    struct response out;
    response_init(&out);
    cors_add_headers("https://app.example,https://b.example", r, "GET, HEAD", &out);
    for (size_t i = 0; i < out.n_headers; i++)
        REQUIRE(strpbrk(out.headers[i].value, "\r\n") == NULL);
    response_clean_up(&out);
}

static void check_negotiation(struct headers *h)
{
    struct slice type;
    bool json = negotiate_accepts(h, "application/json");
    headers_get(h, "Content-Type", &type);
    const char *wrong = negotiate_content_type(type, CONTENT_JSON);
    REQUIRE(wrong != NULL || negotiate_content_type(type, CONTENT_JSON | CONTENT_MERGE_PATCH) == NULL);
    if (h->n < HEADERS_MAX) {
        headers_add(h, slice_cstr("Accept"), slice_cstr("application/json;q=1"));
        REQUIRE(negotiate_accepts(h, "application/json"));
        h->n--;
    }
    REQUIRE(json == negotiate_accepts(h, "application/json; charset=utf-8"));
}

/* The target's path as bucket and key. */
static void check_object(const struct request *r)
{
    struct object_path path;
    struct error err;
    struct slice key = r->path;
    struct slice bucket = slice_take(&key, '/');
    if (object_path_decode(bucket, key, &path, &err) != STATUS_OK)
        return;
    REQUIRE(path.key.len <= S3_KEY_MAX_BYTES && path.bucket.len <= S3_BUCKET_MAX_BYTES);
    REQUIRE(path.key.len == 0 || memchr(path.key.ptr, '\0', path.key.len) == NULL);
    for (struct slice rest = path.key; rest.len > 0;) {
        struct slice segment = slice_take(&rest, '/');
        REQUIRE(!slice_is(segment, ".") && !slice_is(segment, ".."));
    }
}

static void check_conditions(const struct headers *h)
{
    static const struct validators there = { SLICE("\"9b2cf5\""), SLICE("Tue, 24 Nov 2026 10:00:00 GMT"), 1795651200 };
    struct error err;
    enum conditions judged;
    if (conditions_judge(h, &there, &judged, &err) == STATUS_OK)
        REQUIRE(judged == CONDITIONS_HOLD || headers_get(h, "If-Match", NULL) + headers_get(h, "If-None-Match", NULL) +
                                                     headers_get(h, "If-Modified-Since", NULL) +
                                                     headers_get(h, "If-Unmodified-Since", NULL) > 0);
    (void)range_holds(h, &there);
    for (uint64_t length = 0; length < 12; length += 5) {
        struct range range = range_read(h);
        if (range_fit(&range, length) && range.kind != RANGE_WHOLE)
            REQUIRE(range.first <= range.last && range.last < length);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct request r;
    char *copy = fuzz_copy(slice_of(data, size));
    struct slice rest = slice_of(copy, size);
    request_init(&r);
    struct slice line = slice_take(&rest, '\n');
    r.method = slice_take(&line, ' ');
    check_target(&r, slice_take(&line, ' '));
    read_fields(rest, &r.headers);
    check_framing(&r.headers);
    check_identity(&r);
    check_cors(&r);
    check_object(&r);
    check_conditions(&r.headers);
    check_negotiation(&r.headers);
    request_clean_up(&r);
    free(copy);
    return 0;
}
