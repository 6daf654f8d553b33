#include "customerd/core/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sys/random.h>

#define SHA1_BYTES 20
#define SHA256_PIECE_BYTES ((size_t)256 * 1024)
#define RANDOM_POOL_BYTES 1024

static const EVP_MD *sha256_method;

static void fetch_sha256(void)
{
    sha256_method = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (sha256_method == NULL)
        sha256_method = EVP_sha256();
}

/* EVP_sha256() is looked up in the library's providers for each digest, which takes as long as hashing some bytes does. This is
 * looked up once, and stays until the process ends. */
static const EVP_MD *sha256_fetched(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, fetch_sha256);
    return sha256_method;
}

bool sha256(struct slice data, uint8_t out[SHA256_BYTES])
{
    return EVP_Digest(data.ptr, data.len, out, NULL, sha256_fetched(), NULL) == 1;
}

bool sha256_with_rests(struct slice data, void (*rest)(void), uint8_t out[SHA256_BYTES])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestInit_ex(ctx, sha256_fetched(), NULL) == 1;
    while (ok && data.len > 0) {
        size_t n = data.len < SHA256_PIECE_BYTES ? data.len : SHA256_PIECE_BYTES;
        ok = EVP_DigestUpdate(ctx, data.ptr, n) == 1;
        data = slice_from(data, n);
        if (data.len > 0)
            rest();
    }
    ok = ok && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

bool hmac_sha256(struct slice key, struct slice data, uint8_t out[SHA256_BYTES])
{
    unsigned int out_len = 0;
    if (key.len > INT_MAX)
        return false;
    const void *key_ptr = key.len == 0 ? "" : key.ptr;
    const void *data_ptr = data.len == 0 ? "" : data.ptr;
    return HMAC(EVP_sha256(), key_ptr, (int)key.len, data_ptr, data.len, out, &out_len) != NULL &&
           out_len == SHA256_BYTES;
}

bool sha1_hex(struct slice data, char out[41])
{
    uint8_t digest[SHA1_BYTES];
    if (EVP_Digest(data.ptr, data.len, digest, NULL, EVP_sha1(), NULL) != 1)
        return false;
    hex_encode(digest, sizeof digest, out);
    return true;
}

bool random_bytes(void *out, size_t len)
{
    char *to = out;
    while (len > 0) {
        ssize_t got = getrandom(to, len, 0);
        if (got < 0 && errno != EINTR)
            return false;
        if (got > 0) {
            to += got;
            len -= (size_t)got;
        }
    }
    return true;
}

/* Handed out from the end, and wiped behind. */
bool random_ids(void *out, size_t len)
{
    static _Thread_local uint8_t pool[RANDOM_POOL_BYTES];
    static _Thread_local size_t left;
    if (len > sizeof pool)
        return random_bytes(out, len);
    if (len > left && !random_bytes(pool, sizeof pool))
        return false;
    if (len > left)
        left = sizeof pool;
    left -= len;
    memcpy(out, pool + left, len);
    memset(pool + left, 0, len);
    return true;
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
    return len == 0 || CRYPTO_memcmp(a, b, len) == 0;
}

void crypto_wipe(void *ptr, size_t len)
{
    if (ptr != NULL && len > 0)
        OPENSSL_cleanse(ptr, len);
}

int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int percent_byte(struct slice text)
{
    if (text.len < 3 || text.ptr[0] != '%')
        return -1;
    int high = hex_digit(text.ptr[1]);
    int low = hex_digit(text.ptr[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

void hex_encode(const void *data, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = '\0';
}

void base64url_encode(struct buf *out, struct slice data)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const uint8_t *bytes = (const uint8_t *)data.ptr;
    for (size_t i = 0; i < data.len; i += 3) {
        size_t n = data.len - i < 3 ? data.len - i : 3;
        uint32_t group = (uint32_t)bytes[i] << 16;
        if (n > 1)
            group |= (uint32_t)bytes[i + 1] << 8;
        if (n > 2)
            group |= bytes[i + 2];
        const char quad[] = { letters[group >> 18], letters[group >> 12 & 63], letters[group >> 6 & 63],
                              letters[group & 63] };
        buf_append(out, slice_of(quad, n + 1));
    }
}

/* Where c is from first to last, at + 1 for first, and so on; else 0. */
static uint32_t base64url_range(uint32_t c, uint32_t first, uint32_t last, uint32_t at)
{
    uint32_t within = (first - 1 - c) & (c - last - 1); /* both below 0 */
    return (0 - (within >> 31)) & (c - first + at + 1);
}

/* Above 63 for what is no letter. A token's letters are a secret, and random: so no branch and no look-up depends on them. */
static uint32_t base64url_value(char c)
{
    uint32_t byte = (unsigned char)c;
    uint32_t above = base64url_range(byte, 'A', 'Z', 0) | base64url_range(byte, 'a', 'z', 26) |
                     base64url_range(byte, '0', '9', 52) | base64url_range(byte, '-', '-', 62) |
                     base64url_range(byte, '_', '_', 63);
    return above - 1;
}

int base64url_decode(struct slice text, uint8_t *out, size_t cap)
{
    uint32_t pending = 0;
    uint32_t highest = 0;
    int pending_bits = 0;
    size_t len = 0;
    if (text.len % 4 == 1 || text.len / 4 * 3 > INT_MAX - 3)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        uint32_t value = base64url_value(text.ptr[i]);
        highest |= value;
        pending = pending << 6 | (value & 63);
        pending_bits += 6;
        if (pending_bits < 8)
            continue;
        pending_bits -= 8;
        if (len == cap)
            return -1;
        out[len++] = (uint8_t)(pending >> pending_bits & 0xff);
    }
    uint32_t stray = pending & ((UINT32_C(1) << pending_bits) - 1);
    return highest < 64 && stray == 0 ? (int)len : -1;
}
