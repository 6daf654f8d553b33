#include "customerd/core/http_client.h"

#include "http_easy.h"

/* One exchange, shared with libcurl's callbacks, which run on the caller's thread. */
struct exchange {
    CURL *easy;
    struct curl_slist *headers;
    struct buf *body;
    const atomic_bool *cancelled;
    struct http_easy_guard guard;
    char message[CURL_ERROR_SIZE];
};

static size_t take_body(char *bytes, size_t size, size_t n, void *ctx)
{
    struct exchange *x = ctx;
    buf_append(x->body, slice_of(bytes, size * n));
    return buf_ok(x->body) ? size * n : 0;
}

static bool is_cancelled(const struct exchange *x)
{
    return x->cancelled != NULL && atomic_load(x->cancelled);
}

/* Asked at least once a second, also while a name is looked up or a connection is made. */
static int asks_to_stop(void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    return is_cancelled(ctx) ? 1 : 0;
}

static bool set_callbacks(struct exchange *x)
{
    return curl_easy_setopt(x->easy, CURLOPT_ERRORBUFFER, x->message) == CURLE_OK &&
           curl_easy_setopt(x->easy, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(x->easy, CURLOPT_XFERINFOFUNCTION, asks_to_stop) == CURLE_OK &&
           curl_easy_setopt(x->easy, CURLOPT_XFERINFODATA, x) == CURLE_OK &&
           curl_easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(x->easy, CURLOPT_WRITEDATA, x) == CURLE_OK;
}

/* libcurl takes 0 for "no limit". */
static long at_least_1(int timeout_ms)
{
    return timeout_ms > 0 ? timeout_ms : 1;
}

static bool set_request(struct exchange *x, const struct http_request *request)
{
    const struct http_easy_long timeouts[] = {
        { CURLOPT_CONNECTTIMEOUT_MS, at_least_1(request->connect_timeout_ms) },
        { CURLOPT_TIMEOUT_MS, at_least_1(request->timeout_ms) },
    };
    return http_easy_set_longs(x->easy, timeouts, 2) && http_easy_set_url(x->easy, request->url, &x->guard) &&
           http_easy_set_headers(x->easy, request->headers, request->n_headers, &x->headers) &&
           (strcmp(request->method, "GET") == 0 || http_easy_set_body(x->easy, request->method, request->body));
}

static enum status describe_failure(const struct exchange *x, CURLcode code, struct error *err)
{
    if (is_cancelled(x))
        return error_set(err, STATUS_UNAVAILABLE, "the request was given up");
    if (x->guard.refused)
        return error_set(err, STATUS_UNAVAILABLE, "%s", HTTP_EASY_REFUSAL);
    if (!buf_ok(x->body))
        return error_set(err, STATUS_UNAVAILABLE, "the answer is longer than %zu bytes", x->body->max_bytes);
    return error_set(err, STATUS_UNAVAILABLE, "%.200s", x->message[0] != '\0' ? x->message : curl_easy_strerror(code));
}

static enum status fetch(void *ctx, const struct http_request *request, struct http_response *out, struct error *err)
{
    (void)ctx;
    struct exchange x = { .body = &out->body, .cancelled = request->cancelled };
    enum status status = STATUS_OK;
    long http_status = 0;
    if (!http_easy_are_lines(request->headers, request->n_headers))
        return error_set(err, STATUS_INTERNAL, "a header of the request holds a line break");
    x.easy = curl_easy_init();
    if (x.easy == NULL || !http_easy_set_safety(x.easy, request->ca_file) || !set_callbacks(&x) ||
        !set_request(&x, request)) {
        status = error_set(err, STATUS_INTERNAL, "libcurl could not be set up");
        goto out;
    }
    CURLcode code = curl_easy_perform(x.easy);
    if (code != CURLE_OK) {
        status = describe_failure(&x, code, err);
        goto out;
    }
    curl_easy_getinfo(x.easy, CURLINFO_RESPONSE_CODE, &http_status);
    out->status = (int)http_status;
out:
    curl_easy_cleanup(x.easy);
    http_easy_free_headers(x.headers);
    return status;
}

enum status http_client_global_init(struct error *err)
{
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK)
        return error_set(err, STATUS_INTERNAL, "libcurl: %s", curl_easy_strerror(code));
    return STATUS_OK;
}

void http_client_global_clean_up(void)
{
    curl_global_cleanup();
}

const struct http_client *http_client_curl(void)
{
    static const struct http_client client = { .fetch = fetch, .ctx = NULL };
    return &client;
}
