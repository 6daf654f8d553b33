#include "customerd/objects/events.h"

#include "customerd/core/crypto.h"
#include "customerd/core/decimal.h"
#include "customerd/core/json_read.h"
#include "customerd/core/json_utf8.h"
#include "customerd/objects/objects.h"

#include <stdio.h>
#include <stdlib.h>

#define PATH_MAX_TOKENS 6 /* /Records/0/s3/object/key, and one to spare */
#define POINTER_SIZE 96
#define DETAIL_SIZE 256
#define FIRST_ITEMS 16

/* Where in a document something stands; each step knows the one above it. */
struct path {
    const struct path *up; /* NULL: the document itself */
    const char *name;      /* NULL: an array's item */
    size_t index;
};

/* What carries an event as a text: a message of SQS, of SNS, or of SQS with one of SNS in it. */
struct message {
    const struct message *outer;
    const struct path *at; /* where its text stands, in the outer one or in the body */
};

struct reader {
    struct object_events *out;
    struct findings *f;
    size_t room;                   /* of out->items */
    const struct message *message; /* whose text is read; NULL: the body itself is */
    bool too_many;
    bool out_of_memory;
};

enum change { SAME, CREATED, DELETED };

/* How the two shapes of an object differ. */
struct shape {
    const char *etag;
    bool form_encoded;
};

static const struct shape s3_shape = { .etag = "eTag", .form_encoded = true };
static const struct shape eventbridge_shape = { .etag = "etag", .form_encoded = false };

void object_events_init(struct object_events *e)
{
    *e = (struct object_events){ .text = BUF_INIT(OBJECT_EVENTS_BODY_MAX_BYTES + 1) };
}

void object_events_clean_up(struct object_events *e)
{
    if (e == NULL)
        return;
    free(e->items);
    buf_clean_up(&e->text);
    object_events_init(e);
}

/* ---- what is wrong, and where ---- */

struct tokens {
    struct slice items[PATH_MAX_TOKENS];
    char digits[PATH_MAX_TOKENS][DECIMAL_MAX_CHARS];
    size_t n;
};

static void path_tokens(const struct path *at, struct tokens *out)
{
    out->n = 0;
    for (const struct path *p = at; p != NULL; p = p->up)
        out->n++;
    size_t i = out->n;
    for (const struct path *p = at; p != NULL; p = p->up) {
        i--;
        out->items[i] = p->name != NULL ? slice_cstr(p->name)
                                        : slice_of(out->digits[i], decimal_put(out->digits[i], p->index));
    }
}

static void write_pointer(const struct path *at, char out[POINTER_SIZE])
{
    struct tokens tokens;
    size_t used = 0;
    path_tokens(at, &tokens);
    out[0] = '\0';
    for (size_t i = 0; i < tokens.n && used < POINTER_SIZE; i++)
        used += (size_t)snprintf(out + used, POINTER_SIZE - used, "/%.*s", (int)tokens.items[i].len, tokens.items[i].ptr);
}

/* What is wrong within a message is found at its text, since no pointer leads into one. */
static void found(struct reader *r, const struct path *at, const char *detail)
{
    char text[DETAIL_SIZE], within[DETAIL_SIZE], pointer[POINTER_SIZE];
    struct tokens tokens;
    (void)snprintf(text, sizeof text, "%s", detail);
    for (const struct message *m = r->message; m != NULL; m = m->outer) {
        (void)snprintf(within, sizeof within, "%s", text);
        write_pointer(at, pointer);
        (void)snprintf(text, sizeof text, "in this text%s%s: %.*s", pointer[0] != '\0' ? ", at " : "", pointer,
                       DETAIL_SIZE - POINTER_SIZE - 20, within);
        at = m->at;
    }
    path_tokens(at, &tokens);
    findings_add_at(r->f, tokens.items, tokens.n, "%s", text);
}

static const char *type_name(json_type type)
{
    return type == JSON_OBJECT ? "an object" : type == JSON_ARRAY ? "an array" : "a string";
}

static bool is_type(struct reader *r, const struct path *at, const json_t *value, json_type type)
{
    char detail[64];
    if (value != NULL && json_typeof(value) == type)
        return true;
    (void)snprintf(detail, sizeof detail, "expected %s, got %s", type_name(type),
                   value == NULL ? "nothing" : json_type_name(value));
    found(r, at, detail);
    return false;
}

/* NULL, with a finding, when it is absent or of another type. */
static json_t *member(struct reader *r, const struct path *up, const json_t *object, const char *name, json_type type)
{
    const struct path at = { .up = up, .name = name };
    json_t *value = json_object_get(object, name);
    return is_type(r, &at, value, type) ? value : NULL;
}

