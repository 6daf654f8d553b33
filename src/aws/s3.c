#include "s3_inner.h"

#include "customerd/aws/provider.h"

#include <stdlib.h>

#define CONNECTIONS 32
#define WAITING 1024
#define STREAMS 32
#define STREAM_BUFFER_BYTES (256 * 1024)
#define CONNECT_TIMEOUT_MS 2000
#define STALL_MS 10000

/* ----------------------------------------------------------------------------------------------- credentials */

static void destroy_copy(void *product)
{
    if (product == NULL)
        return;
    credentials_clean_up(product);
    free(product);
}

static void *make_copy(void *ctx, const struct credentials *credentials, int64_t now_ms, struct credentials_life *life,
                       struct error *err)
{
    const struct provider_keys keys = { secret_slice(&credentials->access_key_id),
                                        secret_slice(&credentials->secret_access_key),
                                        secret_slice(&credentials->session_token), credentials->expires_at_ms };
    struct credentials *copy = calloc(1, sizeof *copy);
    (void)ctx;
    if (copy == NULL) {
        (void)error_set(err, STATUS_INTERNAL, "out of memory");
        return NULL;
    }
    if (provider_fill(credentials->source, &keys, now_ms, copy, err) != CREDENTIALS_FOUND) {
        destroy_copy(copy);
        return NULL;
    }
    life->made_ms = now_ms;
    life->valid_until_ms = credentials->expires_at_ms;
    return copy;
}

static struct credentials_refresher *keep_credentials(const struct s3_options *options, struct error *err)
{
    static const struct credentials_product product = {
        .name = "set of S3 credentials",
        .refreshed_event = "s3_credentials_refreshed",
        .failed_event = "s3_credentials_refresh_failed",
        .refreshes_metric = "customerd_s3_credential_refreshes_total",
        .refreshes_help = "Refreshes of the credentials for S3, by their source.",
        .failures_metric = "customerd_s3_credential_refresh_failures_total",
        .failures_help = "Refreshes that failed, by the source that was asked.",
        .make = make_copy,
        .destroy = destroy_copy,
    };
    const struct credentials_refresher_options refresher = { .product = &product, .env = options->env, .log = options->log };
    return credentials_refresher_new(&refresher, err);
}

/* ------------------------------------------------------------------------------------------------- lifecycle */

static size_t or_default(size_t given, size_t otherwise)
{
    return given > 0 ? given : otherwise;
}

struct s3 *s3_new(const struct s3_options *options, struct error *err)
{
    const struct credentials_env *env = options->env != NULL ? options->env : credentials_env_system();
    bool has_ca_file = options->ca_file != NULL && options->ca_file[0] != '\0';
    const struct http_multi_options http = { .ca_file = has_ca_file ? options->ca_file : provider_getenv(env, "AWS_CA_BUNDLE"),
                                             .exchanges = or_default(options->connections, CONNECTIONS),
                                             .waiting = or_default(options->waiting, WAITING),
                                             .streams = or_default(options->streams, STREAMS),
                                             .stream_buffer_bytes = STREAM_BUFFER_BYTES,
                                             .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                             .stall_ms = STALL_MS };
    struct s3 *s3 = calloc(1, sizeof *s3);
    if (s3 == NULL) {
        (void)error_set(err, STATUS_INTERNAL, "out of memory");
        return NULL;
    }
    s3->env = env;
    s3->log = options->log;
    atomic_init(&s3->retry_tokens, S3_RETRY_TOKENS);
    if (s3_place_find(options, s3->env, &s3->place, err) != STATUS_OK)
        goto fail;
    if (!s3_metrics_init(&s3->metrics)) {
        (void)error_set(err, STATUS_INTERNAL, "out of memory");
        goto fail;
    }
    s3->http = http_multi_new(&http, err);
    if (s3->http == NULL)
        goto fail;
    s3->credentials = keep_credentials(options, err);
    if (s3->credentials != NULL)
        return s3;
fail:
    s3_destroy(s3);
    return NULL;
}

void s3_destroy(struct s3 *s3)
{
    if (s3 == NULL)
        return;
    http_multi_destroy(s3->http);
    credentials_refresher_destroy(s3->credentials);
    s3_metrics_clean_up(&s3->metrics);
    free(s3);
}

static bool copy_nothing(void *to, const void *product)
{
    (void)to;
    (void)product;
    return true;
}

enum status s3_ready(struct s3 *s3, struct error *err)
{
    enum status status = credentials_refresher_read(s3->credentials, copy_nothing, NULL, err);
    if (status == STATUS_UNAVAILABLE)
        err->code = status = STATUS_S3_UNAVAILABLE;
    return status;
}

void s3_write_metrics(struct s3 *s3, struct buf *out)
{
    struct http_multi_counts counts;
    struct credentials_refresher_state state;
    http_multi_count(s3->http, &counts);
    credentials_refresher_state(s3->credentials, &state);
    s3_metrics_write(&s3->metrics, out);
    metrics_write_gauge(out, "customerd_s3_pending_requests", "Requests to S3 that wait or are under way.",
                        (int64_t)counts.pending);
    metrics_write_gauge(out, "customerd_s3_streams", "Objects that are being handed through from S3.",
                        (int64_t)counts.streams);
    credentials_refresher_write_metrics(s3->credentials, out);
    if (state.made_ms != 0 && state.credentials_expire_ms != CREDENTIALS_NEVER_EXPIRE)
        metrics_write_gauge_ms(out, "customerd_s3_credentials_valid_seconds",
                               "Time until the credentials for S3 end; negative when they have.",
                               state.credentials_expire_ms - clock_realtime_ms(s3->env->clock));
}

