#include "s3_inner.h"

#include "customerd/core/fiber.h"
#include "customerd/core/monitor.h"

#include <stdio.h>

/* Of one request: enough for a failing node behind S3's name, few enough for a S3 that fails as a whole. */
#define TRIES_MAX 5
#define BACKOFF_BASE_MS 50
#define BACKOFF_CAP_MS 2000
#define RETRY_COST 5
#define RENEWAL_MAX_MS 2000
#define RETRY_AFTER_S 1
#define LOG_EVERY_MS 1000

/* A request's state over its tries. */
struct asking {
    struct s3 *s3;
    const struct s3_question *question;
    char payload_hash[SIGV4_HEX_SIZE];
    int tries;
    bool renewed;       /* the credentials, on S3's word */
    bool maybe_applied; /* by one of the tries */
    char cause[200];    /* of the last failure; for the log, as is the next */
    char request_id[64]; /* S3's own name of the last try */
};

static int64_t now_ms(void)
{
    return clock_monotonic_ms(clock_system());
}

/* -------------------------------------------------------------------------------------------------- one try */

static bool payload_hash(struct slice body, char out[SIGV4_HEX_SIZE])
{
    uint8_t digest[SHA256_BYTES];
    if (!sha256_with_rests(body, fiber_give_way, digest))
        return false;
    hex_encode(digest, sizeof digest, out);
    return true;
}

static bool copy_credentials(void *to, const void *product)
{
    const struct credentials *from = product;
    struct credentials *copy = to;
    copy->source = from->source;
    copy->expires_at_ms = from->expires_at_ms;
    if (secret_set(&copy->access_key_id, secret_slice(&from->access_key_id)) &&
        secret_set(&copy->secret_access_key, secret_slice(&from->secret_access_key)) &&
        secret_set(&copy->session_token, secret_slice(&from->session_token)))
        return true;
    credentials_clean_up(copy);
    return false;
}

static enum status sign(struct asking *a, struct s3_signed *out, struct error *err)
{
    struct s3 *s3 = a->s3;
    struct credentials credentials = { .source = NULL };
    credentials_refresher_wait(s3->credentials, 0, a->question->deadline_ms);
    enum status status = credentials_refresher_read(s3->credentials, copy_credentials, &credentials, err);
    if (status == STATUS_OK)
        status = s3_request_sign(&s3->place, &a->question->request, &credentials,
                                 clock_realtime_ms(s3->env->clock) / 1000, a->payload_hash, out, err);
    credentials_clean_up(&credentials);
    if (status != STATUS_UNAVAILABLE)
        return status;
    snprintf(a->cause, sizeof a->cause, "%.199s", err->detail);
    return error_set(err, STATUS_S3_UNAVAILABLE, "there are no credentials for S3");
}

/* A write with a condition goes out once: what libcurl sends again on a new connection would be judged by what the first
 * one did. */
static enum s3_verdict try_once(struct asking *a, struct http_multi_answer *answer, struct error *err)
{
    const struct s3_question *q = a->question;
    struct s3_signed s = { .n_lines = 0 };
    *answer = (struct http_multi_answer){ .status = 0 };
    if (sign(a, &s, err) != STATUS_OK) {
        s3_signed_clean_up(&s);
        return S3_VERDICT_FINAL;
    }
    const struct http_multi_request request = {
        .method = q->request.method,
        .url = s.url.data,
        .headers = s.lines,
        .n_headers = s.n_lines,
        .body = q->request.body,
        .body_max = q->body_max,
        .may_stream = q->operation == S3_OP_GET,
        .fresh = s3_is_write(q->operation) && (q->has_match || q->has_none_match),
        .deadline_ms = q->deadline_ms,
    };
    enum http_end end = http_multi_exchange(a->s3->http, &request, answer);
    s3_signed_clean_up(&s);
    a->tries++;
    snprintf(a->cause, sizeof a->cause, "%s", answer->reason);
    struct slice id = http_multi_field(&answer->head, "x-amz-request-id");
    snprintf(a->request_id, sizeof a->request_id, "%.*s", id.len < sizeof a->request_id ? (int)id.len : 0, id.ptr);
    return s3_judge(q, end, answer, err);
}

/* ---------------------------------------------------------------------------------------------------- retries */

static bool take_retry(struct s3 *s3)
{
    int left = atomic_load(&s3->retry_tokens);
    while (left >= RETRY_COST)
        if (atomic_compare_exchange_weak(&s3->retry_tokens, &left, left - RETRY_COST))
            return true;
    return false;
}

static void give_token(struct s3 *s3)
{
    int left = atomic_load(&s3->retry_tokens);
    while (left < S3_RETRY_TOKENS && !atomic_compare_exchange_weak(&s3->retry_tokens, &left, left + 1))
        continue;
}

