#include "s3_inner.h"

#include "customerd/aws/xml.h"
#include "customerd/core/crypto.h"

#include <stdlib.h>

#define PAGE_MAX_BYTES ((size_t)8 << 20)
#define QUERY_MAX_BYTES 16384

/* Bytes of the page's text: it moves while it grows. */
struct span {
    size_t at, len;
    bool found;
};

struct raw_entry {
    struct span key, etag, last_modified, size;
};

struct reading {
    struct buf text;
    struct raw_entry *entries;
    size_t n;
    struct span *into; /* where the text of the open element goes; NULL: nowhere */
    struct span next_token, is_truncated, encoding, page;
};

/* ------------------------------------------------------------------------------------------------------- read */

static struct span *span_for(struct reading *r, const struct xml_place *place)
{
    static const char *const token[] = { "ListBucketResult", "NextContinuationToken", NULL };
    static const char *const truncated[] = { "ListBucketResult", "IsTruncated", NULL };
    static const char *const encoding[] = { "ListBucketResult", "EncodingType", NULL };
    static const char *const key[] = { "ListBucketResult", "Contents", "Key", NULL };
    static const char *const etag[] = { "ListBucketResult", "Contents", "ETag", NULL };
    static const char *const modified[] = { "ListBucketResult", "Contents", "LastModified", NULL };
    static const char *const size[] = { "ListBucketResult", "Contents", "Size", NULL };
    if (xml_is_at(place, token))
        return &r->next_token;
    if (xml_is_at(place, truncated))
        return &r->is_truncated;
    if (xml_is_at(place, encoding))
        return &r->encoding;
    if (r->n == 0)
        return NULL;
    struct raw_entry *entry = &r->entries[r->n - 1];
    if (xml_is_at(place, key))
        return &entry->key;
    if (xml_is_at(place, etag))
        return &entry->etag;
    if (xml_is_at(place, modified))
        return &entry->last_modified;
    return xml_is_at(place, size) ? &entry->size : NULL;
}

static bool open_element(void *ctx, const struct xml_place *place)
{
    static const char *const root[] = { "ListBucketResult", NULL };
    static const char *const contents[] = { "ListBucketResult", "Contents", NULL };
    struct reading *r = ctx;
    if (r->into != NULL)
        return false;
    if (xml_is_at(place, root))
        r->page.found = true;
    if (xml_is_at(place, contents)) {
        if (r->n == S3_LIST_MAX)
            return false;
        r->entries[r->n++] = (struct raw_entry){ .key = { .len = 0 } };
        return true;
    }
    struct span *span = span_for(r, place);
    if (span == NULL)
        return true;
    if (span->found)
        return false;
    *span = (struct span){ .at = r->text.len, .found = true };
    r->into = span;
    return true;
}

static bool close_element(void *ctx, const struct xml_place *place)
{
    struct reading *r = ctx;
    (void)place;
    r->into = NULL;
    return true;
}

static void take_text(void *ctx, const struct xml_place *place, struct slice text)
{
    struct reading *r = ctx;
    (void)place;
    if (r->into == NULL)
        return;
    buf_append(&r->text, text);
    r->into->len += text.len;
}

/* ------------------------------------------------------------------------------------------------------- check */

static struct slice slice_at(const struct reading *r, const struct span *span)
{
    return span->len == 0 ? slice_of("", 0) : slice_of(r->text.data + span->at, span->len);
}

/* In place: it gets shorter. A space is a plus sign, as in a form. */
static bool decode(struct reading *r, struct span *span)
{
    char *text = r->text.data + span->at;
    size_t to = 0;
    for (size_t i = 0; i < span->len; i++) {
        int byte = percent_byte(slice_of(text + i, span->len - i));
        if (text[i] == '%' && byte < 0)
            return false;
        if (byte >= 0) {
            text[to++] = (char)byte;
            i += 2;
        } else {
            text[to++] = text[i] == '+' ? ' ' : text[i];
        }
    }
    span->len = to;
    return true;
}

