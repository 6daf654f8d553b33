#include "record.h"

#include "customerd/core/big_endian.h"

#define RECORD_FORMAT 1
#define RECORD_HEAD_BYTES 25
#define INTENT_BYTES 52
#define MARKER_HEAD_BYTES 52

bool record_parse(struct slice text, struct record *out)
{
    if (text.len < RECORD_HEAD_BYTES || text.ptr[0] != RECORD_FORMAT)
        return false;
    out->version = big_endian_get(text.ptr + 1, 6);
    out->updated_ms = (int64_t)big_endian_get(text.ptr + 7, 6);
    out->en = big_endian_get(text.ptr + 13, 6);
    out->bn = big_endian_get(text.ptr + 19, 6);
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
    out->n = big_endian_get(text.ptr + UUID_BYTES, 6);
    return true;
}

void claim_format(const struct claim *claim, uint8_t out[CLAIM_BYTES])
{
    memcpy(out, claim->id.bytes, UUID_BYTES);
    big_endian_put(out + UUID_BYTES, 6, claim->n);
}

bool intent_parse(struct slice text, struct intent *out)
{
    if (text.len != INTENT_BYTES)
        return false;
    out->n = big_endian_get(text.ptr, 6);
    out->eh = (const uint8_t *)text.ptr + 6;
    out->deadline_ms = (int64_t)big_endian_get(text.ptr + 22, 6);
    return true;
}

bool marker_parse(struct slice text, struct marker *out)
{
    if (text.len < MARKER_HEAD_BYTES)
        return false;
    out->fingerprint = slice_of(text.ptr, FINGERPRINT_BYTES);
    memcpy(out->id.bytes, text.ptr + FINGERPRINT_BYTES + ATTEMPT_BYTES, UUID_BYTES);
    out->version = big_endian_get(text.ptr + 40, 6);
    out->updated_ms = (int64_t)big_endian_get(text.ptr + 46, 6);
    out->body = slice_from(text, MARKER_HEAD_BYTES);
    return true;
}
