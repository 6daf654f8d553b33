#include "../../../src/aws/s3_inner.h"

#include "../core/unit.h"

#define LIST(inside) "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"x\">" inside "</ListBucketResult>"
#define ENTRY(key) "<Contents><Key>" key "</Key><Size>5</Size></Contents>"
#define WHOLE "<IsTruncated>false</IsTruncated>"

static bool read_page(const char *document, struct s3_page *page)
{
    char *copy = exact_copy(document, strlen(document));
    bool ok = s3_page_read(slice_of(copy, strlen(document)), page);
    free(copy); /* a page borrows nothing */
    return ok;
}

/* As S3's documentation shows one, in S3's order. */
static void a_page_is_read(void **state)
{
    (void)state;
    struct s3_page page;
    assert_true(read_page(LIST("<Name>bucket</Name><Prefix/><NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J==</NextContinuationToken>"
                               "<KeyCount>2</KeyCount><MaxKeys>2</MaxKeys><IsTruncated>true</IsTruncated>"
                               "<Contents><Key>happy%2Fface+a%2Bb%26%00.jpg</Key><LastModified>2014-11-21T19:40:05.000Z</LastModified>"
                               "<ETag>&quot;70ee1738b6b21e2c8a43f3a5ab0eee71&quot;</ETag><Size>5368709120</Size>"
                               "<StorageClass>STANDARD</StorageClass><Owner><ID>Key</ID></Owner></Contents>\n"
                               "<Contents><Size>0</Size><Key>%C3%A4</Key></Contents>"
                               "<CommonPrefixes><Prefix>photos/</Prefix></CommonPrefixes><EncodingType>url</EncodingType>"),
                          &page));
    assert_int_equal(page.n, 2);
    assert_int_equal(page.entries[0].key.len, 20);
    assert_memory_equal(page.entries[0].key.ptr, "happy/face a+b&\0.jpg", 20);
    assert_slice(page.entries[0].etag, "\"70ee1738b6b21e2c8a43f3a5ab0eee71\"");
    assert_slice(page.entries[0].last_modified, "2014-11-21T19:40:05.000Z");
    assert_true(page.entries[0].size == 5368709120);
    assert_slice(page.entries[1].key, "\xc3\xa4");
    assert_slice(page.entries[1].etag, "");
    assert_slice(page.next_token, "1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J==");
    s3_page_clean_up(&page);
}

static void keys_stand_as_they_are_unless_s3_says_that_it_encoded_them(void **state)
{
    (void)state;
    struct s3_page page;
    assert_true(read_page(LIST(WHOLE ENTRY("a%2Fb+c&#x27;&amp;")), &page));
    assert_slice(page.entries[0].key, "a%2Fb+c'&");
    assert_slice(page.next_token, "");
    s3_page_clean_up(&page);
    assert_true(read_page(LIST(WHOLE "<NextContinuationToken>stray</NextContinuationToken>"), &page));
    assert_int_equal(page.n, 0);
    assert_slice(page.next_token, "");
    s3_page_clean_up(&page);
}

static void what_is_no_page_is_refused_whole(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "", "garbage", "<html></html>", "<Error><Code>InternalError</Code></Error>",
        LIST(""),
        LIST("<IsTruncated>true</IsTruncated>"),
        LIST(WHOLE WHOLE),
        LIST(WHOLE ENTRY("")),
        LIST(WHOLE "<Contents><Size>5</Size></Contents>"),
        LIST(WHOLE "<Contents><Key>a</Key></Contents>"),
        LIST(WHOLE "<Contents><Key>a</Key><Key>b</Key><Size>5</Size></Contents>"),
        LIST(WHOLE "<Contents><Key>a</Key><Size>-5</Size></Contents>"),
        LIST(WHOLE "<Contents><Key>a</Key><Size>5x</Size></Contents>"),
        LIST(WHOLE "<Contents><Key>a</Key><Size>9999999999999999999</Size></Contents>"),
        LIST(WHOLE "<Contents><Key>a<b/></Key><Size>5</Size></Contents>"),
        LIST(WHOLE "<EncodingType>url</EncodingType>" ENTRY("a%2")),
        LIST(WHOLE "<EncodingType>url</EncodingType>" ENTRY("a%zz")),
        LIST(WHOLE "<EncodingType>url</EncodingType>" ENTRY("%")),
        "<?xml version=\"1.0\"?><ListBucketResult>" WHOLE,
        "<!DOCTYPE a [<!ENTITY b \"c\">]>" LIST(WHOLE),
    };
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        struct s3_page page;
        if (read_page(documents[i], &page))
            fail_msg("taken for a page: %s", documents[i]);
        assert_int_equal(page.n, 0);
        assert_null(page.entries);
    }
}

static void a_page_has_a_thousand_entries_at_most(void **state)
{
    (void)state;
    for (size_t n = S3_LIST_MAX; n <= S3_LIST_MAX + 1; n++) {
        struct buf document = BUF_INIT((size_t)1 << 20);
        struct s3_page page;
        buf_append_cstr(&document, "<ListBucketResult>" WHOLE);
        for (size_t i = 0; i < n; i++)
            buf_append_cstr(&document, ENTRY("k"));
        buf_append_cstr(&document, "</ListBucketResult>");
        assert_int_equal(read_page(document.data, &page), n == S3_LIST_MAX);
        s3_page_clean_up(&page);
        buf_clean_up(&document);
    }
    struct s3_page page;
    char *key = repeated("k", S3_KEY_MAX_BYTES + 1);
    struct buf document = BUF_INIT(4096);
    buf_appendf(&document, LIST(WHOLE ENTRY("%s")), key);
    assert_false(read_page(document.data, &page));
    buf_clean_up(&document);
    free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_read),
        cmocka_unit_test(keys_stand_as_they_are_unless_s3_says_that_it_encoded_them),
        cmocka_unit_test(what_is_no_page_is_refused_whole),
        cmocka_unit_test(a_page_has_a_thousand_entries_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
