#include "../../../src/aws/s3_verdict.h"

#include "../core/unit.h"

#define ETAG "ETag: \"abc\"\r\n"
#define PART "Content-Range: bytes 0-3/9\r\n"
#define CODE(code) "<?xml version=\"1.0\"?>\n<Error><Code>" code "</Code><Message>the key of somebody</Message></Error>"

static enum s3_verdict judge(const struct s3_question *q, int status, const char *head, const char *body, struct error *err)
{
    struct http_multi_answer answer = { .status = status, .sent = true, .head = BUF_INIT(1000), .body = BUF_INIT(1000) };
    buf_append_cstr(&answer.head, head);
    buf_append_cstr(&answer.body, body);
    *err = (struct error){ .code = STATUS_OK };
    enum s3_verdict verdict = s3_judge(q, HTTP_END_ANSWER, &answer, err);
    http_multi_answer_clean_up(&answer);
    return verdict;
}

struct row {
    int status;
    const char *head;
    const char *body;
    enum s3_verdict verdict;
    enum applied applied;
};

static void expect_rows(const struct s3_question *q, const struct row *rows, size_t n)
{
    struct error err;
    for (size_t i = 0; i < n; i++) {
        enum s3_verdict verdict = judge(q, rows[i].status, rows[i].head, rows[i].body, &err);
        if (verdict != rows[i].verdict || (verdict != S3_VERDICT_ANSWER && err.applied != rows[i].applied))
            fail_msg("row %zu, %d: %d, %s", i, rows[i].status, verdict, err.detail);
        if (verdict != S3_VERDICT_ANSWER)
            assert_int_equal(err.code, STATUS_S3_UNAVAILABLE);
        assert_null(strstr(err.detail, "somebody"));
    }
}

static void a_read_is_answered_by_s3_alone(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { 200, ETAG, "body", S3_VERDICT_ANSWER, APPLIED_NO },
        { 200, "", "<html>please log in</html>", S3_VERDICT_FINAL, APPLIED_NO },
        { 200, "ETag: abc\r\n", "", S3_VERDICT_FINAL, APPLIED_NO },
        { 200, "ETag: \"\r\n", "", S3_VERDICT_FINAL, APPLIED_NO },
        { 200, "ETag: \"a\"b\"\r\n", "", S3_VERDICT_FINAL, APPLIED_NO },
        { 201, ETAG, "", S3_VERDICT_FINAL, APPLIED_NO },
        { 206, ETAG, "", S3_VERDICT_FINAL, APPLIED_NO },
        { 304, ETAG, "", S3_VERDICT_FINAL, APPLIED_NO },
        { 412, "", "", S3_VERDICT_FINAL, APPLIED_NO },
        { 416, "", "", S3_VERDICT_FINAL, APPLIED_NO },
        { 404, "", CODE("NoSuchKey"), S3_VERDICT_ANSWER, APPLIED_NO },
        { 404, "", CODE("NoSuchBucket"), S3_VERDICT_FINAL, APPLIED_NO },
        { 404, "", "<html>not found</html>", S3_VERDICT_FINAL, APPLIED_NO },
        { 404, "", "", S3_VERDICT_FINAL, APPLIED_NO },
        { 301, "", CODE("PermanentRedirect"), S3_VERDICT_FINAL, APPLIED_NO },
        { 403, "", CODE("AccessDenied"), S3_VERDICT_FINAL, APPLIED_NO },
        { 403, "", CODE("ExpiredToken"), S3_VERDICT_RENEW, APPLIED_NO },
        { 400, "", CODE("InvalidToken"), S3_VERDICT_RENEW, APPLIED_NO },
        { 400, "", CODE("RequestTimeout"), S3_VERDICT_AGAIN, APPLIED_NO },
        { 429, "", "", S3_VERDICT_AGAIN, APPLIED_NO },
        { 500, "", CODE("InternalError"), S3_VERDICT_AGAIN, APPLIED_NO },
        { 501, "", "", S3_VERDICT_FINAL, APPLIED_NO },
        { 503, "", CODE("SlowDown"), S3_VERDICT_AGAIN, APPLIED_NO },
        { 504, "", "", S3_VERDICT_AGAIN, APPLIED_NO },
    };
    static const struct row asked_for[] = {
        { 206, ETAG PART, "", S3_VERDICT_ANSWER, APPLIED_NO }, { 206, PART, "", S3_VERDICT_FINAL, APPLIED_NO },
        { 206, ETAG, "", S3_VERDICT_FINAL, APPLIED_NO },
        { 412, "", "", S3_VERDICT_ANSWER, APPLIED_NO },
        { 416, "", "", S3_VERDICT_ANSWER, APPLIED_NO },
    };
    static const struct row head[] = { { 404, "", "", S3_VERDICT_ANSWER, APPLIED_NO },
                                       { 200, ETAG, "", S3_VERDICT_ANSWER, APPLIED_NO },
                                       { 403, "", "", S3_VERDICT_FINAL, APPLIED_NO } };
    struct s3_question q = { .operation = S3_OP_GET, .request = { .method = "GET" } };
    expect_rows(&q, rows, sizeof rows / sizeof *rows);
    q.has_range = q.has_match = true;
    expect_rows(&q, asked_for, sizeof asked_for / sizeof *asked_for);
    q = (struct s3_question){ .operation = S3_OP_HEAD, .request = { .method = "HEAD" } };
    expect_rows(&q, head, sizeof head / sizeof *head);
}

