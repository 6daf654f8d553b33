#include "../../../src/aws/s3_request.h"

#include "../core/unit.h"
#include "fake_env.h"

#define AWS_EXAMPLE_TIME_S 1369353600 /* 2013-05-24T00:00:00Z */
#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static char *credentials_text(const char *text)
{
    return (char *)(uintptr_t)text;
}

/* Borrowed: not to be cleaned up. */
static struct credentials credentials_of(const char *id, const char *secret, const char *token)
{
    return (struct credentials){ .access_key_id = { credentials_text(id), strlen(id) },
                                 .secret_access_key = { credentials_text(secret), strlen(secret) },
                                 .session_token = { credentials_text(token), strlen(token) } };
}

static struct s3_place place_of(const char *endpoint, const char *region, enum s3_addressing addressing)
{
    const struct s3_options options = { .endpoint = endpoint, .region = region, .addressing = addressing };
    struct fake_env f;
    struct s3_place place;
    struct error err;
    fake_env_init(&f);
    if (s3_place_find(&options, &f.env, &place, &err) != STATUS_OK)
        fail_msg("%s", err.detail);
    return place;
}

static const char *line_of(const struct s3_signed *s, const char *name)
{
    for (size_t i = 0; i < s->n_lines; i++)
        if (strncmp(s->lines[i], name, strlen(name)) == 0)
            return s->lines[i] + strlen(name);
    return "";
}

static void expect_signature(const struct s3_request *request, const char *url, const char *signed_headers,
                             const char *signature)
{
    const struct s3_place place = place_of("https://s3.amazonaws.com", "us-east-1", S3_ADDRESSING_VIRTUAL);
    const struct credentials credentials = credentials_of("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "");
    struct buf want = BUF_INIT(4096);
    struct s3_signed s;
    struct error err;
    char hash[SIGV4_HEX_SIZE];
    assert_int_equal(s3_request_check(request, &err), STATUS_OK);
    assert_true(sigv4_payload_hash(request->body, hash));
    assert_int_equal(s3_request_sign(&place, request, &credentials, AWS_EXAMPLE_TIME_S, hash, &s, &err), STATUS_OK);
    buf_appendf(&want, "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
                       "SignedHeaders=%s, Signature=%s", signed_headers, signature);
    assert_string_equal(s.url.data, url);
    assert_string_equal(line_of(&s, "authorization: "), want.data);
    assert_string_equal(line_of(&s, "x-amz-content-sha256: "), hash);
    assert_string_equal(line_of(&s, "x-amz-date: "), "20130524T000000Z");
    buf_clean_up(&want);
    s3_signed_clean_up(&s);
}

/* https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
static void signatures_are_those_of_awss_examples(void **state)
{
    (void)state;
    struct s3_request get = { .method = "GET", .bucket = SLICE("examplebucket"), .key = SLICE("test.txt") };
    s3_request_add(&get, "range", slice_cstr("bytes=0-9"));
    expect_signature(&get, "https://examplebucket.s3.amazonaws.com/test.txt", "host;range;x-amz-content-sha256;x-amz-date",
                     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");

    struct s3_request put = { .method = "PUT", .bucket = SLICE("examplebucket"), .key = SLICE("test$file.text"),
                              .body = SLICE("Welcome to Amazon S3.") };
    s3_request_add(&put, "date", slice_cstr("Fri, 24 May 2013 00:00:00 GMT"));
    s3_request_add(&put, "x-amz-storage-class", slice_cstr("REDUCED_REDUNDANCY"));
    expect_signature(&put, "https://examplebucket.s3.amazonaws.com/test%24file.text",
                     "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");

    struct s3_request lifecycle = { .method = "GET", .bucket = SLICE("examplebucket"), .query = SLICE("lifecycle") };
    expect_signature(&lifecycle, "https://examplebucket.s3.amazonaws.com/?lifecycle", "host;x-amz-content-sha256;x-amz-date",
                     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");

    struct s3_request list = { .method = "GET", .bucket = SLICE("examplebucket"), .query = SLICE("max-keys=2&prefix=J") };
    expect_signature(&list, "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J",
                     "host;x-amz-content-sha256;x-amz-date",
                     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

/* Which AWS's examples leave out; botocore 1.29 signs it so. */
static void a_path_is_signed_as_it_stands(void **state)
{
    (void)state;
    const struct s3_request get = { .method = "GET", .bucket = SLICE("examplebucket"), .key = SLICE("/lead//two/\xc3\xa4+b ~'/") };
    expect_signature(&get, "https://examplebucket.s3.amazonaws.com//lead//two/%C3%A4%2Bb%20~%27/",
                     "host;x-amz-content-sha256;x-amz-date",
                     "35387abd5a9897836a749f65f8cb95a06073e45dab79f526c884efc9ce8fec5f");
}

static void expect_url(const struct s3_place *place, const char *bucket, const char *key, const char *url)
{
    const struct s3_request request = { .method = "GET", .bucket = slice_cstr(bucket), .key = slice_cstr(key) };
    const struct credentials credentials = credentials_of("id", "secret", "");
    struct s3_signed s;
    struct error err;
    assert_int_equal(s3_request_check(&request, &err), STATUS_OK);
    assert_int_equal(s3_request_sign(place, &request, &credentials, 0, EMPTY_HASH, &s, &err), STATUS_OK);
    assert_string_equal(s.url.data, url);
    s3_signed_clean_up(&s);
}

static void the_bucket_stands_in_the_host_or_in_the_path(void **state)
{
    (void)state;
    struct s3_place aws = place_of(NULL, "eu-west-1", S3_ADDRESSING_AUTO);
    expect_url(&aws, "bucket", "key", "https://bucket.s3.eu-west-1.amazonaws.com/key");
    expect_url(&aws, "a.bucket", "key", "https://s3.eu-west-1.amazonaws.com/a.bucket/key");
    expect_url(&aws, "bucket", "", "https://bucket.s3.eu-west-1.amazonaws.com/");
    aws = place_of(NULL, "eu-west-1", S3_ADDRESSING_PATH);
    expect_url(&aws, "bucket", "key", "https://s3.eu-west-1.amazonaws.com/bucket/key");
    expect_url(&aws, "bucket", "", "https://s3.eu-west-1.amazonaws.com/bucket");
    aws = place_of(NULL, "cn-north-1", S3_ADDRESSING_VIRTUAL);
    expect_url(&aws, "a.bucket", "key", "https://a.bucket.s3.cn-north-1.amazonaws.com.cn/key");
    struct s3_place other = place_of("http://127.0.0.1:4569", "us-east-1", S3_ADDRESSING_AUTO);
    expect_url(&other, "bucket", "key", "http://127.0.0.1:4569/bucket/key");
    other = place_of("https://S3.Example:443/", "us-east-1", S3_ADDRESSING_VIRTUAL);
    expect_url(&other, "bucket", "key", "https://bucket.s3.example/key");
}

static void keys_are_encoded_once(void **state)
{
    (void)state;
    static const struct {
        const char *key, *path;
    } cases[] = {
        { "a b+c&d=e%f", "a%20b%2Bc%26d%3De%25f" },
        { "?x#y", "%3Fx%23y" },
        { "%2e%2e/%2F", "%252e%252e/%252F" },
        { "/lead//two/", "/lead//two/" },
        { "a~b'(c)*!", "a~b%27%28c%29%2A%21" },
        { "\xc3\xa4/\xf0\x9f\x98\x80", "%C3%A4/%F0%9F%98%80" },
        { "a\r\nX-Evil: b", "a%0D%0AX-Evil%3A%20b" },
        { "\\..\\x\xff", "%5C..%5Cx%FF" },
        { "..a/b../.c./...", "..a/b../.c./..." },
        { "http://evil/@", "http%3A//evil/%40" },
    };
    const struct s3_place place = place_of("http://127.0.0.1", "us-east-1", S3_ADDRESSING_PATH);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf url = BUF_INIT(4096);
        buf_appendf(&url, "http://127.0.0.1/bucket/%s", cases[i].path);
        expect_url(&place, "bucket", cases[i].key, url.data);
        buf_clean_up(&url);
    }
}