/* False, with a finding, when the text is another one. */
static bool member_is(struct reader *r, const struct path *up, const json_t *object, const char *name, const char *text)
{
    const struct path at = { .up = up, .name = name };
    char detail[64];
    const json_t *value = member(r, up, object, name, JSON_STRING);
    if (value == NULL || slice_is(json_text(value), text))
        return value != NULL;
    (void)snprintf(detail, sizeof detail, "expected \"%s\"", text);
    found(r, &at, detail);
    return false;
}

/* ---- texts ---- */

/* There is room: all that is kept of a body is not longer than the body. So nothing moves, and slices last. */
static struct slice keep(struct reader *r, struct slice bytes)
{
    struct buf *text = &r->out->text;
    size_t start = text->len;
    buf_append(text, bytes);
    return slice_of(text->data + start, text->len - start);
}

/* application/x-www-form-urlencoded; false for a broken escape. */
static bool keep_decoded(struct reader *r, struct slice raw, struct slice *out)
{
    struct buf *text = &r->out->text;
    size_t start = text->len;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i] == '+' ? ' ' : raw.ptr[i];
        if (c == '%') {
            int byte = percent_byte(slice_from(raw, i));
            if (byte < 0)
                return false;
            c = (char)byte;
            i += 2;
        }
        buf_append_byte(text, c);
    }
    *out = slice_of(text->data + start, text->len - start);
    return true;
}

static bool take_key(struct reader *r, const struct path *up, const json_t *object, const struct shape *shape,
                     struct slice *out)
{
    const struct path at = { .up = up, .name = "key" };
    char detail[64];
    const json_t *key = member(r, up, object, "key", JSON_STRING);
    if (key == NULL)
        return false;
    if (!shape->form_encoded)
        *out = keep(r, json_text(key));
    else if (!keep_decoded(r, json_text(key), out)) {
        found(r, &at, "expected a form-encoded key, got a broken escape");
        return false;
    }
    if (out->len < 1 || out->len > OBJECT_KEY_MAX_BYTES) {
        (void)snprintf(detail, sizeof detail, "expected a key of 1 to %d bytes, got %zu", OBJECT_KEY_MAX_BYTES, out->len);
        found(r, &at, detail);
        return false;
    }
    if (!utf8_look(*out).valid) {
        found(r, &at, "expected a key in UTF-8");
        return false;
    }
    return true;
}

static bool take_bucket(struct reader *r, const struct path *up, const json_t *bucket, struct slice *out)
{
    const struct path at = { .up = up, .name = "name" };
    char detail[64];
    const json_t *name = member(r, up, bucket, "name", JSON_STRING);
    if (name == NULL)
        return false;
    *out = keep(r, json_text(name));
    if (out->len >= 1 && out->len <= OBJECT_BUCKET_MAX_BYTES)
        return true;
    (void)snprintf(detail, sizeof detail, "expected a bucket's name of 1 to %d bytes, got %zu", OBJECT_BUCKET_MAX_BYTES, out->len);
    found(r, &at, detail);
    return false;
}

/* S3 tells it without quotes; others that speak its language do not always. */
static bool take_etag(struct reader *r, const struct path *up, const json_t *object, const char *name, struct slice *out)
{
    const struct path at = { .up = up, .name = name };
    const json_t *value = json_object_get(object, name);
    if (value == NULL || json_is_null(value))
        return true;
    if (!is_type(r, &at, value, JSON_STRING))
        return false;
    struct slice etag = json_text(value);
    if (etag.len >= 2 && etag.ptr[0] == '"' && etag.ptr[etag.len - 1] == '"')
        etag = slice_of(etag.ptr + 1, etag.len - 2);
    *out = keep(r, etag);
    return true;
}

/* ---- one event ---- */

static struct object_event *next_item(struct reader *r)
{
    struct object_events *out = r->out;
    if (out->n == OBJECT_EVENTS_MAX) {
        if (!r->too_many)
            findings_add_at(r->f, NULL, 0, "expected at most %d events", OBJECT_EVENTS_MAX);
        r->too_many = true;
        return NULL;
    }
    if (out->n == r->room) {
        size_t room = r->room == 0 ? FIRST_ITEMS : 2 * r->room;
        struct object_event *items = realloc(out->items, room * sizeof *items);
        r->out_of_memory = items == NULL;
        if (items == NULL)
            return NULL;
        out->items = items;
        r->room = room;
    }
    return &out->items[out->n];
}

/* The bucket and the object that `holder` has. What S3 tells as the ETag of a
 * deleted object may be that of a version: nothing that has it is to stay. */
