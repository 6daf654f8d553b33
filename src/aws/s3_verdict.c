#include "s3_verdict.h"

#include "customerd/aws/xml.h"

#include <stdio.h>

#define CODE_SIZE 64

bool s3_is_write(enum s3_operation operation)
{
    return operation == S3_OP_PUT || operation == S3_OP_DELETE;
}

/* S3's name for a failure ("NoSuchKey"), or "". Its message is not for us: it quotes keys, and what was signed. */
static void code_of(const struct http_multi_answer *answer, char code[CODE_SIZE])
{
    static const char *const path[] = { "Error", "Code", NULL };
    struct buf text = BUF_INIT(CODE_SIZE - 1);
    code[0] = '\0';
    if (xml_text_at(buf_slice(&answer->body), path, &text) == XML_FOUND && text.len > 0 &&
        strspn(text.data, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.") == text.len)
        memcpy(code, text.data, text.len + 1);
    buf_clean_up(&text);
}

/* RFC 9110 section 8.8.3, strong ones alone. Whatever has none is not S3: the page of a proxy, say. */
static bool has_etag(const struct http_multi_answer *answer)
{
    struct slice etag = http_multi_field(&answer->head, "etag");
    return etag.len >= 2 && etag.ptr[0] == '"' && memchr(etag.ptr + 1, '"', etag.len - 1) == etag.ptr + etag.len - 1;
}

static bool reads_object(const struct s3_question *q, const struct http_multi_answer *answer, const char *code)
{
    switch (answer->status) {
    case 200:
        return has_etag(answer);
    case 206: /* which part it is must be told (RFC 9110 section 15.3.7.1) */
        return q->has_range && has_etag(answer) && http_multi_field(&answer->head, "content-range").len > 0;
    case 412:
        return q->has_match;
    case 416:
        return q->has_range;
    case 404: /* of a bucket that isn't there, or of something that isn't S3: no object is known to be absent */
        return q->operation == S3_OP_HEAD || strcmp(code, "NoSuchKey") == 0;
    default:
        return false;
    }
}

static bool writes_object(const struct s3_question *q, const struct http_multi_answer *answer, const char *code)
{
    bool has_condition = q->has_match || q->has_none_match;
    switch (answer->status) {
    case 200:
        return q->operation == S3_OP_DELETE || has_etag(answer);
    case 204:
        return q->operation == S3_OP_DELETE;
    case 404:
        return q->has_match && strcmp(code, "NoSuchKey") == 0;
    case 409:
        return has_condition && strcmp(code, "ConditionalRequestConflict") == 0;
    case 412:
        return has_condition;
    default:
        return false;
    }
}

static bool is_answer(const struct s3_question *q, const struct http_multi_answer *answer, const char *code)
{
    if (q->operation == S3_OP_LIST)
        return answer->status == 200;
    return s3_is_write(q->operation) ? writes_object(q, answer, code) : reads_object(q, answer, code);
}

static bool is_one_of(const char *code, const char *const *codes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(code, codes[i]) == 0)
            return true;
    return false;
}

static bool is_about_credentials(const char *code)
{
    static const char *const codes[] = { "ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidAccessKeyId" };
    return is_one_of(code, codes, sizeof codes / sizeof *codes);
}

/* Content-MD5 is the caller's own word. */
static bool is_about_digest(const char *code)
{
    return strcmp(code, "BadDigest") == 0 || strcmp(code, "InvalidDigest") == 0;
}

static bool is_passing(int status, const char *code)
{
    static const char *const codes[] = { "RequestTimeout", "OperationAborted", "SlowDown" };
    return status == 429 || status == 500 || (status >= 502 && status <= 504) ||
           is_one_of(code, codes, sizeof codes / sizeof *codes);
}

/* A 4xx was refused before anything was done, and so was what came too fast. After other answers nobody knows. */
static bool was_refused(int status, const char *code)
{
    return (status >= 300 && status < 500) || strcmp(code, "SlowDown") == 0;
}

static enum s3_verdict judge_answer(const struct s3_question *q, const struct http_multi_answer *answer,
                                    struct error *err)
{
    char code[CODE_SIZE];
    code_of(answer, code);
    if (is_answer(q, answer, code))
        return S3_VERDICT_ANSWER;
    if (answer->status >= 200 && answer->status < 300)
        (void)error_set(err, STATUS_S3_UNAVAILABLE, "the answer %d is not one that S3 gives to %s", answer->status,
                        q->request.method);
    else if (answer->status == 301 || answer->status == 307)
        (void)error_set(err, STATUS_S3_UNAVAILABLE, "S3 sends %s elsewhere (%d): the bucket is in another region",
                        q->request.method, answer->status);
    else if (is_about_digest(code))
        (void)error_set(err, STATUS_BAD_REQUEST, "the body does not have the digest that Content-MD5 tells");
    else
        (void)error_set(err, STATUS_S3_UNAVAILABLE, "S3 answers %s with %d%s%s", q->request.method, answer->status,
                        code[0] != '\0' ? " " : "", code);
    if (s3_is_write(q->operation) && !was_refused(answer->status, code))
        err->applied = APPLIED_UNKNOWN;
    if (is_about_credentials(code))
        return S3_VERDICT_RENEW;
    return is_passing(answer->status, code) ? S3_VERDICT_AGAIN : S3_VERDICT_FINAL;
}

static enum status status_of(enum http_end end)
{
    switch (end) {
    case HTTP_END_TIMED_OUT:
        return STATUS_S3_TIMED_OUT;
    case HTTP_END_OVERLOADED:
        return STATUS_OVERLOADED;
    case HTTP_END_INTERNAL:
        return STATUS_INTERNAL;
    default:
        return STATUS_S3_UNAVAILABLE;
    }
}

/* Clients of the service read it: where S3 is, and what is wrong there in detail, is for the log alone. */
static const char *words_for(enum http_end end, bool sent)
{
    switch (end) {
    case HTTP_END_TIMED_OUT:
        return "S3 did not answer in time";
    case HTTP_END_LOST:
        return "the connection to S3 failed";
    case HTTP_END_OVERLOADED:
        return sent ? S3_TOO_MANY_STREAMS : "too many requests to S3 wait";
    case HTTP_END_INTERNAL:
        return "the request to S3 could not be made";
    default:
        return "what stands for S3 can't be trusted, or doesn't answer as S3 does";
    }
}

enum s3_verdict s3_judge(const struct s3_question *q, enum http_end end, const struct http_multi_answer *answer,
                         struct error *err)
{
    if (end == HTTP_END_ANSWER)
        return judge_answer(q, answer, err);
    (void)error_set(err, status_of(end), "%s", words_for(end, answer->sent));
    if (s3_is_write(q->operation) && answer->sent)
        err->applied = APPLIED_UNKNOWN;
    return end == HTTP_END_LOST ? S3_VERDICT_AGAIN : S3_VERDICT_FINAL;
}
