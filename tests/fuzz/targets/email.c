/* E-mail addresses: the normal form of a normal form is itself, it keeps its bounds, and it does not depend on what else
 * stands in the buffer. */
#include "fuzz.h"

#include "customerd/customers/email.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf once = BUF_INIT(EMAIL_NORMAL_MAX_BYTES);
    struct buf twice = BUF_INIT(EMAIL_NORMAL_MAX_BYTES + 1);
    char *copy = fuzz_copy(slice_of(data, size));
    const char *wrong = email_normalize(slice_of(copy, size), &once);
    REQUIRE(buf_ok(&once));
    REQUIRE(wrong == NULL || once.len == 0);
    if (wrong == NULL) {
        struct slice normal = buf_slice(&once);
        REQUIRE(normal.len > 2 && memchr(normal.ptr, '@', normal.len) != NULL && size <= EMAIL_MAX_BYTES);
        for (size_t i = 0; i < normal.len; i++)
            REQUIRE((unsigned char)normal.ptr[i] > ' ' && !(normal.ptr[i] >= 'A' && normal.ptr[i] <= 'Z'));
        buf_append_byte(&twice, '|');
        struct slice local = normal;
        local = slice_take(&local, '@');
        /* A normal form may be longer than what is accepted. */
        if (email_normalize(normal, &twice) == NULL)
            REQUIRE(slice_equal(slice_from(buf_slice(&twice), 1), normal));
        else
            REQUIRE(normal.len > EMAIL_MAX_BYTES || local.len > EMAIL_LOCAL_MAX_BYTES);
    }
    free(copy);
    buf_clean_up(&once);
    buf_clean_up(&twice);
    return 0;
}
