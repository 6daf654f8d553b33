#include "probe_text.h"

#include "customerd/core/crypto.h"

#define TOLD_WHOLE_MAX_BYTES 4096

static void append_pattern(struct buf *out, size_t n)
{
    char round[256];
    for (size_t i = 0; i < sizeof round; i++)
        round[i] = (char)i;
    for (; n > sizeof round; n -= sizeof round)
        buf_append(out, slice_of(round, sizeof round));
    buf_append(out, slice_of(round, n));
}

bool probe_text_decode(const json_t *text, struct buf *out)
{
    if (json_is_object(text)) {
        append_pattern(out, (size_t)json_integer_value(json_object_get(text, "pattern")));
        return probe_text_decode(json_object_get(text, "then"), out);
    }
    if (!json_is_string(text))
        return false;
    const unsigned char *p = (const unsigned char *)json_string_value(text);
    const unsigned char *end = p + json_string_length(text);
    while (p < end) {
        if (*p < 0x80) {
            buf_append_byte(out, (char)*p++);
        } else if ((*p == 0xC2 || *p == 0xC3) && p + 1 < end) {
            buf_append_byte(out, (char)(((*p & 0x03) << 6) | (p[1] & 0x3F)));
            p += 2;
        } else {
            return false;
        }
    }
    return buf_ok(out);
}

json_t *probe_text_encode(struct slice bytes)
{
    struct buf utf8 = BUF_INIT(2 * bytes.len + 1);
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = (unsigned char)bytes.ptr[i];
        if (byte >= 0x80) {
            buf_append_byte(&utf8, (char)(0xC0 | (byte >> 6)));
            byte = 0x80 | (byte & 0x3F);
        }
        buf_append_byte(&utf8, (char)byte);
    }
    struct slice text = buf_slice(&utf8);
    json_t *string = json_stringn(text.ptr, text.len);
    buf_clean_up(&utf8);
    return string;
}

static json_t *encode_bulk(struct slice bytes)
{
    uint8_t digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    if (bytes.len <= TOLD_WHOLE_MAX_BYTES)
        return json_pack("{s:o}", "bulk", probe_text_encode(bytes));
    if (!sha256(bytes, digest))
        return NULL;
    hex_encode(digest, sizeof digest, hex);
    return json_pack("{s:s}", "sha256", hex);
}

static json_t *encode_array(const struct reply *reply)
{
    json_t *list = json_array();
    for (size_t i = 0; i < reply_count(reply); i++)
        json_array_append_new(list, probe_reply_encode(reply_at(reply, i)));
    return list;
}

json_t *probe_reply_encode(const struct reply *reply)
{
    switch (reply_type(reply)) {
    case REPLY_NIL:
        return json_null();
    case REPLY_STRING:
        return encode_bulk(reply_text(reply));
    case REPLY_STATUS:
        return json_pack("{s:o}", "status", probe_text_encode(reply_text(reply)));
    case REPLY_ERROR:
        return json_pack("{s:o}", "error", probe_text_encode(reply_text(reply)));
    case REPLY_INTEGER:
        return json_integer(reply_integer(reply));
    case REPLY_ARRAY:
        return encode_array(reply);
    }
    return json_null();
}
