#include "customer_members.h"

#include "customerd/core/decimal.h"
#include "customerd/core/timestamp.h"
#include "customerd/core/json_read.h"

/* {"id":"...","created_at":"...","updated_at":"...","version":18446744073709551615}: the longest version. */
#define STAMP_BYTES 156

static const char tags[CUSTOMER_MEMBERS] = { 'n', 'e', 'p', 'a', 'b', 'm' };

static void append_varint(struct buf *out, size_t value)
{
    for (; value >= 0x80; value >>= 7)
        buf_append_byte(out, (char)(value | 0x80));
    buf_append_byte(out, (char)value);
}

static void append_tagged(struct buf *out, enum customer_member member, struct slice text)
{
    if (text.len == 0)
        return;
    buf_append_byte(out, tags[member]);
    append_varint(out, text.len);
    buf_append(out, text);
}

void customer_encode(const struct customer *c, struct buf *out)
{
    for (enum customer_member m = 0; m < CUSTOMER_MEMBERS; m++)
        append_tagged(out, m, c->json[m]);
}

/* Takes the length off the front of rest, in its shortest form only. */
static bool take_varint(struct slice *rest, size_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 28 && rest->len > 0; shift += 7) {
        unsigned char byte = (unsigned char)rest->ptr[0];
        *rest = slice_from(*rest, 1);
        *value |= (size_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return byte != 0 || shift == 0;
    }
    return false;
}

static bool take_member(struct slice *rest, enum customer_member member, struct slice *text)
{
    size_t len;
    if (rest->len == 0 || rest->ptr[0] != tags[member])
        return true;
    *rest = slice_from(*rest, 1);
    if (!take_varint(rest, &len) || len == 0 || len > rest->len)
        return false;
    *text = slice_of(rest->ptr, len);
    *rest = slice_from(*rest, len);
    return true;
}

bool customer_decode(struct slice body, struct customer *out)
{
    struct slice json[CUSTOMER_MEMBERS] = { { NULL, 0 } };
    for (enum customer_member m = 0; m < CUSTOMER_MEMBERS; m++) {
        if (!take_member(&body, m, &json[m]))
            return false;
    }
    if (body.len > 0 || json[CUSTOMER_NAME].len == 0 || json[CUSTOMER_BALANCE].len == 0)
        return false;
    memcpy(out->json, json, sizeof json);
    buf_clear(&out->email_normal);
    return true;
}

void customer_canonical(const struct customer *c, struct buf *out)
{
    struct buf sorted = BUF_INIT(CUSTOMER_MAX_BYTES);
    for (enum customer_member m = 0; m < CUSTOMER_METADATA; m++)
        append_tagged(out, m, c->json[m]);
    if (c->json[CUSTOMER_METADATA].len > 0) {
        json_t *metadata = json_read_own(c->json[CUSTOMER_METADATA]);
        json_append_sorted(metadata, &sorted);
        json_decref(metadata);
        append_tagged(out, CUSTOMER_METADATA, buf_slice(&sorted));
    }
    if (!buf_ok(&sorted))
        out->failed = true;
    buf_clean_up(&sorted);
}

size_t customer_served_bytes(const struct customer *c)
{
    size_t bytes = STAMP_BYTES;
    if (c->json[CUSTOMER_METADATA].len == 0)
        bytes += strlen(",\"metadata\":{}");
    for (enum customer_member m = 0; m < CUSTOMER_MEMBERS; m++) {
        if (c->json[m].len > 0)
            bytes += strlen(customer_member_name(m)) + strlen(",\"\":") + c->json[m].len;
    }
    return bytes;
}

/* Serving is the one thing that every read does: the room is made once, and the pieces are put one after the other. */
static char *put(char *at, const void *bytes, size_t len)
{
    memcpy(at, bytes, len);
    return at + len;
}

#define PUT_LITERAL(at, literal) put(at, literal, sizeof(literal) - 1)

static char *put_stamp(char *at, const struct customer_stamp *stamp)
{
    char time[TIMESTAMP_RFC3339_MS_SIZE];
    timestamp_rfc3339_ms(stamp->created_ms, time);
    at = PUT_LITERAL(at, ",\"created_at\":\"");
    at = put(at, time, sizeof time - 1);
    if (stamp->updated_ms != stamp->created_ms)
        timestamp_rfc3339_ms(stamp->updated_ms, time);
    at = PUT_LITERAL(at, "\",\"updated_at\":\"");
    at = put(at, time, sizeof time - 1);
    at = PUT_LITERAL(at, "\",\"version\":");
    at += decimal_put(at, stamp->version);
    return PUT_LITERAL(at, "}");
}

void customer_render(const struct customer_stamp *stamp, const struct customer *c, struct buf *out)
{
    static const struct slice before[CUSTOMER_MEMBERS] = { SLICE(",\"name\":"),    SLICE(",\"email\":"),
                                                           SLICE(",\"phone\":"),   SLICE(",\"address\":"),
                                                           SLICE(",\"balance\":"), SLICE(",\"metadata\":") };
    char id[UUID_TEXT_SIZE];
    if (!buf_reserve(out, customer_served_bytes(c)))
        return;
    char *at = PUT_LITERAL(buf_tail(out), "{\"id\":\"");
    uuid_format(&stamp->id, id);
    at = put(at, id, sizeof id - 1);
    at = PUT_LITERAL(at, "\"");
    for (enum customer_member m = 0; m < CUSTOMER_MEMBERS; m++) {
        struct slice text = c->json[m];
        if (text.len == 0 && m == CUSTOMER_METADATA)
            text = slice_of("{}", 2);
        if (text.len == 0)
            continue;
        at = put(at, before[m].ptr, before[m].len);
        at = put(at, text.ptr, text.len);
    }
    at = put_stamp(at, stamp);
    buf_advance(out, (size_t)(at - buf_tail(out)));
}