static void expect_refused(const struct s3_request *request)
{
    struct error err;
    if (s3_request_check(request, &err) != STATUS_BAD_REQUEST)
        fail_msg("taken: %.*s / %.*s", (int)request->bucket.len, request->bucket.ptr, (int)request->key.len,
                 request->key.ptr);
}

static void what_climbs_or_is_no_bucket_is_refused(void **state)
{
    (void)state;
    static const char *const keys[] = { "..", ".", "../x", "a/..", "a/../b", "a/./b", "./", "a//..", "a/." };
    static const char *const buckets[] = { "", "ab", "Bucket", "bu_cket", "-bucket", "bucket-", ".bucket", "bucket.",
                                           "a..b", "bucket/x", "bucket@evil", "bucket:1", "b\xc3\xa4x", "evil.com#",
                                           "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl" };
    struct s3_request request = { .method = "GET", .bucket = SLICE("bucket") };
    struct error err;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        request.key = slice_cstr(keys[i]);
        expect_refused(&request);
    }
    request.key = slice_of("a\0b", 3);
    expect_refused(&request);
    char *longest = repeated("k", S3_KEY_MAX_BYTES + 1);
    request.key = slice_of(longest, S3_KEY_MAX_BYTES);
    assert_int_equal(s3_request_check(&request, &err), STATUS_OK);
    request.key = slice_of(longest, S3_KEY_MAX_BYTES + 1);
    expect_refused(&request);
    request.key = slice_cstr("key");
    for (size_t i = 0; i < sizeof buckets / sizeof *buckets; i++) {
        request.bucket = slice_cstr(buckets[i]);
        expect_refused(&request);
    }
    free(longest);
}

