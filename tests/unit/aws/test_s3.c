#include "../../../src/aws/s3_inner.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "../core/http_peer.h"
#include "../core/unit.h"
#include "fake_env.h"
#include "../support/http_globals.h"

#define DEADLINE_MS 10000
#define OK_OBJECT                                                                                                     \
    "HTTP/1.1 200 OK\r\nETag: \"e1\"\r\nLast-Modified: Sun, 1 Jan 2006 12:00:00 GMT\r\nContent-Type: text/plain\r\n"      \
    "x-amz-version-id: v1\r\nContent-Length: 5\r\n\r\nhello"
#define EMPTY(status, fields) "HTTP/1.1 " status "\r\n" fields "Content-Length: 0\r\n\r\n"
#define FAILURE(status, code) "HTTP/1.1 " status "\r\nx-amz-request-id: 4442587FB7D0A2F9\r\nConnection: close\r\n\r\n<Error><Code>" code "</Code></Error>"
#define SECRET "the-secret-access-key"
#define TOKEN "the-session-token"

static struct http_peer peer;
static struct fake_env env;
static struct s3 *s3;
static struct log *logger;
static int log_file;

static int64_t now_ms(void)
{
    return clock_monotonic_ms(clock_system());
}

static int64_t soon(void)
{
    return now_ms() + DEADLINE_MS;
}

static void begin_without_credentials(const struct http_peer_answer *answers, size_t n)
{
    static char endpoint[100];
    char path[] = "/tmp/test-s3-XXXXXX";
    struct error err;
    http_peer_start(&peer, answers, n);
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d", peer.port);
    log_file = mkstemp(path);
    assert_true(log_file >= 0);
    (void)unlink(path);
    logger = log_new(log_file, LOG_DEBUG, clock_system());
    assert_non_null(logger);
    env.env.clock = clock_system();
    const struct s3_options options = { .env = &env.env, .endpoint = endpoint, .region = "eu-west-1", .connections = 2,
                                        .streams = 1, .log = logger };
    s3 = s3_new(&options, &err);
    assert_non_null(s3);
}

static void begin(const struct http_peer_answer *answers, size_t n)
{
    fake_env_init(&env);
    fake_set(&env, "AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
    fake_set(&env, "AWS_SECRET_ACCESS_KEY", SECRET);
    fake_set(&env, "AWS_SESSION_TOKEN", TOKEN);
    begin_without_credentials(answers, n);
}

static bool log_has(const char *word)
{
    static char text[100000];
    ssize_t n = pread(log_file, text, sizeof text - 1, 0);
    text[n < 0 ? 0 : n] = '\0';
    return strstr(text, word) != NULL;
}

static void until_logged(const char *word)
{
    int64_t end_ms = soon();
    while (!log_has(word)) {
        assert_true(now_ms() < end_ms);
        sched_yield();
    }
}

/* Whatever went wrong, the log has neither the credentials nor the keys of objects. */
static void end(void)
{
    static char text[100000];
    s3_destroy(s3);
    log_destroy(logger);
    http_peer_stop(&peer);
    ssize_t n = pread(log_file, text, sizeof text - 1, 0);
    assert_true(n >= 0);
    text[n] = '\0';
    close(log_file);
    static const char *const words[] = { SECRET, TOKEN, "AKIDEXAMPLE", "Signature", "some/key" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(text, words[i]) != NULL)
            fail_msg("the log holds %s: %s", words[i], text);
}

static void expect_metric(const char *line)
{
    struct buf text = BUF_INIT((size_t)1 << 20);
    s3_write_metrics(s3, &text);
    if (strstr(text.data, line) == NULL)
        fail_msg("no %s in %s", line, text.data);
    buf_clean_up(&text);
}

static struct s3_get get_of(int64_t deadline_ms)
{
    return (struct s3_get){ .bucket = SLICE("bucket"), .key = SLICE("some/key"), .body_max = 1000, .deadline_ms = deadline_ms };
}

static struct s3_put put_of(int64_t deadline_ms)
{
    return (struct s3_put){ .bucket = SLICE("bucket"), .key = SLICE("some/key"), .body = SLICE("hello"),
                            .deadline_ms = deadline_ms };
}

static enum status get(struct s3_reply *reply, struct error *err)
{
    const struct s3_get what = get_of(soon());
    return s3_get(s3, &what, reply, err);
}

static void expect_head(int request, const char *text)
{
    if (strstr(peer.heads[request], text) == NULL)
        fail_msg("no %s in %s", text, peer.heads[request]);
}

/* -------------------------------------------------------------------------------------------------- operations */

static void get_gives_meta_and_body(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = { { .text = OK_OBJECT } };
    struct s3_reply reply;
    struct error err;
    begin(answers, 1);
    assert_int_equal(get(&reply, &err), STATUS_OK);
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.meta.length, 5);
    assert_slice(reply.meta.fields[S3_ETAG], "\"e1\"");
    assert_slice(reply.meta.fields[S3_LAST_MODIFIED], "Sun, 1 Jan 2006 12:00:00 GMT");
    assert_slice(reply.meta.fields[S3_CONTENT_TYPE], "text/plain");
    assert_slice(reply.meta.fields[S3_VERSION_ID], "v1");
    assert_slice(reply.meta.fields[S3_CACHE_CONTROL], "");
    assert_slice(buf_slice(&reply.body), "hello");
    s3_reply_clean_up(&reply);
    assert_int_equal(s3_ready(s3, &err), STATUS_OK);
    expect_metric("customerd_s3_requests_total{operation=\"get\",outcome=\"ok\"} 1\n");
    expect_metric("customerd_s3_bytes_total{direction=\"received\"} 5\n");
    expect_metric("customerd_s3_request_duration_seconds_count{operation=\"get\"} 1\n");
    expect_metric("customerd_s3_credential_refreshes_total{source=\"environment\"} 1\n");
    end();
    expect_head(0, "GET /bucket/some/key HTTP/1.1\r\n");
    expect_head(0, "\r\nx-amz-content-sha256: e3b0c442");
    expect_head(0, "\r\nx-amz-security-token: " TOKEN "\r\n");
    expect_head(0, "/eu-west-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, ");
}