/* ------------------------------------------------------------------------------------------------- operations */

void s3_reply_clean_up(struct s3_reply *reply)
{
    if (reply == NULL)
        return;
    s3_meta_clean_up(&reply->meta);
    buf_clean_up(&reply->body);
    s3_stream_close(reply->stream);
    reply->stream = NULL;
}

static enum status out_of_memory(struct s3_reply *out, struct error *err)
{
    s3_reply_clean_up(out);
    return error_set(err, STATUS_INTERNAL, "out of memory");
}

static bool is_content(int status)
{
    return status == 200 || status == 206;
}

/* The stream and the body change hands. */
static enum status take_answer(struct s3 *s3, const struct s3_question *q, struct http_multi_answer *answer,
                               struct s3_reply *out, struct error *err)
{
    struct http_stream *stream = answer->stream;
    int64_t length = -1;
    if (stream != NULL || q->operation == S3_OP_HEAD)
        length = is_content(answer->status) ? s3_number(http_multi_field(&answer->head, "content-length")) : -1;
    else if (q->operation == S3_OP_GET && is_content(answer->status))
        length = (int64_t)answer->body.len;
    out->status = answer->status;
    if (!s3_meta_read(&answer->head, length, &out->meta))
        return out_of_memory(out, err);
    if (q->operation == S3_OP_GET && is_content(answer->status)) {
        out->body = answer->body;
        buf_init(&answer->body, 0);
        s3_metrics_received(&s3->metrics, out->body.len);
    }
    if (stream == NULL)
        return STATUS_OK;
    answer->stream = NULL;
    out->stream = s3_stream_take(s3, stream);
    return out->stream != NULL ? STATUS_OK : out_of_memory(out, err);
}

static enum status ask_for_reply(struct s3 *s3, const struct s3_question *q, struct s3_reply *out, struct error *err)
{
    struct http_multi_answer answer;
    *out = (struct s3_reply){ .meta = { .length = -1 } };
    enum status status = s3_ask(s3, q, &answer, err);
    if (status == STATUS_OK) {
        status = take_answer(s3, q, &answer, out, err);
        if (status != STATUS_OK && s3_is_write(q->operation))
            err->applied = APPLIED_UNKNOWN; /* S3 has answered; only its answer can't be handed on */
    } else {
        out->too_long = q->operation == S3_OP_GET && status == STATUS_OVERLOADED && answer.sent;
    }
    http_multi_answer_clean_up(&answer);
    return status;
}

static enum status no_key(struct s3_reply *out, struct error *err)
{
    *out = (struct s3_reply){ .meta = { .length = -1 } };
    return error_set(err, STATUS_BAD_REQUEST, "the key is empty");
}

enum status s3_get(struct s3 *s3, const struct s3_get *get, struct s3_reply *out, struct error *err)
{
    struct s3_question q = { .operation = get->head ? S3_OP_HEAD : S3_OP_GET,
                             .request = { .method = get->head ? "HEAD" : "GET", .bucket = get->bucket, .key = get->key },
                             .has_range = get->range.len > 0,
                             .has_match = get->if_match.len > 0,
                             .body_max = get->body_max,
                             .is_long = get->is_long,
                             .deadline_ms = get->deadline_ms };
    if (get->key.len == 0)
        return no_key(out, err);
    s3_request_add(&q.request, "range", get->range);
    s3_request_add(&q.request, "if-match", get->if_match);
    return ask_for_reply(s3, &q, out, err);
}

enum status s3_put(struct s3 *s3, const struct s3_put *put, struct s3_reply *out, struct error *err)
{
    struct s3_question q = { .operation = S3_OP_PUT,
                             .request = { .method = "PUT", .bucket = put->bucket, .key = put->key, .body = put->body },
                             .has_match = put->if_match.len > 0,
                             .has_none_match = put->if_none_match.len > 0,
                             .body_max = HTTP_MULTI_ERROR_BODY_MAX_BYTES,
                             .deadline_ms = put->deadline_ms };
    if (put->key.len == 0)
        return no_key(out, err);
    for (enum s3_field field = S3_CONTENT_TYPE; field <= S3_EXPIRES; field++)
        s3_request_add(&q.request, s3_field_name(field), put->fields[field]);
    s3_request_add(&q.request, "content-md5", put->content_md5);
    s3_request_add(&q.request, "if-match", put->if_match);
    s3_request_add(&q.request, "if-none-match", put->if_none_match);
    enum status status = ask_for_reply(s3, &q, out, err);
    if (status == STATUS_OK && out->status == 200)
        s3_metrics_sent(&s3->metrics, put->body.len);
    return status;
}

enum status s3_delete(struct s3 *s3, const struct s3_delete *delete, struct s3_reply *out, struct error *err)
{
    struct s3_question q = { .operation = S3_OP_DELETE,
                             .request = { .method = "DELETE", .bucket = delete->bucket, .key = delete->key },
                             .has_match = delete->if_match.len > 0,
                             .body_max = HTTP_MULTI_ERROR_BODY_MAX_BYTES,
                             .deadline_ms = delete->deadline_ms };
    if (delete->key.len == 0)
        return no_key(out, err);
    s3_request_add(&q.request, "if-match", delete->if_match);
    enum status status = ask_for_reply(s3, &q, out, err);
    if (status == STATUS_OK && out->status == 200)
        out->status = 204;
    return status;
}
