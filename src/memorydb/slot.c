#include "customerd/memorydb/cluster.h"

static uint16_t crc16(struct slice bytes)
{
    uint16_t crc = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        crc = (uint16_t)(crc ^ ((unsigned)(unsigned char)bytes.ptr[i] << 8));
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1);
    }
    return crc;
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