static void a_write_that_s3_did_not_surely_refuse_may_be_applied(void **state)
{
    (void)state;
    static const struct row put[] = {
        { 200, ETAG, "", S3_VERDICT_ANSWER, APPLIED_NO },
        { 200, "", "", S3_VERDICT_FINAL, APPLIED_UNKNOWN },
        { 204, ETAG, "", S3_VERDICT_FINAL, APPLIED_UNKNOWN },
        { 412, "", CODE("PreconditionFailed"), S3_VERDICT_FINAL, APPLIED_NO },
        { 403, "", CODE("AccessDenied"), S3_VERDICT_FINAL, APPLIED_NO },
        { 307, "", "", S3_VERDICT_FINAL, APPLIED_NO },
        { 409, "", CODE("OperationAborted"), S3_VERDICT_AGAIN, APPLIED_NO },
        { 500, "", CODE("InternalError"), S3_VERDICT_AGAIN, APPLIED_UNKNOWN },
        { 503, "", CODE("SlowDown"), S3_VERDICT_AGAIN, APPLIED_NO },
        { 503, "", "", S3_VERDICT_AGAIN, APPLIED_UNKNOWN },
    };
    static const struct row conditional[] = {
        { 412, "", CODE("PreconditionFailed"), S3_VERDICT_ANSWER, APPLIED_NO },
        { 409, "", CODE("ConditionalRequestConflict"), S3_VERDICT_ANSWER, APPLIED_NO },
        { 404, "", CODE("NoSuchKey"), S3_VERDICT_ANSWER, APPLIED_NO },
        { 404, "", CODE("NoSuchBucket"), S3_VERDICT_FINAL, APPLIED_NO },
    };
    static const struct row delete[] = { { 204, "", "", S3_VERDICT_ANSWER, APPLIED_NO },
                                         { 404, "", CODE("NoSuchKey"), S3_VERDICT_FINAL, APPLIED_NO },
                                         { 502, "", "", S3_VERDICT_AGAIN, APPLIED_UNKNOWN } };
    struct s3_question q = { .operation = S3_OP_PUT, .request = { .method = "PUT" } };
    expect_rows(&q, put, sizeof put / sizeof *put);
    q.has_match = true;
    expect_rows(&q, conditional, sizeof conditional / sizeof *conditional);
    q = (struct s3_question){ .operation = S3_OP_DELETE, .request = { .method = "DELETE" } };
    expect_rows(&q, delete, sizeof delete / sizeof *delete);
}

