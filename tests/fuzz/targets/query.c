/* Query strings: values that were read, each byte written as an escape, are read again as the same values; what is accepted
 * is UTF-8 without NUL. */
#include "fuzz.h"

#include "customerd/api/query.h"
#include "customerd/core/utf8.h"

static const char *const known[] = { "limit", "cursor", "email", NULL };

static void check_text(struct slice text)
{
    while (text.len > 0) {
        size_t len = utf8_character_len(text);
        REQUIRE(len > 0 && text.ptr[0] != '\0');
        text = slice_from(text, len);
    }
}

static void check_escaped(const struct query *q)
{
    struct query again;
    struct error err;
    struct buf text = BUF_INIT(4 * QUERY_MAX_BYTES);
    query_init(&again);
    for (size_t i = 0; known[i] != NULL; i++) {
        if (!q->values[i].given)
            continue;
        check_text(q->values[i].text);
        buf_appendf(&text, "&%s=", known[i]);
        for (size_t at = 0; at < q->values[i].text.len; at++)
            buf_appendf(&text, "%%%02x", (unsigned char)q->values[i].text.ptr[at]);
    }
    if (buf_ok(&text) && text.len < QUERY_MAX_BYTES) {
        REQUIRE(query_parse(buf_slice(&text), known, &again, &err) == STATUS_OK);
        for (size_t i = 0; known[i] != NULL; i++) {
            REQUIRE(again.values[i].given == q->values[i].given);
            REQUIRE(slice_equal(again.values[i].text, q->values[i].text) && !again.values[i].plus_was_blank);
        }
    }
    query_clean_up(&again);
    buf_clean_up(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct query q;
    struct error err;
    char *copy = fuzz_copy(slice_of(data, size));
    query_init(&q);
    if (query_parse(slice_of(copy, size), known, &q, &err) == STATUS_OK)
        check_escaped(&q);
    else
        REQUIRE(err.code == STATUS_BAD_PARAMETER || size >= QUERY_MAX_BYTES);
    query_clean_up(&q);
    free(copy);
    return 0;
}