static void conditions_and_ranges_are_handed_on(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = {
        { .text = "HTTP/1.1 206 Part\r\nETag: \"e1\"\r\nContent-Range: bytes 1-2/5\r\nContent-Length: 2\r\n\r\nel" },
        { .text = EMPTY("412 No", "") },
        { .text = "HTTP/1.1 200 OK\r\nETag: \"e1\"\r\nContent-Length: 12345678901\r\n\r\n" },
        { .text = FAILURE("404 No", "NoSuchKey"), .then = PEER_CLOSES },
    };
    struct s3_reply reply;
    struct error err;
    begin(answers, 4);
    struct s3_get what = get_of(soon());
    what.range = slice_cstr("bytes=1-2");
    assert_int_equal(s3_get(s3, &what, &reply, &err), STATUS_OK);
    assert_int_equal(reply.status, 206);
    assert_slice(reply.meta.fields[S3_CONTENT_RANGE], "bytes 1-2/5");
    assert_slice(buf_slice(&reply.body), "el");
    s3_reply_clean_up(&reply);
    what = get_of(soon());
    what.if_match = slice_cstr("\"e2\"");
    assert_int_equal(s3_get(s3, &what, &reply, &err), STATUS_OK);
    assert_int_equal(reply.status, 412);
    s3_reply_clean_up(&reply);
    what = get_of(soon());
    what.head = true;
    assert_int_equal(s3_get(s3, &what, &reply, &err), STATUS_OK);
    assert_true(reply.meta.length == 12345678901);
    s3_reply_clean_up(&reply);
    assert_int_equal(get(&reply, &err), STATUS_OK);
    assert_int_equal(reply.status, 404);
    assert_int_equal(reply.body.len, 0);
    s3_reply_clean_up(&reply);
    expect_metric("customerd_s3_requests_total{operation=\"get\",outcome=\"not-matched\"} 1\n");
    expect_metric("customerd_s3_requests_total{operation=\"get\",outcome=\"not-found\"} 1\n");
    expect_metric("customerd_s3_requests_total{operation=\"head\",outcome=\"ok\"} 1\n");
    end();
    expect_head(0, "\r\nrange: bytes=1-2\r\n");
    expect_head(1, "\r\nif-match: \"e2\"\r\n");
    expect_head(2, "HEAD /bucket/some/key ");
}

