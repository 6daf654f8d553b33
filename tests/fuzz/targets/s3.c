/* What S3 answers: fields that are taken hold no control bytes and lie in their own text; a failure is told in one line; a
 * page that is taken is within its bounds and, written again, is taken as the same. */
#include "fuzz.h"

#include "../../../src/aws/s3_inner.h"

static bool is_one_line(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (((unsigned char)text.ptr[i] < 0x20 && text.ptr[i] != '\t') || text.ptr[i] == 0x7f)
            return false;
    return true;
}

static void check_meta(const struct buf *head)
{
    struct s3_meta meta;
    REQUIRE(s3_meta_read(head, 7, &meta) && meta.length == 7);
    size_t bytes = 0;
    for (size_t i = 0; i < S3_FIELDS; i++) {
        REQUIRE(is_one_line(meta.fields[i]) && meta.fields[i].ptr == meta.text + bytes);
        bytes += meta.fields[i].len;
    }
    s3_meta_clean_up(&meta);
}

static void check_verdict(uint8_t bits, int status, const struct http_multi_answer *answer)
{
    const struct s3_question q = { .operation = (enum s3_operation)(bits % S3_OPERATIONS),
                                   .request = { .method = "METHOD" },
                                   .has_range = (bits & 8) != 0,
                                   .has_match = (bits & 16) != 0,
                                   .has_none_match = (bits & 32) != 0 };
    struct error err = { .code = STATUS_OK };
    enum s3_verdict verdict = s3_judge(&q, HTTP_END_ANSWER, answer, &err);
    if (verdict == S3_VERDICT_ANSWER) {
        REQUIRE(status == 200 || status == 204 || status == 206 || status == 304 || status == 404 || status == 409 ||
                status == 412 || status == 416);
        return;
    }
    REQUIRE(err.code == STATUS_S3_UNAVAILABLE || err.code == STATUS_BAD_REQUEST);
    REQUIRE(err.detail[0] != '\0' && is_one_line(slice_cstr(err.detail)));
    REQUIRE(s3_is_write(q.operation) || err.applied == APPLIED_NO);
}

static void append_escaped(struct buf *out, const char *element, struct slice text)
{
    buf_appendf(out, "<%s>", element);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '<' || text.ptr[i] == '&')
            buf_appendf(out, "&#%d;", text.ptr[i]);
        else
            buf_append_byte(out, text.ptr[i]);
    }
    buf_appendf(out, "</%s>", element);
}

static void append_entry(struct buf *out, const struct s3_list_entry *e)
{
    buf_append_cstr(out, "<Contents><Key>");
    for (size_t i = 0; i < e->key.len; i++)
        buf_appendf(out, "%%%02X", (unsigned char)e->key.ptr[i]);
    buf_appendf(out, "</Key><Size>%lld</Size>", (long long)e->size);
    append_escaped(out, "ETag", e->etag);
    append_escaped(out, "LastModified", e->last_modified);
    buf_append_cstr(out, "</Contents>");
}

static void check_page(struct slice document)
{
    struct s3_page page, again;
    struct buf text = BUF_INIT(1u << 20);
    if (!s3_page_read(document, &page)) {
        REQUIRE(page.n == 0 && page.entries == NULL && page.text == NULL);
        return;
    }
    REQUIRE(page.n <= S3_LIST_MAX);
    buf_appendf(&text, "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>%s</IsTruncated>",
                page.next_token.len > 0 ? "true" : "false");
    append_escaped(&text, "NextContinuationToken", page.next_token);
    for (size_t i = 0; i < page.n; i++) {
        REQUIRE(page.entries[i].key.len >= 1 && page.entries[i].key.len <= S3_KEY_MAX_BYTES && page.entries[i].size >= 0);
        append_entry(&text, &page.entries[i]);
    }
    buf_append_cstr(&text, "</ListBucketResult>");
    REQUIRE(buf_ok(&text) && s3_page_read(buf_slice(&text), &again) && again.n == page.n);
    REQUIRE(slice_equal(again.next_token, page.next_token));
    for (size_t i = 0; i < page.n; i++) {
        REQUIRE(slice_equal(again.entries[i].key, page.entries[i].key) && again.entries[i].size == page.entries[i].size);
        REQUIRE(slice_equal(again.entries[i].etag, page.entries[i].etag));
        REQUIRE(slice_equal(again.entries[i].last_modified, page.entries[i].last_modified));
    }
    s3_page_clean_up(&again);
    s3_page_clean_up(&page);
    buf_clean_up(&text);
}

/* A byte of bits, the status, a head, an empty line, a body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of(data, size);
    struct http_multi_answer answer = { .head = BUF_INIT(1u << 16), .body = BUF_INIT(1u << 16) };
    uint8_t bits = fuzz_byte(&rest);
    answer.status = 100 + 2 * fuzz_byte(&rest) + (bits >> 7);
    while (rest.len > 0) {
        struct slice line = slice_take(&rest, '\n');
        if (line.len == 0)
            break;
        buf_append(&answer.head, line);
        buf_append_byte(&answer.head, '\n');
    }
    buf_append(&answer.body, rest);
    check_meta(&answer.head);
    check_verdict(bits, answer.status, &answer);
    char *copy = fuzz_copy(rest);
    check_page(slice_of(copy, rest.len));
    free(copy);
    http_multi_answer_clean_up(&answer);
    return 0;
}
