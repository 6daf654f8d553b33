/* Cursors: only what was made with the key is accepted, and in one spelling; whatever is changed in one makes it void. */
#include "fuzz.h"

#include "customerd/customers/cursor.h"

static const uint8_t key[CURSOR_KEY_BYTES] = "a key of thirty-two bytes, fixed";

static void check_foreign(struct slice text)
{
    struct uuid id;
    struct buf again = BUF_INIT(CURSOR_TEXT_LEN + 1);
    if (!cursor_decode(key, text, &id))
        return;
    cursor_encode(key, &id, &again);
    REQUIRE(buf_ok(&again) && slice_equal(buf_slice(&again), text));
    buf_clean_up(&again);
}

/* A cursor of the bytes as an id, and the same with one character changed by the next two bytes. */
static void check_own(struct slice bytes)
{
    struct uuid id;
    struct uuid again;
    struct buf text = BUF_INIT(CURSOR_TEXT_LEN + 1);
    if (bytes.len < UUID_BYTES + 2)
        return;
    memcpy(id.bytes, bytes.ptr, UUID_BYTES);
    cursor_encode(key, &id, &text);
    REQUIRE(buf_ok(&text) && text.len == CURSOR_TEXT_LEN);
    REQUIRE(cursor_decode(key, buf_slice(&text), &again) && memcmp(id.bytes, again.bytes, UUID_BYTES) == 0);
    size_t at = (uint8_t)bytes.ptr[UUID_BYTES] % CURSOR_TEXT_LEN;
    char before = text.data[at];
    text.data[at] = bytes.ptr[UUID_BYTES + 1];
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
