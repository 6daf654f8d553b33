#include "http_transfer.h"

#include "customerd/core/clock.h"

#include <stdio.h>
#include <stdlib.h>

/* libcurl's callbacks run in the client's thread, and give 0 (or less than they were given) to end the transfer. */

static size_t unread(const struct http_stream_side *s)
{
    return s->body.len - s->read_at;
}

static size_t give_up(struct http_stream *t, enum http_end end, const char *why)
{
    t->run.end = end;
    t->run.why = why;
    return 0;
}

static long status_of(const struct http_stream *t)
{
    long status = 0;
    curl_easy_getinfo(t->run.easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

/* ------------------------------------------------------------------------------------------------------ head */

/* Each interim answer has a head of its own; only the last one counts, and what comes after it are trailers. */
static size_t take_head(char *bytes, size_t size, size_t n, void *ctx)
{
    struct http_stream *t = ctx;
    struct http_run *r = &t->run;
    struct slice line = slice_of(bytes, size * n);
    r->head_bytes += line.len;
    if (r->head_bytes > HTTP_MULTI_HEAD_MAX_BYTES)
        return give_up(t, HTTP_END_BAD, "the answer's head is too long");
    if (r->head_ended)
        return line.len;
    if (slice_starts_with(line, "HTTP/"))
        buf_clear(&r->head);
    else if (line.len > 0 && (line.ptr[0] == '\r' || line.ptr[0] == '\n'))
        r->head_ended = status_of(t) >= 200;
    else
        buf_append(&r->head, line);
    return buf_ok(&r->head) ? line.len : give_up(t, HTTP_END_INTERNAL, "out of memory");
}

static void answer_begin(struct http_stream *t)
{
    t->answer->status = (int)status_of(t);
    t->answer->head = t->run.head;
    buf_init(&t->run.head, 0);
}

/* ------------------------------------------------------------------------------------------------------ body */

static bool fits(const struct http_stream *t, size_t n)
{
    long status = status_of(t);
    size_t max = status >= 200 && status < 300 ? t->run.body_max : HTTP_MULTI_ERROR_BODY_MAX_BYTES;
    curl_off_t whole = -1;
    curl_easy_getinfo(t->run.easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &whole);
    return (whole <= 0 || (uint64_t)whole <= max) && n <= max && t->side.body.len <= max - n;
}

/* The caller goes on with what is there. */
static bool become_stream(struct http_stream *t)
{
    long status = status_of(t);
    if (!t->run.may_stream || status < 200 || status > 299)
        return give_up(t, HTTP_END_BAD, "the answer is too long") != 0;
    if (!http_multi_take_stream(t->multi))
        return give_up(t, HTTP_END_OVERLOADED, "too many streams are open") != 0;
    answer_begin(t);
    t->answer->sent = true;
    t->answer->stream = t;
    t->answer = NULL;
    t->end = HTTP_END_ANSWER;
    t->run.streaming = true;
    t->side.open = true;
    t->side.done = true;
    http_multi_settled(t->multi);
    monitor_notify(&t->monitor);
    return true;
}

static size_t take_locked(struct http_stream *t, struct slice bytes)
{
    struct http_stream_side *s = &t->side;
    if (s->closed)
        return 0;
    if (!s->open && !fits(t, bytes.len) && !become_stream(t))
        return 0;
    if (s->open && unread(s) > 0 && unread(s) + bytes.len > http_multi_options_of(t->multi)->stream_buffer_bytes) {
        s->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (s->read_at > s->body.len / 2) {
        buf_consume(&s->body, s->read_at);
        s->read_at = 0;
    }
    buf_append(&s->body, bytes);
    if (!buf_ok(&s->body))
        return give_up(t, HTTP_END_INTERNAL, "out of memory");
    t->run.progress_ms = http_multi_now_ms(t->multi);
    if (s->open)
        monitor_notify(&t->monitor);
    return bytes.len;
}

static size_t take_body(char *bytes, size_t size, size_t n, void *ctx)
{
    struct http_stream *t = ctx;
    monitor_lock(&t->monitor);
    size_t taken = take_locked(t, slice_of(bytes, size * n));
    monitor_unlock(&t->monitor);
    return taken;
}

/* ------------------------------------------------------------------------------------------------- lifecycle */

static bool set_callbacks(struct http_stream *t)
{
    CURL *easy = t->run.easy;
    return curl_easy_setopt(easy, CURLOPT_PRIVATE, t) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->run.message) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_head) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, t) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, t) == CURLE_OK;
}

