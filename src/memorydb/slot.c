#include "customerd/memorydb/cluster.h"

/* What four bits do that are shifted out. */
static const uint16_t steps[16] = {
    0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
    0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef,
};

static uint16_t crc16(struct slice bytes)
{
    unsigned crc = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= (unsigned)(unsigned char)bytes.ptr[i] << 8;
        crc = (crc << 4 & 0xffff) ^ steps[crc >> 12];
        crc = (crc << 4 & 0xffff) ^ steps[crc >> 12];
    }
    return (uint16_t)crc;
}

/* The bytes between the first '{' and the first '}' after it, when there are any; else the whole key. */
static struct slice hash_tag(struct slice key)
{
    const char *open = key.len == 0 ? NULL : memchr(key.ptr, '{', key.len);
    if (open == NULL)
        return key;
    struct slice rest = slice_from(key, (size_t)(open - key.ptr) + 1);
    const char *end = rest.len == 0 ? NULL : memchr(rest.ptr, '}', rest.len);
    if (end == NULL || end == rest.ptr)
        return key;
    return slice_of(rest.ptr, (size_t)(end - rest.ptr));
}

uint16_t cluster_key_slot(struct slice key)
{
    return (uint16_t)(crc16(hash_tag(key)) % CLUSTER_SLOTS);
}
