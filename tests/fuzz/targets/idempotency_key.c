/* Idempotency-Key: the key that was read, written bare (unless it begins like a string) or as a string, is read again as
 * the same key. */
#include "fuzz.h"

#include "customerd/api/idempotency_key.h"

static void check_reads_as(struct slice text, const struct idempotency_key *key)
{
    struct idempotency_key again;
    struct error err;
    REQUIRE(idempotency_key_parse(text, &again, &err) == STATUS_OK);
    REQUIRE(again.len == key->len && memcmp(again.text, key->text, key->len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct idempotency_key key;
    struct error err;
    struct buf quoted = BUF_INIT(2 * IDEMPOTENCY_KEY_MAX_CHARS + 2);
    char *copy = fuzz_copy(slice_of(data, size));
    enum status status = idempotency_key_parse(slice_of(copy, size), &key, &err);
    free(copy);
    if (status != STATUS_OK)
        return 0;
    REQUIRE(key.len >= 1 && key.len <= IDEMPOTENCY_KEY_MAX_CHARS);
    buf_append_byte(&quoted, '"');
    for (size_t i = 0; i < key.len; i++) {
        REQUIRE(key.text[i] > ' ' && key.text[i] < 0x7f);
        if (key.text[i] == '"' || key.text[i] == '\\')
            buf_append_byte(&quoted, '\\');
        buf_append_byte(&quoted, key.text[i]);
    }
    buf_append_byte(&quoted, '"');
    check_reads_as(buf_slice(&quoted), &key);
    if (key.text[0] != '"')
        check_reads_as(slice_of(key.text, key.len), &key);
    buf_clean_up(&quoted);
    return 0;
}