static bool set_method(CURL *easy, const struct http_multi_request *request)
{
    if (strcmp(request->method, "GET") == 0)
        return true;
    if (strcmp(request->method, "HEAD") == 0)
        return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
    return http_easy_set_body(easy, request->method, request->body);
}

static bool set_up(struct http_stream *t, const struct http_multi_request *request)
{
    const struct http_multi_options *options = http_multi_options_of(t->multi);
    struct http_run *r = &t->run;
    const struct http_easy_long longs[] = {
        { CURLOPT_PATH_AS_IS, 1L },
        { CURLOPT_CONNECTTIMEOUT_MS, options->connect_timeout_ms },
        { CURLOPT_FRESH_CONNECT, request->fresh ? 1L : 0L },
        /* Connections that a server has closed meanwhile cost a try; S3 keeps idle ones for a short time only, and moves
         * its names among many addresses. */
        { CURLOPT_MAXAGE_CONN, 20L },
        { CURLOPT_DNS_CACHE_TIMEOUT, 10L },
    };
    return http_easy_set_safety(r->easy, options->ca_file) && set_callbacks(t) &&
           http_easy_set_longs(r->easy, longs, sizeof longs / sizeof *longs) &&
           http_easy_set_url(r->easy, request->url, &r->guard) &&
           http_easy_set_headers(r->easy, request->headers, request->n_headers, &r->lines) &&
           set_method(r->easy, request);
}

struct http_stream *http_transfer_new(struct http_multi *multi, const struct http_multi_request *request,
                                      struct http_multi_answer *answer)
{
    struct http_stream *t = calloc(1, sizeof *t);
    if (t == NULL || !monitor_init(&t->monitor)) {
        free(t);
        return NULL;
    }
    size_t body_max = request->body_max > HTTP_MULTI_ERROR_BODY_MAX_BYTES ? request->body_max
                                                                           : HTTP_MULTI_ERROR_BODY_MAX_BYTES;
    t->multi = multi;
    t->answer = answer;
    atomic_init(&t->references, 1);
    buf_init(&t->side.body, 2 * (body_max + http_multi_options_of(multi)->stream_buffer_bytes) + CURL_MAX_WRITE_SIZE);
    buf_init(&t->run.head, HTTP_MULTI_HEAD_MAX_BYTES);
    t->run.deadline_ms = request->deadline_ms;
    t->run.may_stream = request->may_stream;
    t->run.body_max = request->body_max;
    t->run.easy = curl_easy_init();
    if (t->run.easy != NULL && set_up(t, request))
        return t;
    http_transfer_release(t);
    return NULL;
}

static void free_handle(struct http_run *r)
{
    curl_easy_cleanup(r->easy);
    http_easy_free_headers(r->lines);
    r->easy = NULL;
    r->lines = NULL;
}

void http_transfer_release(struct http_stream *t)
{
    if (atomic_fetch_sub(&t->references, 1) != 1)
        return;
    free_handle(&t->run);
    buf_clean_up(&t->run.head);
    buf_clean_up(&t->side.body);
    monitor_clean_up(&t->monitor);
    free(t);
}

static void answer_end(struct http_stream *t, enum http_end end, const char *reason)
{
    struct http_multi_answer *answer = t->answer;
    long request_bytes = 0;
    curl_easy_getinfo(t->run.easy, CURLINFO_REQUEST_SIZE, &request_bytes);
    answer->sent = request_bytes > 0;
    if (end == HTTP_END_ANSWER) {
        answer_begin(t);
        answer->body = t->side.body;
        buf_init(&t->side.body, 0);
    } else {
        snprintf(answer->reason, sizeof answer->reason, "%.159s", reason);
    }
    t->answer = NULL;
    t->end = end;
}

void http_transfer_end(struct http_stream *t, enum http_end end, const char *reason)
{
    struct http_stream_side *s = &t->side;
    t->run.over = true;
    monitor_lock(&t->monitor);
    bool settles = !s->done;
    if (settles)
        answer_end(t, end, reason);
    monitor_unlock(&t->monitor);
    free_handle(&t->run);
    if (settles)
        http_multi_settled(t->multi);
    /* The caller, or the stream's reader, may be gone as soon as this is seen. */
    monitor_lock(&t->monitor);
    s->done = true;
    s->ended = true;
    s->failed = end != HTTP_END_ANSWER;
    monitor_notify(&t->monitor);
    monitor_unlock(&t->monitor);
}