static void put_and_delete_are_answered(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = { { .text = EMPTY("200 OK", "ETag: \"e2\"\r\nx-amz-version-id: v2\r\n") },
                                                       { .text = "HTTP/1.1 204 Gone\r\n\r\n" },
                                                       { .text = FAILURE("412 No", "PreconditionFailed"), .then = PEER_CLOSES } };
    struct s3_reply reply;
    struct error err;
    begin(answers, 3);
    struct s3_put put = put_of(soon());
    put.fields[S3_CONTENT_TYPE] = slice_cstr("text/html; charset=utf-8");
    put.fields[S3_CACHE_CONTROL] = slice_cstr("no-cache");
    put.fields[S3_ETAG] = slice_cstr("\"not sent\"");
    put.content_md5 = slice_cstr("XUFAKrxLKna5cZ2REBfFkg==");
    assert_int_equal(s3_put(s3, &put, &reply, &err), STATUS_OK);
    assert_int_equal(reply.status, 200);
    assert_slice(reply.meta.fields[S3_ETAG], "\"e2\"");
    assert_slice(reply.meta.fields[S3_VERSION_ID], "v2");
    s3_reply_clean_up(&reply);
    const struct s3_delete delete = { .bucket = put.bucket, .key = put.key, .deadline_ms = soon() };
    assert_int_equal(s3_delete(s3, &delete, &reply, &err), STATUS_OK);
    assert_int_equal(reply.status, 204);
    s3_reply_clean_up(&reply);
    put = put_of(soon());
    put.if_none_match = slice_cstr("*");
    assert_int_equal(s3_put(s3, &put, &reply, &err), STATUS_OK);
    assert_int_equal(reply.status, 412);
    s3_reply_clean_up(&reply);
    expect_metric("customerd_s3_bytes_total{direction=\"sent\"} 5\n");
    end();
    expect_head(0, "PUT /bucket/some/key HTTP/1.1\r\n");
    expect_head(0, "\r\ncontent-type: text/html; charset=utf-8\r\n");
    expect_head(0, "\r\ncache-control: no-cache\r\n");
    expect_head(0, "\r\ncontent-md5: XUFAKrxLKna5cZ2REBfFkg==\r\n");
    expect_head(0, "\r\nx-amz-content-sha256: 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\r\n");
    assert_null(strstr(peer.heads[0], "not sent"));
    expect_head(1, "DELETE /bucket/some/key HTTP/1.1\r\n");
    expect_head(2, "\r\nif-none-match: *\r\n");
}