static void take_event(struct reader *r, const struct path *at, const json_t *holder, const struct shape *shape,
                       enum change change)
{
    const struct path bucket_at = { .up = at, .name = "bucket" }, object_at = { .up = at, .name = "object" };
    struct object_event event = { .etag = slice_of("", 0) };
    const json_t *bucket = member(r, at, holder, "bucket", JSON_OBJECT);
    const json_t *object = member(r, at, holder, "object", JSON_OBJECT);
    bool ok = bucket != NULL && take_bucket(r, &bucket_at, bucket, &event.bucket);
    ok = object != NULL && take_key(r, &object_at, object, shape, &event.key) && ok;
    ok = object != NULL && take_etag(r, &object_at, object, shape->etag, &event.etag) && ok;
    if (change == DELETED)
        event.etag = slice_of("", 0);
    struct object_event *item = ok ? next_item(r) : NULL;
    if (item == NULL)
        return;
    *item = event;
    r->out->n++;
}

/* Of an object that S3 has lost there is nothing left to serve. */
static enum change s3_change(struct slice name)
{
    static const char prefix[] = "s3:"; /* as in the bucket's configuration; S3 leaves it out, others do not */
    if (slice_starts_with(name, prefix))
        name = slice_from(name, sizeof prefix - 1);
    if (slice_starts_with(name, "ObjectCreated:"))
        return CREATED;
    return slice_starts_with(name, "ObjectRemoved:") || slice_starts_with(name, "LifecycleExpiration:") ||
                   slice_is(name, "ReducedRedundancyLostObject")
               ? DELETED
               : SAME;
}

static void read_s3_record(struct reader *r, const struct path *at, const json_t *record)
{
    const struct path version_at = { .up = at, .name = "eventVersion" }, s3_at = { .up = at, .name = "s3" };
    const json_t *version = member(r, at, record, "eventVersion", JSON_STRING);
    const json_t *name = member(r, at, record, "eventName", JSON_STRING);
    if (version != NULL && !slice_starts_with(json_text(version), "2."))
        found(r, &version_at, "expected version 2, and any minor one");
    if (name == NULL)
        return;
    enum change change = s3_change(json_text(name));
    if (change == SAME) {
        r->out->ignored++;
        return;
    }
    const json_t *s3 = member(r, at, record, "s3", JSON_OBJECT);
    if (s3 != NULL)
        take_event(r, &s3_at, s3, &s3_shape, change);
}

static void read_eventbridge(struct reader *r, const json_t *event)
{
    const struct path detail_at = { .name = "detail" };
    const json_t *type = member(r, NULL, event, "detail-type", JSON_STRING);
    if (!member_is(r, NULL, event, "source", "aws.s3") || type == NULL)
        return;
    enum change change = slice_is(json_text(type), "Object Created")   ? CREATED
                         : slice_is(json_text(type), "Object Deleted") ? DELETED
                                                                       : SAME;
    if (change == SAME) {
        r->out->ignored++;
        return;
    }
    const json_t *detail = member(r, NULL, event, "detail", JSON_OBJECT);
    if (detail != NULL)
        take_event(r, &detail_at, detail, &eventbridge_shape, change);
}

/* ---- documents ---- */

/* What may stand in a document beside events. What carries an event never carries its own kind, so that reading ends. */
typedef void (*carrier_fn)(struct reader *r, const struct path *at, const json_t *carrier);
struct carriers {
    carrier_fn sqs;
    carrier_fn sns;
};

static bool ends_with(struct slice text, const char *end)
{
    size_t n = strlen(end);
    return text.len >= n && memcmp(text.ptr + text.len - n, end, n) == 0;
}

/* As Lambda gets one of SNS. */
static void read_sns_record(struct reader *r, const struct path *at, const json_t *record, const struct carriers *carriers)
{
    const struct path sns_at = { .up = at, .name = "Sns" };
    const json_t *sns = member_is(r, at, record, "EventSource", "aws:sns") ? member(r, at, record, "Sns", JSON_OBJECT) : NULL;
    if (sns != NULL)
        carriers->sns(r, &sns_at, sns);
}

/* One of "Records", or what stands alone. Those that speak S3's language name themselves before the colon. */
static void read_record(struct reader *r, const struct path *at, const json_t *record, const struct carriers *carriers)
{
    const struct path source_at = { .up = at, .name = "eventSource" };
    if (!is_type(r, at, record, JSON_OBJECT))
        return;
    if (json_object_get(record, "EventSource") != NULL) {
        read_sns_record(r, at, record, carriers);
        return;
    }
    const json_t *source = member(r, at, record, "eventSource", JSON_STRING);
    if (source == NULL)
        return;
    if (ends_with(json_text(source), ":s3"))
        read_s3_record(r, at, record);
    else if (ends_with(json_text(source), ":sqs"))
        carriers->sqs(r, at, record);
    else
        found(r, &source_at, "expected \"aws:s3\" or \"aws:sqs\"");
}