static bool entry_read(struct reading *r, struct raw_entry *raw, bool is_encoded, struct s3_list_entry *out)
{
    if (!raw->key.found || raw->key.len == 0 || (is_encoded && !decode(r, &raw->key)) || raw->key.len > S3_KEY_MAX_BYTES)
        return false;
    *out = (struct s3_list_entry){ .key = slice_at(r, &raw->key),
                                   .etag = slice_at(r, &raw->etag),
                                   .last_modified = slice_at(r, &raw->last_modified),
                                   .size = s3_number(slice_at(r, &raw->size)) };
    return out->size >= 0;
}

/* A page that promises another one names it. */
static bool page_make(struct reading *r, struct s3_page *out)
{
    bool is_encoded = slice_is(slice_at(r, &r->encoding), "url");
    bool is_truncated = slice_is(slice_at(r, &r->is_truncated), "true");
    if (!r->page.found || !r->is_truncated.found || (is_truncated && r->next_token.len == 0))
        return false;
    out->entries = calloc(r->n > 0 ? r->n : 1, sizeof *out->entries);
    if (out->entries == NULL)
        return false;
    for (out->n = 0; out->n < r->n; out->n++)
        if (!entry_read(r, &r->entries[out->n], is_encoded, &out->entries[out->n]))
            return false;
    if (is_truncated)
        out->next_token = slice_at(r, &r->next_token);
    out->text = buf_steal(&r->text);
    return true;
}

bool s3_page_read(struct slice document, struct s3_page *out)
{
    static const struct xml_events events = { open_element, close_element, take_text };
    struct reading r = { .text = BUF_INIT(PAGE_MAX_BYTES), .entries = calloc(S3_LIST_MAX, sizeof *r.entries) };
    *out = (struct s3_page){ .n = 0 };
    bool ok = r.entries != NULL && xml_read(document, &events, &r) && buf_ok(&r.text) && page_make(&r, out);
    if (!ok)
        s3_page_clean_up(out);
    buf_clean_up(&r.text);
    free(r.entries);
    return ok;
}

void s3_page_clean_up(struct s3_page *page)
{
    if (page == NULL)
        return;
    free(page->entries);
    free(page->text);
    *page = (struct s3_page){ .n = 0 };
}

/* --------------------------------------------------------------------------------------------------------- ask */

static void add_parameter(struct buf *query, const char *name, struct slice value)
{
    if (value.len == 0)
        return;
    buf_append_byte(query, '&');
    buf_append_cstr(query, name);
    buf_append_byte(query, '=');
    sigv4_uri_encode(value, query);
}

enum status s3_list(struct s3 *s3, const struct s3_list *list, struct s3_page *out, struct error *err)
{
    struct s3_question q = { .operation = S3_OP_LIST, .request = { .method = "GET", .bucket = list->bucket },
                             .body_max = PAGE_MAX_BYTES, .deadline_ms = list->deadline_ms };
    struct buf query = BUF_INIT(QUERY_MAX_BYTES);
    struct http_multi_answer answer = { .status = 0 };
    size_t max_keys = list->max_keys > 0 && list->max_keys < S3_LIST_MAX ? list->max_keys : S3_LIST_MAX;
    *out = (struct s3_page){ .n = 0 };
    /* Keys may hold what XML can't. */
    buf_appendf(&query, "list-type=2&encoding-type=url&max-keys=%zu", max_keys);
    add_parameter(&query, "prefix", list->prefix);
    add_parameter(&query, "start-after", list->start_after);
    add_parameter(&query, "continuation-token", list->continuation_token);
    q.request.query = buf_slice(&query);
    enum status status = buf_ok(&query) ? s3_ask(s3, &q, &answer, err)
                                        : error_set(err, STATUS_BAD_REQUEST, "the prefix or the token is too long");
    if (status == STATUS_OK && !s3_page_read(buf_slice(&answer.body), out))
        status = error_set(err, STATUS_S3_UNAVAILABLE, "S3's list is not one that can be read");
    http_multi_answer_clean_up(&answer);
    buf_clean_up(&query);
    return status;
}
