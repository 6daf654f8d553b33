#include "customerd/customers/cursor.h"

#include "customerd/core/big_endian.h"
#include "customerd/core/crypto.h"

#define CURSOR_VERSION 2
#define MAC_BYTES 16
#define BOUND_BYTES 8
#define LEVEL_BITS 2
#define LEVEL_MASK ((1u << LEVEL_BITS) - 1)
#define LEVELS_A_BYTE (8 / LEVEL_BITS)
#define BOUNDS_AT (1 + UUID_BYTES)
#define LEVELS_AT (BOUNDS_AT + CURSOR_LEVELS * BOUND_BYTES)
#define SIGNED_BYTES (LEVELS_AT + BUCKETS / LEVELS_A_BYTE)
#define CURSOR_BYTES (SIGNED_BYTES + MAC_BYTES)

_Static_assert(CURSOR_LEVELS <= LEVEL_MASK, "a level has its bits");
_Static_assert(CURSOR_TEXT_LEN == (CURSOR_BYTES * 4 + 2) / 3, "the text is as long as its bytes ask for");

/* Whatever else the same key may sign, its text does not begin like this. */
#define PURPOSE "customerd cursor"

static bool sign(const uint8_t key[CURSOR_KEY_BYTES], const uint8_t signed_part[SIGNED_BYTES], uint8_t mac[SHA256_BYTES])
{
    uint8_t text[sizeof PURPOSE + SIGNED_BYTES];
    memcpy(text, PURPOSE, sizeof PURPOSE);
    memcpy(text + sizeof PURPOSE, signed_part, SIGNED_BYTES);
    return hmac_sha256(slice_of(key, CURSOR_KEY_BYTES), slice_of(text, sizeof text), mac);
}

void cursor_encode(const uint8_t key[CURSOR_KEY_BYTES], const struct cursor *cursor, struct buf *out)
{
    uint8_t bytes[CURSOR_BYTES] = { CURSOR_VERSION };
    uint8_t mac[SHA256_BYTES];
    memcpy(bytes + 1, cursor->last.bytes, UUID_BYTES);
    for (size_t i = 0; i < CURSOR_LEVELS; i++)
        big_endian_put(bytes + BOUNDS_AT + i * BOUND_BYTES, BOUND_BYTES, cursor->bounds[i]);
    for (size_t b = 0; b < BUCKETS; b++) {
        uint8_t *at = &bytes[LEVELS_AT + b / LEVELS_A_BYTE];
        *at = (uint8_t)(*at | (cursor->levels[b] & LEVEL_MASK) << (b % LEVELS_A_BYTE * LEVEL_BITS));
    }
    if (!sign(key, bytes, mac)) {
        out->failed = true;
        return;
    }
    memcpy(bytes + SIGNED_BYTES, mac, MAC_BYTES);
    base64url_encode(out, slice_of(bytes, sizeof bytes));
}

bool cursor_decode(const uint8_t key[CURSOR_KEY_BYTES], struct slice text, struct cursor *out)
{
    uint8_t bytes[CURSOR_BYTES];
    uint8_t mac[SHA256_BYTES];
    if (text.len != CURSOR_TEXT_LEN || base64url_decode(text, bytes, sizeof bytes) != CURSOR_BYTES)
        return false;
    if (bytes[0] != CURSOR_VERSION || !sign(key, bytes, mac) || !crypto_equal(bytes + SIGNED_BYTES, mac, MAC_BYTES))
        return false;
    memcpy(out->last.bytes, bytes + 1, UUID_BYTES);
    for (size_t i = 0; i < CURSOR_LEVELS; i++)
        out->bounds[i] = big_endian_get(bytes + BOUNDS_AT + i * BOUND_BYTES, BOUND_BYTES);
    for (size_t b = 0; b < BUCKETS; b++)
        out->levels[b] = (uint8_t)((unsigned)bytes[LEVELS_AT + b / LEVELS_A_BYTE] >> (b % LEVELS_A_BYTE * LEVEL_BITS) & LEVEL_MASK);
    return true;
}
