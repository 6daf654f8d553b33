#include "customerd/core/uuid.h"

#include "customerd/core/big_endian.h"
#include "customerd/core/crypto.h"

#define TEXT_LEN (UUID_TEXT_SIZE - 1)

bool uuid_new(int64_t realtime_ms, uint8_t bucket, struct uuid *out)
{
    uint8_t *bytes = out->bytes;
    if (!random_ids(bytes, UUID_BYTES))
        return false;
    big_endian_put(bytes, 6, (uint64_t)realtime_ms);
    bytes[6] = (uint8_t)(0x70 | bucket >> 4);
    bytes[7] = (uint8_t)((bucket & 0x0F) << 4 | (bytes[7] & 0x0F));
    bytes[8] = (uint8_t)(0x80 | (bytes[8] & 0x3F));
    return true;
}

static bool is_dash_at(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

bool uuid_parse(struct slice text, struct uuid *out)
{
    struct uuid id = { { 0 } };
    size_t nibble = 0;
    if (text.len != TEXT_LEN)
        return false;
    for (size_t i = 0; i < TEXT_LEN; i++) {
        if (is_dash_at(i)) {
            if (text.ptr[i] != '-')
                return false;
            continue;
        }
        int value = hex_digit(text.ptr[i]);
        if (value < 0)
            return false;
        id.bytes[nibble / 2] = (uint8_t)(id.bytes[nibble / 2] << 4 | value);
        nibble++;
    }
    if (id.bytes[6] >> 4 != 7 || id.bytes[8] >> 6 != 2)
        return false;
    *out = id;
    return true;
}

void uuid_format(const struct uuid *id, char out[UUID_TEXT_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < UUID_BYTES; i++) {
        if (is_dash_at(at))
            out[at++] = '-';
        out[at++] = hex[id->bytes[i] >> 4];
        out[at++] = hex[id->bytes[i] & 0x0F];
    }
    out[at] = '\0';
}

uint8_t uuid_bucket(const struct uuid *id)
{
    return (uint8_t)((id->bytes[6] & 0x0F) << 4 | id->bytes[7] >> 4);
}

int64_t uuid_ms(const struct uuid *id)
{
    return (int64_t)big_endian_get(id->bytes, 6);
}