static void a_list_comes_page_by_page(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = {
        { .text = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<ListBucketResult><IsTruncated>true</IsTruncated>"
                  "<NextContinuationToken>a+/=&amp;</NextContinuationToken><Contents><Key>some/key</Key><Size>5</Size></Contents>"
                  "</ListBucketResult>", .then = PEER_CLOSES },
        { .text = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>",
          .then = PEER_CLOSES },
        { .text = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<html>", .then = PEER_CLOSES },
    };
    struct s3_list list = { .bucket = SLICE("bucket"), .prefix = SLICE("some/"), .max_keys = 1, .deadline_ms = soon() };
    struct s3_page page;
    struct s3_page last;
    struct error err;
    begin(answers, 3);
    assert_int_equal(s3_list(s3, &list, &page, &err), STATUS_OK);
    assert_int_equal(page.n, 1);
    assert_slice(page.entries[0].key, "some/key");
    list.continuation_token = page.next_token;
    assert_int_equal(s3_list(s3, &list, &last, &err), STATUS_OK);
    assert_int_equal(last.n, 0);
    assert_slice(last.next_token, "");
    s3_page_clean_up(&last);
    s3_page_clean_up(&page);
    list.continuation_token = slice_of("", 0);
    assert_int_equal(s3_list(s3, &list, &page, &err), STATUS_S3_UNAVAILABLE);
    s3_page_clean_up(&page);
    end();
    expect_head(0, "GET /bucket?list-type=2&encoding-type=url&max-keys=1&prefix=some%2F HTTP/1.1\r\n");
    expect_head(1, "&continuation-token=a%2B%2F%3D%26 HTTP/1.1\r\n");
}

/* ----------------------------------------------------------------------------------------------------- retries */

static void what_passes_is_tried_again(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = { { .text = FAILURE("503 Slow", "SlowDown"), .then = PEER_CLOSES },
                                                       { .text = NULL, .then = PEER_CLOSES },
                                                       { .text = FAILURE("500 Oh", "InternalError"), .then = PEER_CLOSES },
                                                       { .text = OK_OBJECT } };
    struct s3_reply reply;
    struct error err;
    begin(answers, 4);
    assert_int_equal(get(&reply, &err), STATUS_OK);
    assert_slice(buf_slice(&reply.body), "hello");
    s3_reply_clean_up(&reply);
    expect_metric("customerd_s3_retries_total{operation=\"get\"} 3\n");
    expect_metric("customerd_s3_requests_total{operation=\"get\",outcome=\"ok\"} 1\n");
    end();
    assert_int_equal(atomic_load(&peer.requests), 4);
}

static void tries_come_to_an_end_by_number_and_by_deadline(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = { { .text = FAILURE("503 Slow", "SlowDown"), .then = PEER_CLOSES } };
    struct s3_reply reply;
    struct error err;
    begin(answers, 1);
    assert_int_equal(get(&reply, &err), STATUS_S3_UNAVAILABLE);
    assert_string_equal(err.detail, "S3 answers GET with 503 SlowDown");
    assert_int_equal(err.retry_after_s, 1);
    until_logged("\"s3_request_id\":\"4442587FB7D0A2F9\"");
    s3_reply_clean_up(&reply);
    assert_int_equal(atomic_load(&peer.requests), 5);
    int64_t deadline_ms = now_ms() + 30;
    const struct s3_get what = get_of(deadline_ms);
    assert_int_not_equal(s3_get(s3, &what, &reply, &err), STATUS_OK);
    assert_true(now_ms() < deadline_ms + 3000);
    s3_reply_clean_up(&reply);
    end();
}

/* Each retry costs five, each answer gives one back. */
static void an_s3_that_is_ill_is_not_asked_more_and_more(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = { { .text = FAILURE("503 Slow", "SlowDown"), .then = PEER_CLOSES },
                                                       { .text = FAILURE("503 Slow", "SlowDown"), .then = PEER_CLOSES },
                                                       { .text = FAILURE("503 Slow", "SlowDown"), .then = PEER_CLOSES },
                                                       { .text = OK_OBJECT } };
    struct s3_reply reply;
    struct error err;
    begin(answers, 4);
    atomic_store(&s3->retry_tokens, 9);
    assert_int_equal(get(&reply, &err), STATUS_S3_UNAVAILABLE);
    assert_int_equal(atomic_load(&peer.requests), 2);
    assert_int_equal(get(&reply, &err), STATUS_S3_UNAVAILABLE);
    assert_int_equal(atomic_load(&peer.requests), 3);
    assert_int_equal(get(&reply, &err), STATUS_OK);
    s3_reply_clean_up(&reply);
    assert_int_equal(atomic_load(&s3->retry_tokens), 5);
    atomic_store(&s3->retry_tokens, S3_RETRY_TOKENS);
    assert_int_equal(get(&reply, &err), STATUS_OK);
    s3_reply_clean_up(&reply);
    assert_int_equal(atomic_load(&s3->retry_tokens), S3_RETRY_TOKENS);
    end();
}

static void a_write_with_a_condition_is_not_repeated_when_it_may_be_applied(void **state)
{
    (void)state;
    static const struct http_peer_answer lost[] = { { .text = NULL, .then = PEER_CLOSES }, { .text = OK_OBJECT } };
    static const struct http_peer_answer refused[] = { { .text = FAILURE("503 Slow", "SlowDown"), .then = PEER_CLOSES },
                                                       { .text = EMPTY("200 OK", "ETag: \"e\"\r\n") } };
    struct s3_reply reply;
    struct error err;
    struct s3_put put = put_of(soon());
    put.if_none_match = slice_cstr("*");
    begin(lost, 2);
    assert_int_equal(s3_put(s3, &put, &reply, &err), STATUS_S3_UNAVAILABLE);
    assert_int_equal(err.applied, APPLIED_UNKNOWN);
    s3_reply_clean_up(&reply);
    end();
    assert_int_equal(atomic_load(&peer.requests), 1);

    begin(lost, 2); /* without one it is */
    put = put_of(soon());
    assert_int_equal(s3_put(s3, &put, &reply, &err), STATUS_OK);
    s3_reply_clean_up(&reply);
    end();
    assert_int_equal(atomic_load(&peer.requests), 2);

    begin(refused, 2); /* and so is what S3 refused */
    put = put_of(soon());
    put.if_none_match = slice_cstr("*");
    assert_int_equal(s3_put(s3, &put, &reply, &err), STATUS_OK);
    s3_reply_clean_up(&reply);
    end();
    assert_int_equal(atomic_load(&peer.requests), 2);
}

/* Over a kept connection that was closed meanwhile, libcurl sends again by itself. */
static void a_write_with_a_condition_has_a_connection_of_its_own(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = { { .text = OK_OBJECT }, { .text = NULL, .then = PEER_CLOSES },
                                                       { .text = EMPTY("412 No", "") } };
    struct s3_reply reply;
    struct error err;
    begin(answers, 3);
    assert_int_equal(get(&reply, &err), STATUS_OK);
    s3_reply_clean_up(&reply);
    struct s3_put put = put_of(soon());
    put.if_none_match = slice_cstr("*");
    assert_int_equal(s3_put(s3, &put, &reply, &err), STATUS_S3_UNAVAILABLE);
    assert_int_equal(err.applied, APPLIED_UNKNOWN);
    s3_reply_clean_up(&reply);
    end();
    assert_int_equal(atomic_load(&peer.requests), 2);
}

static void a_later_refusal_does_not_undo_a_doubt(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = { { .text = FAILURE("500 Oh", "InternalError"), .then = PEER_CLOSES },
                                                       { .text = FAILURE("403 No", "AccessDenied"), .then = PEER_CLOSES } };
    struct s3_reply reply;
    struct error err;
    begin(answers, 2);
    const struct s3_put put = put_of(soon());
    assert_int_equal(s3_put(s3, &put, &reply, &err), STATUS_S3_UNAVAILABLE);
    assert_int_equal(err.applied, APPLIED_UNKNOWN);
    s3_reply_clean_up(&reply);
    end();
}

static void the_deadline_is_kept(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = { { .then = PEER_HOLDS } };
    struct s3_reply reply;
    struct error err;
    begin(answers, 1);
    int64_t since_ms = now_ms();
    const struct s3_get what = get_of(since_ms + 200);
    assert_int_equal(s3_get(s3, &what, &reply, &err), STATUS_S3_TIMED_OUT);
    assert_in_range(now_ms() - since_ms, 199, 3000);
    s3_reply_clean_up(&reply);
    const struct s3_put put = put_of(now_ms() + 200);
    assert_int_equal(s3_put(s3, &put, &reply, &err), STATUS_S3_TIMED_OUT);
    assert_int_equal(err.applied, APPLIED_UNKNOWN);
    s3_reply_clean_up(&reply);
    expect_metric("customerd_s3_requests_total{operation=\"put\",outcome=\"timed-out\"} 1\n");
    end();
    assert_int_equal(atomic_load(&peer.requests), 2);
}

static void redirects_and_refusals_are_told_without_another_try(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = {
        { .text = EMPTY("307 Go", "Location: http://127.0.0.1:1/\r\n") },
        { .text = FAILURE("403 No", "SignatureDoesNotMatch"), .then = PEER_CLOSES },
        { .text = FAILURE("404 No", "NoSuchBucket"), .then = PEER_CLOSES },
        { .text = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nlogin" },
    };
    struct s3_reply reply;
    struct error err;
    begin(answers, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(get(&reply, &err), STATUS_S3_UNAVAILABLE);
        assert_int_equal(err.retry_after_s, 0);
        assert_int_equal(reply.body.len, 0);
        assert_null(reply.meta.text);
        s3_reply_clean_up(&reply);
        assert_int_equal(atomic_load(&peer.requests), i + 1);
    }
    expect_metric("customerd_s3_requests_total{operation=\"get\",outcome=\"failed\"} 4\n");
    end();
}

static void where_s3_is_is_told_to_the_log_alone(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = { { .text = OK_OBJECT } };
    struct s3_reply reply;
    struct error err;
    begin(answers, 1);
    http_peer_stop(&peer);
    assert_int_equal(get(&reply, &err), STATUS_S3_UNAVAILABLE);
    assert_string_equal(err.detail, "the connection to S3 failed");
    assert_int_equal(err.applied, APPLIED_NO);
    s3_reply_clean_up(&reply);
    until_logged("\"cause\":\"Failed to connect to 127.0.0.1");
    http_peer_start(&peer, answers, 1);
    end();
}

static void what_can_not_be_sent_is_not(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = { { .text = OK_OBJECT } };
    struct s3_reply reply;
    struct error err;
    begin(answers, 1);
    struct s3_get what = get_of(soon());
    what.key = slice_cstr("../other-bucket/key");
    assert_int_equal(s3_get(s3, &what, &reply, &err), STATUS_BAD_REQUEST);
    what.key = slice_of("", 0);
    assert_int_equal(s3_get(s3, &what, &reply, &err), STATUS_BAD_REQUEST);
    what = get_of(soon());
    what.range = slice_cstr("bytes=0-1\r\nx-amz-copy-source: /other/key");
    assert_int_equal(s3_get(s3, &what, &reply, &err), STATUS_BAD_REQUEST);
    struct s3_put put = put_of(soon());
    put.fields[S3_CONTENT_TYPE] = slice_cstr("text/html\r\nX-Evil: 1");
    assert_int_equal(s3_put(s3, &put, &reply, &err), STATUS_BAD_REQUEST);
    assert_int_equal(err.applied, APPLIED_NO);
    struct s3_delete delete = { .bucket = SLICE("other/bucket"), .key = SLICE("k"), .deadline_ms = soon() };
    assert_int_equal(s3_delete(s3, &delete, &reply, &err), STATUS_BAD_REQUEST);
    end();
    assert_int_equal(atomic_load(&peer.connections), 0);
}

/* ----------------------------------------------------------------------------------------------------- streams */

static void a_long_object_is_handed_through(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = {
        { .text = "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 1000000\r\n\r\n", .fill = 1000000 },
        { .text = "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 1000000\r\n\r\n", .fill = 1000000 },
    };
    static char bytes[30000];
    struct s3_reply reply;
    struct error err;
    enum http_stream_state stream_state;
    begin(answers, 2);
    assert_int_equal(get(&reply, &err), STATUS_OK);
    assert_non_null(reply.stream);
    assert_int_equal(reply.meta.length, 1000000);
    size_t at = 0;
    do {
        size_t n = s3_stream_read(reply.stream, bytes, sizeof bytes, &stream_state);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(bytes[i], http_peer_byte(at + i));
        at += n;
        if (n == 0 && stream_state == HTTP_STREAM_MORE)
            assert_true(s3_stream_wait(reply.stream, soon()));
    } while (stream_state == HTTP_STREAM_MORE);
    assert_int_equal(stream_state, HTTP_STREAM_END);
    assert_int_equal(at, 1000000);
    expect_metric("customerd_s3_streams 1\n");
    s3_reply_clean_up(&reply);
    expect_metric("customerd_s3_bytes_total{direction=\"received\"} 1000000\n");
    assert_int_equal(get(&reply, &err), STATUS_OK); /* one that nobody reads */
    s3_reply_clean_up(&reply);
    expect_metric("customerd_s3_streams 0\n");
    end();
}

static void one_more_long_object_is_refused(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = {
        { .text = "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 1000000\r\n\r\n", .fill = 1000000 },
        { .text = "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 1000000\r\n\r\n", .fill = 1000000 },
    };
    struct s3_reply first, second;
    struct error err;
    begin(answers, 2);
    struct s3_get what = get_of(soon());
    what.is_long = true;
    assert_int_equal(s3_get(s3, &what, &first, &err), STATUS_OK);
    assert_non_null(first.stream);
    assert_false(first.too_long);
    /* Where it is known that it is long S3 is not asked. */
    assert_int_equal(s3_get(s3, &what, &second, &err), STATUS_OVERLOADED);
    assert_string_equal(err.detail, "too many long objects are being handed through from S3 at once");
    assert_int_equal(err.retry_after_s, 1);
    s3_reply_clean_up(&second);
    assert_int_equal(atomic_load(&peer.connections), 1);
    /* Else the answer tells. */
    what.is_long = false;
    assert_int_equal(s3_get(s3, &what, &second, &err), STATUS_OVERLOADED);
    assert_true(second.too_long);
    s3_reply_clean_up(&second);
    assert_int_equal(atomic_load(&peer.connections), 2);
    s3_reply_clean_up(&first);
    end();
}

/* -------------------------------------------------------------------------------------------------- credentials */

static void without_credentials_nothing_is_sent(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = { { .text = OK_OBJECT } };
    struct s3_reply reply;
    struct error err;
    fake_env_init(&env);
    fake_set(&env, "AWS_EC2_METADATA_DISABLED", "true");
    begin_without_credentials(answers, 1);
    int64_t since_ms = now_ms();
    assert_int_equal(get(&reply, &err), STATUS_S3_UNAVAILABLE);
    assert_true(now_ms() - since_ms < 5000);
    assert_string_equal(err.detail, "there are no credentials for S3");
    s3_reply_clean_up(&reply);
    assert_int_equal(s3_ready(s3, &err), STATUS_S3_UNAVAILABLE);
    assert_non_null(strstr(err.detail, "there is no set of S3 credentials yet"));
    end();
    assert_int_equal(atomic_load(&peer.connections), 0);
}

static atomic_int looks;

/* Another key the second time, after longer than the delay before the second try. */
static const char *changing_variable(void *ctx, const char *name)
{
    (void)ctx;
    if (strcmp(name, "AWS_ACCESS_KEY_ID") == 0) {
        if (atomic_fetch_add(&looks, 1) == 0)
            return "AKIDFIRST";
        for (int64_t until_ms = now_ms() + 200; now_ms() < until_ms;)
            sched_yield();
        return "AKIDSECOND";
    }
    return strcmp(name, "AWS_SECRET_ACCESS_KEY") == 0 ? SECRET : NULL;
}

static void credentials_that_s3_refuses_are_renewed(void **state)
{
    (void)state;
    static const struct http_peer_answer answers[] = { { .text = FAILURE("403 No", "InvalidAccessKeyId"), .then = PEER_CLOSES },
                                                       { .text = OK_OBJECT } };
    struct s3_reply reply;
    struct error err;
    fake_env_init(&env);
    atomic_store(&looks, 0);
    env.env.getenv = changing_variable;
    begin_without_credentials(answers, 2);
    assert_int_equal(get(&reply, &err), STATUS_OK);
    s3_reply_clean_up(&reply);
    end();
    expect_head(0, "Credential=AKIDFIRST/");
    expect_head(1, "Credential=AKIDSECOND/");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_gives_meta_and_body),
        cmocka_unit_test(conditions_and_ranges_are_handed_on),
        cmocka_unit_test(put_and_delete_are_answered),
        cmocka_unit_test(a_list_comes_page_by_page),
        cmocka_unit_test(what_passes_is_tried_again),
        cmocka_unit_test(tries_come_to_an_end_by_number_and_by_deadline),
        cmocka_unit_test(an_s3_that_is_ill_is_not_asked_more_and_more),
        cmocka_unit_test(a_write_with_a_condition_is_not_repeated_when_it_may_be_applied),
        cmocka_unit_test(a_write_with_a_condition_has_a_connection_of_its_own),
        cmocka_unit_test(a_later_refusal_does_not_undo_a_doubt),
        cmocka_unit_test(the_deadline_is_kept),
        cmocka_unit_test(redirects_and_refusals_are_told_without_another_try),
        cmocka_unit_test(where_s3_is_is_told_to_the_log_alone),
        cmocka_unit_test(what_can_not_be_sent_is_not),
        cmocka_unit_test(a_long_object_is_handed_through),
        cmocka_unit_test(one_more_long_object_is_refused),
        cmocka_unit_test(without_credentials_nothing_is_sent),
        cmocka_unit_test(credentials_that_s3_refuses_are_renewed),
    };
    return cmocka_run_group_tests(tests, http_set_up, http_tear_down);
}