enum http_transfer_wish http_transfer_wish(struct http_stream *t)
{
    struct http_stream_side *s = &t->side;
    enum http_transfer_wish wish = HTTP_WISH_NONE;
    monitor_lock(&t->monitor);
    if (s->closed) {
        wish = HTTP_WISH_CLOSE;
    } else if (s->paused && unread(s) <= http_multi_options_of(t->multi)->stream_buffer_bytes / 2) {
        s->paused = false;
        t->run.progress_ms = http_multi_now_ms(t->multi);
        wish = HTTP_WISH_GO_ON;
    }
    monitor_unlock(&t->monitor);
    return wish;
}

int64_t http_transfer_due_ms(struct http_stream *t)
{
    if (!t->run.streaming)
        return t->run.deadline_ms;
    monitor_lock(&t->monitor);
    bool paused = t->side.paused;
    monitor_unlock(&t->monitor);
    return paused ? INT64_MAX : t->run.progress_ms + http_multi_options_of(t->multi)->stall_ms;
}

/* ---------------------------------------------------------------------------------------------------- stream */

size_t http_stream_read(struct http_stream *t, void *out, size_t size, enum http_stream_state *state)
{
    struct http_stream_side *s = &t->side;
    monitor_lock(&t->monitor);
    size_t n = unread(s) < size ? unread(s) : size;
    if (n > 0)
        memcpy(out, s->body.data + s->read_at, n);
    s->read_at += n;
    *state = HTTP_STREAM_MORE;
    if (n == 0 && s->ended)
        *state = s->failed ? HTTP_STREAM_FAILED : HTTP_STREAM_END;
    bool goes_on = s->paused && unread(s) <= http_multi_options_of(t->multi)->stream_buffer_bytes / 2;
    monitor_unlock(&t->monitor);
    if (goes_on)
        http_multi_post(t->multi, t);
    return n;
}

bool http_stream_wait(struct http_stream *t, int64_t until_ms)
{
    struct http_stream_side *s = &t->side;
    monitor_lock(&t->monitor);
    while (unread(s) == 0 && !s->ended) {
        int64_t left_ms = until_ms - clock_monotonic_ms(clock_system());
        if (left_ms <= 0)
            break;
        monitor_wait_ms(&t->monitor, left_ms);
    }
    bool is_there = unread(s) > 0 || s->ended;
    monitor_unlock(&t->monitor);
    return is_there;
}

void http_stream_close(struct http_stream *t)
{
    if (t == NULL)
        return;
    monitor_lock(&t->monitor);
    t->side.closed = true;
    bool ended = t->side.ended;
    monitor_unlock(&t->monitor);
    http_multi_give_stream(t->multi);
    if (!ended)
        http_multi_post(t->multi, t);
    http_transfer_release(t);
}

/* ---------------------------------------------------------------------------------------------------- answer */

void http_multi_answer_clean_up(struct http_multi_answer *answer)
{
    buf_clean_up(&answer->head);
    buf_clean_up(&answer->body);
    http_stream_close(answer->stream);
    answer->stream = NULL;
}

static struct slice trimmed(struct slice text)
{
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
        text = slice_from(text, 1);
    while (text.len > 0 && strchr(" \t\r", text.ptr[text.len - 1]) != NULL && text.ptr[text.len - 1] != '\0')
        text.len--;
    return text;
}

bool http_multi_is_value(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (((unsigned char)text.ptr[i] < 0x20 && text.ptr[i] != '\t') || text.ptr[i] == 0x7f)
            return false;
    }
    return true;
}

struct slice http_multi_field(const struct buf *head, const char *name)
{
    struct slice rest = buf_slice(head);
    while (rest.len > 0) {
        struct slice value = slice_take(&rest, '\n');
        struct slice field = slice_take(&value, ':');
        if (!slice_is_nocase(field, name))
            continue;
        value = trimmed(value);
        return http_multi_is_value(value) ? value : slice_of("", 0);
    }
    return slice_of("", 0);
}