static void fields_can_not_end_their_line(void **state)
{
    (void)state;
    static const struct slice values[] = { SLICE("a\r\nX-Evil: b"), SLICE("a\nb"), SLICE("a\0b"), SLICE("a\tb"), SLICE("\x7f") };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct s3_request request = { .method = "PUT", .bucket = SLICE("bucket"), .key = SLICE("key") };
        s3_request_add(&request, "content-type", values[i]);
        expect_refused(&request);
    }
    struct s3_request request = { .method = "PUT", .bucket = SLICE("bucket"), .key = SLICE("key") };
    char *value = repeated("v", 9000);
    s3_request_add(&request, "content-type", slice_cstr(value));
    expect_refused(&request);
    free(value);
}

static void a_session_token_is_sent_and_signed(void **state)
{
    (void)state;
    const struct s3_place place = place_of(NULL, "us-east-1", S3_ADDRESSING_AUTO);
    const struct s3_request request = { .method = "GET", .bucket = SLICE("bucket"), .key = SLICE("key") };
    const struct credentials credentials = credentials_of("id", "secret", "the token");
    struct s3_signed s;
    struct error err;
    assert_int_equal(s3_request_sign(&place, &request, &credentials, 0, EMPTY_HASH, &s, &err), STATUS_OK);
    assert_string_equal(line_of(&s, "x-amz-security-token: "), "the token");
    assert_non_null(strstr(line_of(&s, "authorization: "), ";x-amz-security-token,"));
    s3_signed_clean_up(&s);
}

static void expect_no_place(const char *variable, const char *value, const struct s3_options *options)
{
    struct fake_env f;
    struct s3_place place;
    struct error err;
    fake_env_init(&f);
    if (variable != NULL)
        fake_set(&f, variable, value);
    if (s3_place_find(options, &f.env, &place, &err) == STATUS_OK)
        fail_msg("taken: %s", place.endpoint.host);
}

static void the_endpoint_comes_from_the_options_the_environment_or_the_region(void **state)
{
    (void)state;
    struct s3_options options = { .region = NULL };
    struct fake_env f;
    struct s3_place place;
    struct error err;
    fake_env_init(&f);
    fake_set(&f, "AWS_REGION", "eu-central-1");
    assert_int_equal(s3_place_find(&options, &f.env, &place, &err), STATUS_OK);
    assert_true(place.is_aws && place.endpoint.https);
    assert_string_equal(place.endpoint.host, "s3.eu-central-1.amazonaws.com");
    fake_set(&f, "AWS_ENDPOINT_URL", "http://localhost:1");
    assert_int_equal(s3_place_find(&options, &f.env, &place, &err), STATUS_OK);
    assert_string_equal(place.endpoint.host, "localhost:1");
    assert_false(place.is_aws);
    fake_set(&f, "AWS_ENDPOINT_URL_S3", "http://localhost:2");
    assert_int_equal(s3_place_find(&options, &f.env, &place, &err), STATUS_OK);
    assert_string_equal(place.endpoint.host, "localhost:2");
    options.endpoint = "https://s3.example";
    options.region = "us-west-2";
    assert_int_equal(s3_place_find(&options, &f.env, &place, &err), STATUS_OK);
    assert_string_equal(place.endpoint.host, "s3.example");
    assert_string_equal(place.region, "us-west-2");

    options = (struct s3_options){ .region = "us-east-1" };
    expect_no_place("AWS_ENDPOINT_URL_S3", "http://s3.example", &options);
    expect_no_place("AWS_ENDPOINT_URL_S3", "https://s3.example/path", &options);
    expect_no_place("AWS_ENDPOINT_URL_S3", "https://user@s3.example", &options);
    options.region = "us-east-1/../x";
    expect_no_place(NULL, NULL, &options);
    options.region = NULL;
    expect_no_place(NULL, NULL, &options);
    options = (struct s3_options){ .region = "r", .endpoint = "http://127.0.0.1:9", .addressing = S3_ADDRESSING_VIRTUAL };
    expect_no_place(NULL, NULL, &options);
    options.endpoint = "http://[::1]:9";
    expect_no_place(NULL, NULL, &options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_those_of_awss_examples),
        cmocka_unit_test(a_path_is_signed_as_it_stands),
        cmocka_unit_test(the_bucket_stands_in_the_host_or_in_the_path),
        cmocka_unit_test(keys_are_encoded_once),
        cmocka_unit_test(what_climbs_or_is_no_bucket_is_refused),
        cmocka_unit_test(fields_can_not_end_their_line),
        cmocka_unit_test(a_session_token_is_sent_and_signed),
        cmocka_unit_test(the_endpoint_comes_from_the_options_the_environment_or_the_region),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