static void read_records(struct reader *r, const json_t *document, const struct carriers *carriers)
{
    const struct path records_at = { .name = "Records" };
    const json_t *records = member(r, NULL, document, "Records", JSON_ARRAY);
    for (size_t i = 0; i < json_array_size(records) && !r->too_many && !r->out_of_memory; i++) {
        const struct path at = { .up = &records_at, .index = i };
        read_record(r, &at, json_array_get(records, i), carriers);
    }
}

static void read_document(struct reader *r, const json_t *document, const struct carriers *carriers)
{
    if (json_object_get(document, "Records") != NULL)
        read_records(r, document, carriers);
    else if (json_object_get(document, "detail-type") != NULL)
        read_eventbridge(r, document);
    else if (json_object_get(document, "Event") != NULL)
        r->out->tests += member_is(r, NULL, document, "Event", "s3:TestEvent");
    else if (json_object_get(document, "eventSource") != NULL)
        read_record(r, NULL, document, carriers);
    else if (json_object_get(document, "Type") != NULL)
        carriers->sns(r, NULL, document);
    else
        found(r, NULL, "expected \"detail-type\" (EventBridge), \"Records\" (S3, SQS or SNS), \"Type\" (SNS), or \"Event\" "
                       "(s3:TestEvent)");
}

/* The document that a message has as a text. */
static void read_text(struct reader *r, const struct path *up, const json_t *holder, const char *name,
                      const struct carriers *carriers)
{
    const struct path at = { .up = up, .name = name };
    const struct message message = { .outer = r->message, .at = &at };
    struct findings inner;
    struct error why;
    json_t *document = NULL;
    const json_t *text = member(r, up, holder, name, JSON_STRING);
    if (text == NULL)
        return;
    findings_init(&inner);
    enum status status = json_read_object(json_text(text), &document, &inner, &why);
    r->message = &message;
    if (status == STATUS_OK)
        read_document(r, document, carriers);
    else if (status == STATUS_MALFORMED_JSON)
        found(r, NULL, why.detail);
    else if (status == STATUS_INVALID)
        found(r, NULL, "expected an object");
    else
        r->out_of_memory = true;
    r->message = message.outer;
    json_decref(document);
    findings_clean_up(&inner);
}

static void refuse_carrier(struct reader *r, const struct path *at, const json_t *carrier)
{
    (void)carrier;
    found(r, at, "expected an event, got another message");
}

static const struct carriers within_sns = { .sqs = refuse_carrier, .sns = refuse_carrier };

static void read_sns(struct reader *r, const struct path *at, const json_t *notification)
{
    if (member_is(r, at, notification, "Type", "Notification"))
        read_text(r, at, notification, "Message", &within_sns);
}

static const struct carriers within_sqs = { .sqs = refuse_carrier, .sns = read_sns };

static void read_sqs(struct reader *r, const struct path *at, const json_t *message)
{
    read_text(r, at, message, "body", &within_sqs);
}

static const struct carriers within_body = { .sqs = read_sqs, .sns = read_sns };

static enum status invalid(const struct findings *f, struct error *err)
{
    (void)json_invalid(f, err);
    return err->code = STATUS_INVALID_EVENT;
}

enum status object_events_parse(struct slice body, struct object_events *e, struct findings *f, struct error *err)
{
    struct reader r = { .out = e, .f = f };
    json_t *document = NULL;
    if (body.len > OBJECT_EVENTS_BODY_MAX_BYTES)
        return error_set(err, STATUS_BODY_TOO_LARGE, "The body may have %u bytes", OBJECT_EVENTS_BODY_MAX_BYTES);
    if (!buf_reserve(&e->text, body.len + 1))
        return error_set(err, STATUS_INTERNAL, "out of memory");
    enum status status = json_read_object(body, &document, f, err);
    if (status != STATUS_OK)
        return status == STATUS_INVALID ? invalid(f, err) : status;
    read_document(&r, document, &within_body);
    json_decref(document);
    if (r.out_of_memory || !buf_ok(&e->text) || !buf_ok(&f->json))
        return error_set(err, STATUS_INTERNAL, "out of memory");
    return f->count > 0 ? invalid(f, err) : STATUS_OK;
}
