#include "customer_members.h"

#include "customerd/core/timestamp.h"
#include "json_read.h"

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

static void append_time(struct buf *out, const char *before, int64_t realtime_ms)
{
    char text[TIMESTAMP_RFC3339_MS_SIZE];
    timestamp_rfc3339_ms(realtime_ms, text);
    buf_append_cstr(out, before);
    buf_append(out, slice_of(text, sizeof text - 1));
}

static void append_version(struct buf *out, uint64_t version)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + version % 10);
        version /= 10;
    } while (version != 0);
    buf_append(out, slice_of(digits + at, sizeof digits - at));
}

void customer_render(const struct customer_stamp *stamp, const struct customer *c, struct buf *out)
{
    static const struct slice before[CUSTOMER_MEMBERS] = { SLICE("\",\"name\":"),    SLICE(",\"email\":"),
                                                           SLICE(",\"phone\":"),     SLICE(",\"address\":"),
                                                           SLICE(",\"balance\":"),   SLICE(",\"metadata\":") };
    char id[UUID_TEXT_SIZE];
    uuid_format(&stamp->id, id);
    buf_append_cstr(out, "{\"id\":\"");
    buf_append(out, slice_of(id, sizeof id - 1));
    for (enum customer_member m = 0; m < CUSTOMER_MEMBERS; m++) {
        struct slice text = c->json[m];
        if (text.len == 0 && m == CUSTOMER_METADATA)
            text = slice_of("{}", 2);
        if (text.len == 0)
            continue;
        buf_append(out, before[m]);
        buf_append(out, text);
    }
    append_time(out, ",\"created_at\":\"", stamp->created_ms);
    append_time(out, "\",\"updated_at\":\"", stamp->updated_ms);
    buf_append_cstr(out, "\",\"version\":");
    append_version(out, stamp->version);
    buf_append_byte(out, '}');
}