static int64_t backoff_ms(int tries)
{
    uint32_t bits = UINT32_MAX / 2;
    int64_t cap_ms = (int64_t)BACKOFF_BASE_MS << (tries - 1);
    if (cap_ms > BACKOFF_CAP_MS)
        cap_ms = BACKOFF_CAP_MS;
    return random_ids(&bits, sizeof bits) ? cap_ms * bits / UINT32_MAX : cap_ms;
}

/* False when the deadline would come first. */
static bool wait_ms(int64_t ms, int64_t deadline_ms)
{
    struct monitor m;
    int64_t until_ms = now_ms() + ms;
    if (until_ms >= deadline_ms || !monitor_init(&m))
        return false;
    monitor_lock(&m);
    for (int64_t at_ms = now_ms(); at_ms < until_ms; at_ms = now_ms())
        monitor_wait_ms(&m, until_ms - at_ms);
    monitor_unlock(&m);
    monitor_clean_up(&m);
    return true;
}

/* S3 takes the credentials no more: the next ones are worth a short wait. */
static void renew(struct asking *a)
{
    int64_t until_ms = now_ms() + RENEWAL_MAX_MS;
    uint64_t rounds = credentials_refresher_rounds(a->s3->credentials);
    credentials_refresher_refused(a->s3->credentials);
    credentials_refresher_wait(a->s3->credentials, rounds,
                               until_ms < a->question->deadline_ms ? until_ms : a->question->deadline_ms);
    a->renewed = true;
}

/* Whether there is to be another try; waits before it. */
static bool goes_on(struct asking *a, enum s3_verdict verdict)
{
    const struct s3_question *q = a->question;
    if (verdict == S3_VERDICT_RENEW) {
        if (a->renewed)
            return false;
        renew(a);
    } else if (verdict != S3_VERDICT_AGAIN) {
        return false;
    }
    if (a->maybe_applied && (q->has_match || q->has_none_match))
        return false;
    if (a->tries >= TRIES_MAX || !take_retry(a->s3) || !wait_ms(backoff_ms(a->tries), q->deadline_ms))
        return false;
    s3_metrics_retried(&a->s3->metrics, q->operation);
    return true;
}

static enum status ask(struct asking *a, struct http_multi_answer *answer, struct error *err)
{
    enum s3_verdict verdict;
    *answer = (struct http_multi_answer){ .status = 0 };
    do {
        http_multi_answer_clean_up(answer);
        verdict = try_once(a, answer, err);
        if (verdict == S3_VERDICT_ANSWER) {
            give_token(a->s3);
            return STATUS_OK;
        }
        a->maybe_applied = a->maybe_applied || err->applied == APPLIED_UNKNOWN;
    } while (goes_on(a, verdict));
    if (verdict == S3_VERDICT_AGAIN || err->code == STATUS_S3_TIMED_OUT || err->code == STATUS_OVERLOADED)
        err->retry_after_s = RETRY_AFTER_S;
    err->applied = a->maybe_applied ? APPLIED_UNKNOWN : APPLIED_NO;
    return err->code;
}

/* ------------------------------------------------------------------------------------------------------- tell */

static void tell(struct asking *a, const struct error *err)
{
    struct s3 *s3 = a->s3;
    int64_t at_ms = now_ms();
    int64_t after_ms = atomic_load(&s3->log_after_ms);
    if (at_ms < after_ms || !atomic_compare_exchange_strong(&s3->log_after_ms, &after_ms, at_ms + LOG_EVERY_MS)) {
        atomic_fetch_add(&s3->unlogged, 1);
        return;
    }
    LOG(s3->log, LOG_WARN, "s3_failed", LOG_CSTR("reason", err->detail), LOG_CSTR("cause", a->cause),
        LOG_CSTR("s3_request_id", a->request_id), LOG_STR("bucket", a->question->request.bucket), LOG_INT("tries", a->tries),
        LOG_INT("unlogged", atomic_exchange(&s3->unlogged, 0)));
}

enum status s3_ask(struct s3 *s3, const struct s3_question *question, struct http_multi_answer *answer, struct error *err)
{
    struct asking a = { .s3 = s3, .question = question };
    int64_t since_us = metrics_now_us();
    *answer = (struct http_multi_answer){ .status = 0 };
    enum status status = s3_request_check(&question->request, err);
    if (status != STATUS_OK)
        return status;
    if (question->is_long && !http_multi_has_place_for_stream(s3->http))
        status = error_set_retry(err, STATUS_OVERLOADED, RETRY_AFTER_S, "%s", S3_TOO_MANY_STREAMS);
    else if (payload_hash(question->request.body, a.payload_hash))
        status = ask(&a, answer, err);
    else
        status = error_set(err, STATUS_INTERNAL, "the body could not be hashed");
    if (status != STATUS_OK && status != STATUS_BAD_REQUEST) /* which is not S3's fault */
        tell(&a, err);
    s3_metrics_ended(&s3->metrics, question->operation, status, answer->status, metrics_now_us() - since_us);
    return status;
}
