#include "customerd/customers/cursor.h"

#include "customerd/core/crypto.h"

#define CURSOR_VERSION 1
#define MAC_BYTES 16
#define SIGNED_BYTES (1 + UUID_BYTES)
#define CURSOR_BYTES (SIGNED_BYTES + MAC_BYTES)

/* Whatever else the same key may sign, its text does not begin like this. */
#define PURPOSE "customerd cursor"

static bool sign(const uint8_t key[CURSOR_KEY_BYTES], const uint8_t signed_part[SIGNED_BYTES], uint8_t mac[SHA256_BYTES])
{
    uint8_t text[sizeof PURPOSE + SIGNED_BYTES];
    memcpy(text, PURPOSE, sizeof PURPOSE);
    memcpy(text + sizeof PURPOSE, signed_part, SIGNED_BYTES);
    return hmac_sha256(slice_of(key, CURSOR_KEY_BYTES), slice_of(text, sizeof text), mac);
}

void cursor_encode(const uint8_t key[CURSOR_KEY_BYTES], const struct uuid *last, struct buf *out)
{
    uint8_t bytes[CURSOR_BYTES] = { CURSOR_VERSION };
    uint8_t mac[SHA256_BYTES];
    memcpy(bytes + 1, last->bytes, UUID_BYTES);
    if (!sign(key, bytes, mac)) {
        out->failed = true;
        return;
    }
    memcpy(bytes + SIGNED_BYTES, mac, MAC_BYTES);
    base64url_encode(out, slice_of(bytes, sizeof bytes));
}

bool cursor_decode(const uint8_t key[CURSOR_KEY_BYTES], struct slice text, struct uuid *last)
{
    uint8_t bytes[CURSOR_BYTES];
    uint8_t mac[SHA256_BYTES];
    if (text.len != CURSOR_TEXT_LEN || base64url_decode(text, bytes, sizeof bytes) != CURSOR_BYTES)
        return false;
    if (bytes[0] != CURSOR_VERSION || !sign(key, bytes, mac) || !crypto_equal(bytes + SIGNED_BYTES, mac, MAC_BYTES))
        return false;
    memcpy(last->bytes, bytes + 1, UUID_BYTES);
    return true;
}
