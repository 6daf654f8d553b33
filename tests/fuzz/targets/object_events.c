/* What S3 tells about changed objects: what is taken lies within its bounds; told again, in S3's shape and in EventBridge's,
 * each alone and in messages of SQS, SNS, and both, it is taken as the same; findings are JSON. */
#include "fuzz.h"

#include "customerd/core/json_read.h"
#include "customerd/core/json_utf8.h"
#include "customerd/objects/objects.h"

static void append_text(struct buf *out, const char *before, struct slice text)
{
    buf_append_cstr(out, before);
    buf_append_byte(out, '"');
    buf_append_json_escaped(out, text);
    buf_append_byte(out, '"');
}

static void append_s3(struct buf *out, const struct object_event *e)
{
    append_text(out, "{\"Records\":[{\"eventSource\":\"aws:s3\",\"eventVersion\":\"2.1\",\"eventName\":\"ObjectCreated:Put\","
                     "\"s3\":{\"bucket\":{\"name\":", e->bucket);
    buf_append_cstr(out, "},\"object\":{\"key\":\"");
    for (size_t i = 0; i < e->key.len; i++)
        buf_appendf(out, "%%%02X", (unsigned char)e->key.ptr[i]);
    append_text(out, "\",\"eTag\":", e->etag);
    buf_append_cstr(out, "}}}]}");
}

static void append_eventbridge(struct buf *out, const struct object_event *e)
{
    append_text(out, "{\"source\":\"aws.s3\",\"detail-type\":\"Object Created\",\"detail\":{\"bucket\":{\"name\":", e->bucket);
    append_text(out, "},\"object\":{\"key\":", e->key);
    append_text(out, ",\"etag\":", e->etag);
    buf_append_cstr(out, "}}}");
}

static void check_again(const struct buf *body, const struct object_event *e)
{
    struct object_events again;
    struct findings f;
    struct error err;
    object_events_init(&again);
    findings_init(&f);
    REQUIRE(buf_ok(body));
    REQUIRE(object_events_parse(buf_slice(body), &again, &f, &err) == STATUS_OK && again.n == 1);
    REQUIRE(slice_equal(again.items[0].bucket, e->bucket) && slice_equal(again.items[0].key, e->key));
    REQUIRE(slice_equal(again.items[0].etag, e->etag));
    findings_clean_up(&f);
    object_events_clean_up(&again);
}

static bool in_quotes(struct slice etag)
{
    return etag.len >= 2 && etag.ptr[0] == '"' && etag.ptr[etag.len - 1] == '"';
}

static void check_event(const struct object_event *e)
{
    struct buf body = BUF_INIT(1u << 20), message = BUF_INIT(1u << 20);
    REQUIRE(e->bucket.len >= 1 && e->bucket.len <= OBJECT_BUCKET_MAX_BYTES);
    REQUIRE(e->key.len >= 1 && e->key.len <= OBJECT_KEY_MAX_BYTES && utf8_look(e->key).valid);
    for (int shape = 0; shape < 2 && !in_quotes(e->etag); shape++) {
        buf_clear(&body);
        buf_clear(&message);
        if (shape == 0)
            append_s3(&body, e);
        else
            append_eventbridge(&body, e);
        check_again(&body, e);
        append_text(&message, "{\"eventSource\":\"aws:sqs\",\"body\":", buf_slice(&body));
        buf_append_byte(&message, '}');
        check_again(&message, e);
        buf_clear(&message);
        append_text(&message, "{\"Type\":\"Notification\",\"Message\":", buf_slice(&body));
        buf_append_byte(&message, '}');
        check_again(&message, e);
        buf_clear(&body);
        append_text(&body, "{\"eventSource\":\"aws:sqs\",\"body\":", buf_slice(&message));
        buf_append_byte(&body, '}');
        check_again(&body, e);
    }
    buf_clean_up(&body);
    buf_clean_up(&message);
}

static void check_findings(const struct findings *f)
{
    struct buf text = BUF_INIT(1u << 20);
    buf_append_byte(&text, '[');
    buf_append(&text, buf_slice(&f->json));
    buf_append_byte(&text, ']');
    json_t *list = json_read_own(buf_slice(&text));
    REQUIRE(json_array_size(list) == (f->count < FINDINGS_MAX ? f->count : FINDINGS_MAX) && f->count > 0);
    json_decref(list);
    buf_clean_up(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct object_events events;
    struct findings f;
    struct error err;
    char *copy = fuzz_copy(slice_of(data, size));
    object_events_init(&events);
    findings_init(&f);
    enum status status = object_events_parse(slice_of(copy, size), &events, &f, &err);
    free(copy);
    if (status == STATUS_INVALID_EVENT)
        check_findings(&f);
    else
        REQUIRE(f.count == 0 && (status == STATUS_OK || status == STATUS_MALFORMED_JSON));
    for (size_t i = 0; i < events.n; i++)
        check_event(&events.items[i]);
    object_events_clean_up(&events);
    findings_clean_up(&f);
    return 0;
}
