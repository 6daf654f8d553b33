/* Ids: an accepted text is the written form of its id, but for case; and any id in that form is accepted. */
#include "fuzz.h"

#include <strings.h>

#include "customerd/core/uuid.h"

static void check_text(struct slice text)
{
    struct uuid id;
    char written[UUID_TEXT_SIZE];
    if (!uuid_parse(text, &id))
        return;
    uuid_format(&id, written);
    REQUIRE(text.len == UUID_TEXT_SIZE - 1 && strncasecmp(text.ptr, written, text.len) == 0);
    REQUIRE(uuid_ms(&id) >= 0 && uuid_ms(&id) < INT64_C(1) << 48);
}

static void check_bytes(struct slice bytes)
{
    struct uuid id;
    struct uuid again;
    char written[UUID_TEXT_SIZE];
    if (bytes.len < UUID_BYTES)
        return;
    memcpy(id.bytes, bytes.ptr, UUID_BYTES);
    bool ours = id.bytes[6] >> 4 == 7 && id.bytes[8] >> 6 == 2;
    uuid_format(&id, written);
    REQUIRE(uuid_parse(slice_of(written, UUID_TEXT_SIZE - 1), &again) == ours);
    REQUIRE(!ours || memcmp(id.bytes, again.bytes, UUID_BYTES) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = fuzz_copy(slice_of(data, size));
    check_text(slice_of(copy, size));
    check_bytes(slice_of(copy, size));
    free(copy);
    return 0;
}
