#include "customerd/memorydb/bucket.h"

#include "customerd/core/crypto.h"

#define TAG_CHARS 3

/* For each bucket the first tag, in the order 0-9a-zA-Z, whose slot is 64 b + 32; test_keys proves it. */
static const char tags[BUCKETS][TAG_CHARS + 1] = {
    "021", "4zp", "aio", "0ov", "21g", "4Yd", "7pH", "0Lb", "1d8", "4xP", "556", "0mV", "23G", "5Ke", "6bI", "0NB",
    "06q", "7NS", "53V", "0k6", "0Qm", "69n", "4Dk", "3xA", "04Q", "5l1", "51v", "1y7", "0SM", "7og", "4FK", "3za",
    "4z4", "02u", "0o2", "57R", "6yb", "0Ui", "2ld", "5PN", "5h5", "00U", "2MP", "55r", "7kc", "0WI", "2nD", "4BO",
    "5nU", "065", "0kr", "6Gy", "5MA", "25c", "0Hf", "6dm", "5lu", "djl", "0iR", "512", "5Oa", "27C", "0JF", "6fM",
    "2Gy", "4kr", "465", "1nU", "2dm", "4Hf", "65c", "1MA", "112", "4iR", "azM", "1lu", "2fM", "4JF", "67C", "1Oa",
    "17R", "4o2", "42u", "0z4", "1PN", "6ld", "4Ui", "2yb", "15r", "6MP", "40U", "1h5", "0BO", "6nD", "4WI", "3kc",
    "4k6", "13V", "3NS", "46q", "7xA", "0Dk", "29n", "4Qm", "5y7", "11v", "1l1", "44Q", "7za", "0FK", "3og", "4SM",
    "4ov", "dyN", "0zp", "421", "4Lb", "3pH", "0Yd", "61g", "4mV", "156", "0xP", "5d8", "4NB", "2bI", "1Ke", "63G",
    "20w", "4Xt", "6ay", "0Mr", "2Wk", "5kA", "6Bm", "0nf", "22W", "4ZT", "6cY", "0OR", "2UK", "5ia", "7Pl", "0lF",
    "247", "7lW", "5UZ", "0I2", "07a", "7OC", "4fo", "2Jd", "9Kd", "5N5", "5Wz", "2kP", "05A", "7Mc", "4dO", "2HD",
    "4X0", "0Ty", "0M6", "ckm", "7KG", "03e", "dtS", "4bk", "5J1", "0VY", "2oT", "774", "6YF", "01E", "913", "54b",
    "5LQ", "0P9", "0Iv", "71T", "5oE", "2So", "0jb", "6Fi", "5Nq", "1B8", "0KV", "73t", "49L", "2QO", "0hB", "6DI",
    "31T", "4Iv", "4P9", "1LQ", "2Fi", "4jb", "6So", "1oE", "33t", "4KV", "5B8", "1Nq", "2DI", "4hB", "6QO", "09L",
    "8Hg", "4M6", "4Ty", "0X0", "0bk", "adr", "43e", "3KG", "374", "6oT", "4VY", "1J1", "14b", "afR", "41E", "2YF",
    "4I2", "1UZ", "3lW", "647", "6Jd", "0fo", "3OC", "47a", "6kP", "1Wz", "1N5", "bhn", "6HD", "0dO", "3Mc", "45A",
    "4Mr", "2ay", "0Xt", "60w", "4nf", "2Bm", "1kA", "6Wk", "4OR", "2cY", "0ZT", "62W", "4lF", "3Pl", "1ia", "6UK",
};

const char *bucket_tag(uint8_t bucket)
{
    return tags[bucket];
}

uint16_t bucket_slot(uint8_t bucket)
{
    return (uint16_t)(64 * bucket + 32);
}

struct key bucket_key(uint8_t bucket, char kind, struct slice name)
{
    struct key k;
    k.text[0] = '{';
    memcpy(k.text + 1, tags[bucket], TAG_CHARS);
    k.text[1 + TAG_CHARS] = '}';
    k.text[2 + TAG_CHARS] = kind;
    hex_encode(name.ptr, name.len, k.text + TAG_CHARS + 3);
    k.len = TAG_CHARS + 3 + 2 * name.len;
    return k;
}
