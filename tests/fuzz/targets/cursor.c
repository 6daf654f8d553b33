/* Cursors: only what was made with the key is accepted, and in one spelling; whatever is changed in one makes it void. */
#include "fuzz.h"

#include "customerd/customers/cursor.h"

static const uint8_t key[CURSOR_KEY_BYTES] = "a key of thirty-two bytes, fixed";

static void check_foreign(struct slice text)
{
    struct cursor cursor;
    struct buf again = BUF_INIT(CURSOR_TEXT_LEN + 1);
    if (!cursor_decode(key, text, &cursor))
        return;
    cursor_encode(key, &cursor, &again);
    REQUIRE(buf_ok(&again) && slice_equal(buf_slice(&again), text));
    buf_clean_up(&again);
}

/* A cursor of the bytes: an id, bounds and levels; and the same with one character changed by the next two bytes. */
static void check_own(struct slice bytes)
{
    enum { BOUNDS = CURSOR_LEVELS * 8, ALL = UUID_BYTES + BOUNDS };
    struct cursor cursor, again;
    struct buf text = BUF_INIT(CURSOR_TEXT_LEN + 1);
    if (bytes.len < ALL + 2)
        return;
    memcpy(cursor.last.bytes, bytes.ptr, UUID_BYTES);
    memcpy(cursor.bounds, bytes.ptr + UUID_BYTES, BOUNDS);
    for (size_t b = 0; b < BUCKETS; b++)
        cursor.levels[b] = (uint8_t)bytes.ptr[b % bytes.len] % (CURSOR_LEVELS + 1);
    cursor_encode(key, &cursor, &text);
    REQUIRE(buf_ok(&text) && text.len == CURSOR_TEXT_LEN);
    REQUIRE(cursor_decode(key, buf_slice(&text), &again));
    REQUIRE(memcmp(cursor.last.bytes, again.last.bytes, UUID_BYTES) == 0);
    REQUIRE(memcmp(cursor.bounds, again.bounds, BOUNDS) == 0 && memcmp(cursor.levels, again.levels, BUCKETS) == 0);
    size_t at = (uint8_t)bytes.ptr[ALL] % CURSOR_TEXT_LEN;
    char before = text.data[at];
    text.data[at] = bytes.ptr[ALL + 1];
    REQUIRE(cursor_decode(key, buf_slice(&text), &again) == (text.data[at] == before));
    buf_clean_up(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = fuzz_copy(slice_of(data, size));
    check_foreign(slice_of(copy, size));
    check_own(slice_of(copy, size));
    free(copy);
    return 0;
}
