#include "customerd/core/http_client.h"

#include <curl/curl.h>

#include <sys/socket.h>

#include "peer_address.h"

/* One exchange, shared with libcurl's callbacks, which run on the caller's thread. */
struct exchange {
    CURL *easy;
    struct curl_slist *headers;
    struct buf *body;
    const atomic_bool *cancelled;
    bool plain;    /* not https, so the peer's address is checked */
    bool refused;  /* by that check */
    char message[CURL_ERROR_SIZE];
};

struct long_option {
    CURLoption option;
    long value;
};

struct text_option {
    CURLoption option;
    const char *value;
};

static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *peer)
{
    struct exchange *x = ctx;
    (void)purpose;
    if (x->plain && !peer_address_allows_plain_http(&peer->addr)) {
        x->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(peer->family, peer->socktype | SOCK_CLOEXEC, peer->protocol);
}

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

static bool set_longs(CURL *easy, const struct long_option *options, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (curl_easy_setopt(easy, options[i].option, options[i].value) != CURLE_OK)
            return false;
    }
    return true;
}

static bool set_texts(CURL *easy, const struct text_option *options, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (curl_easy_setopt(easy, options[i].option, options[i].value) != CURLE_OK)
            return false;
    }
    return true;
}

static bool set_safety(CURL *easy)
{
    static const struct long_option longs[] = {
        { CURLOPT_NOSIGNAL, 1L },
        { CURLOPT_NOPROGRESS, 0L },
        /* Else the end of a timed-out call would wait for the resolver's thread. */
        { CURLOPT_QUICK_EXIT, 1L },
        { CURLOPT_FOLLOWLOCATION, 0L },
        { CURLOPT_NETRC, CURL_NETRC_IGNORED },
        { CURLOPT_DISALLOW_USERNAME_IN_URL, 1L },
        { CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
        { CURLOPT_SSL_VERIFYPEER, 1L },
        { CURLOPT_SSL_VERIFYHOST, 2L },
        { CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
    };
    static const struct text_option texts[] = {
        { CURLOPT_PROTOCOLS_STR, "http,https" },
        { CURLOPT_PROXY, "" },
        { CURLOPT_NOPROXY, "*" },
        { CURLOPT_USERAGENT, "customerd/" CUSTOMERD_VERSION },
    };
    return set_longs(easy, longs, sizeof longs / sizeof *longs) && set_texts(easy, texts, sizeof texts / sizeof *texts);
}

static bool set_callbacks(struct exchange *x)
{
    return curl_easy_setopt(x->easy, CURLOPT_ERRORBUFFER, x->message) == CURLE_OK &&
           curl_easy_setopt(x->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
           curl_easy_setopt(x->easy, CURLOPT_OPENSOCKETDATA, x) == CURLE_OK &&
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

static bool set_ca_file(struct exchange *x, const char *ca_file)
{
    return ca_file == NULL || ca_file[0] == '\0' || curl_easy_setopt(x->easy, CURLOPT_CAINFO, ca_file) == CURLE_OK;
}

static bool set_request(struct exchange *x, const struct http_request *request)
{
    const struct long_option timeouts[] = {
        { CURLOPT_CONNECTTIMEOUT_MS, at_least_1(request->connect_timeout_ms) },
        { CURLOPT_TIMEOUT_MS, at_least_1(request->timeout_ms) },
    };
    if (!set_longs(x->easy, timeouts, 2) || curl_easy_setopt(x->easy, CURLOPT_URL, request->url) != CURLE_OK ||
        curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->headers) != CURLE_OK || !set_ca_file(x, request->ca_file))
        return false;
    if (strcmp(request->method, "GET") == 0)
        return true;
    /* POSTFIELDS for PUT too, since it sends from memory; the length comes first, so that NULs may be inside. */
    const char *body = request->body.len == 0 ? "" : request->body.ptr;
    return curl_easy_setopt(x->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len) == CURLE_OK &&
           curl_easy_setopt(x->easy, CURLOPT_POSTFIELDS, body) == CURLE_OK &&
           curl_easy_setopt(x->easy, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK;
}

static bool add_header(struct exchange *x, const char *line)
{
    struct curl_slist *longer = curl_slist_append(x->headers, line);
    if (longer != NULL)
        x->headers = longer;
    return longer != NULL;
}

/* An empty "Name:" takes away what libcurl would add by itself: waiting for 100 Continue, and a form's type. */
static bool add_headers(struct exchange *x, const struct http_request *request)
{
    bool typed = false;
    for (size_t i = 0; i < request->n_headers; i++) {
        if (!add_header(x, request->headers[i]))
            return false;
        typed = typed || strncasecmp(request->headers[i], "Content-Type:", 13) == 0;
    }
    return add_header(x, "Expect:") && (typed || add_header(x, "Content-Type:"));
}

static bool headers_are_lines(const struct http_request *request)
{
    for (size_t i = 0; i < request->n_headers; i++) {
        if (strpbrk(request->headers[i], "\r\n") != NULL)
            return false;
    }
    return true;
}

static enum status describe_failure(const struct exchange *x, CURLcode code, struct error *err)
{
    if (is_cancelled(x))
        return error_set(err, STATUS_UNAVAILABLE, "the request was given up");
    if (x->refused)
        return error_set(err, STATUS_UNAVAILABLE,
                         "plain http goes only to the loopback and to AWS's link-local addresses; use https");
    if (!buf_ok(x->body))
        return error_set(err, STATUS_UNAVAILABLE, "the answer is longer than %zu bytes", x->body->max_bytes);
    return error_set(err, STATUS_UNAVAILABLE, "%.200s", x->message[0] != '\0' ? x->message : curl_easy_strerror(code));
}

/* The list holds authorization headers, so its copies are wiped. */
static void free_headers(struct curl_slist *headers)
{
    for (struct curl_slist *at = headers; at != NULL; at = at->next)
        explicit_bzero(at->data, strlen(at->data));
    curl_slist_free_all(headers);
}

static enum status fetch(void *ctx, const struct http_request *request, struct http_response *out, struct error *err)
{
    (void)ctx;
    struct exchange x = { .body = &out->body, .cancelled = request->cancelled,
                          .plain = strncasecmp(request->url, "https://", 8) != 0 };
    enum status status = STATUS_OK;
    long http_status = 0;
    if (!headers_are_lines(request))
        return error_set(err, STATUS_INTERNAL, "a header of the request holds a line break");
    x.easy = curl_easy_init();
    if (x.easy == NULL || !set_safety(x.easy) || !set_callbacks(&x) || !add_headers(&x, request) ||
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
    free_headers(x.headers);
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
