#include "record.h"

#define RECORD_FORMAT 1
#define RECORD_HEAD_BYTES 25
#define INTENT_BYTES 52
#define MARKER_HEAD_BYTES 52

static uint64_t read_6(const char *at)
{
    uint64_t value = 0;
    for (int i = 0; i < 6; i++)
        value = value << 8 | (uint8_t)at[i];
    return value;
}

bool record_parse(struct slice text, struct record *out)
{
    if (text.len < RECORD_HEAD_BYTES || text.ptr[0] != RECORD_FORMAT)
        return false;
    out->version = read_6(text.ptr + 1);
    out->updated_ms = (int64_t)read_6(text.ptr + 7);
    out->en = read_6(text.ptr + 13);
    out->bn = read_6(text.ptr + 19);
    out->eh = NULL;
    size_t body_at = RECORD_HEAD_BYTES;
    if (out->en > 0) {
        body_at += EMAIL_HASH_BYTES;
        if (text.len < body_at)
            return false;
        out->eh = (const uint8_t *)text.ptr + RECORD_HEAD_BYTES;
    }
    out->body = slice_from(text, body_at);
    return true;
}

bool claim_parse(struct slice text, struct claim *out)
{
    if (text.len != CLAIM_BYTES)
        return false;
    memcpy(out->id.bytes, text.ptr, UUID_BYTES);
    out->n = read_6(text.ptr + UUID_BYTES);
    return true;
}

void claim_format(const struct claim *claim, uint8_t out[CLAIM_BYTES])
{
    memcpy(out, claim->id.bytes, UUID_BYTES);
    for (int i = 0; i < 6; i++)
        out[UUID_BYTES + i] = (uint8_t)(claim->n >> (8 * (5 - i)));
}

bool intent_parse(struct slice text, struct intent *out)
{
    if (text.len != INTENT_BYTES)
        return false;
    out->n = read_6(text.ptr);
    out->eh = (const uint8_t *)text.ptr + 6;
    out->deadline_ms = (int64_t)read_6(text.ptr + 22);
    return true;
}

bool marker_parse(struct slice text, struct marker *out)
{
    if (text.len < MARKER_HEAD_BYTES)
        return false;
    out->fingerprint = slice_of(text.ptr, FINGERPRINT_BYTES);
    memcpy(out->id.bytes, text.ptr + FINGERPRINT_BYTES + ATTEMPT_BYTES, UUID_BYTES);
    out->version = read_6(text.ptr + 40);
    out->updated_ms = (int64_t)read_6(text.ptr + 46);
    out->body = slice_from(text, MARKER_HEAD_BYTES);
    return true;
}