static void no_answer_has_its_reason(void **state)
{
    (void)state;
    static const struct {
        enum http_end end;
        bool sent;
        enum s3_verdict verdict;
        enum status status;
        enum applied applied;
    } rows[] = {
        { HTTP_END_LOST, false, S3_VERDICT_AGAIN, STATUS_S3_UNAVAILABLE, APPLIED_NO },
        { HTTP_END_LOST, true, S3_VERDICT_AGAIN, STATUS_S3_UNAVAILABLE, APPLIED_UNKNOWN },
        { HTTP_END_TIMED_OUT, false, S3_VERDICT_FINAL, STATUS_S3_TIMED_OUT, APPLIED_NO },
        { HTTP_END_TIMED_OUT, true, S3_VERDICT_FINAL, STATUS_S3_TIMED_OUT, APPLIED_UNKNOWN },
        { HTTP_END_BAD, true, S3_VERDICT_FINAL, STATUS_S3_UNAVAILABLE, APPLIED_UNKNOWN },
        { HTTP_END_OVERLOADED, false, S3_VERDICT_FINAL, STATUS_OVERLOADED, APPLIED_NO },
        { HTTP_END_INTERNAL, false, S3_VERDICT_FINAL, STATUS_INTERNAL, APPLIED_NO },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct s3_question put = { .operation = S3_OP_PUT, .request = { .method = "PUT" } };
        const struct s3_question get = { .operation = S3_OP_GET, .request = { .method = "GET" } };
        const struct http_multi_answer answer = { .sent = rows[i].sent, .reason = "no route to 10.0.0.1" };
        struct error err;
        assert_int_equal(s3_judge(&put, rows[i].end, &answer, &err), rows[i].verdict);
        assert_int_equal(err.code, rows[i].status);
        assert_int_equal(err.applied, rows[i].applied);
        assert_null(strstr(err.detail, "10.0.0.1"));
        assert_int_equal(s3_judge(&get, rows[i].end, &answer, &err), rows[i].verdict);
        assert_int_equal(err.applied, APPLIED_NO);
    }
}

static void what_there_is_too_much_of_is_told(void **state)
{
    (void)state;
    const struct s3_question q = { .operation = S3_OP_GET, .request = { .method = "GET" } };
    const struct http_multi_answer waits = { .sent = false };
    const struct http_multi_answer streams = { .sent = true };
    struct error err;
    (void)s3_judge(&q, HTTP_END_OVERLOADED, &waits, &err);
    assert_string_equal(err.detail, "too many requests to S3 wait");
    (void)s3_judge(&q, HTTP_END_OVERLOADED, &streams, &err);
    assert_string_equal(err.detail, "too many long objects are being handed through from S3 at once");
}

static void codes_are_names_or_are_not_told(void **state)
{
    (void)state;
    const struct s3_question q = { .operation = S3_OP_GET, .request = { .method = "GET" } };
    struct error err;
    (void)judge(&q, 403, "", CODE("AccessDenied"), &err);
    assert_string_equal(err.detail, "S3 answers GET with 403 AccessDenied");
    static const char *const bodies[] = { CODE("a\nb"), CODE("&lt;b&gt;"), CODE(""), "", "garbage",
                                          CODE("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa") };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        (void)judge(&q, 403, "", bodies[i], &err);
        assert_string_equal(err.detail, "S3 answers GET with 403");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_is_answered_by_s3_alone),
        cmocka_unit_test(a_write_that_s3_did_not_surely_refuse_may_be_applied),
        cmocka_unit_test(no_answer_has_its_reason),
        cmocka_unit_test(what_there_is_too_much_of_is_told),
        cmocka_unit_test(codes_are_names_or_are_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
