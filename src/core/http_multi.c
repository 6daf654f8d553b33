#include "customerd/core/http_multi.h"

#include "customerd/core/clock.h"

#include <stdio.h>
#include <stdlib.h>

#include "http_transfer.h"

#define POLL_MAX_MS 1000
#define CALLER_WAIT_MS 10000

/* Under the monitor: what other threads say. */
struct board {
    struct http_stream *news; /* transfers that are to be looked at; each is referenced once */
    size_t pending;           /* callers that wait */
    size_t streams;           /* open */
    bool stops;
};

struct http_multi {
    pthread_t thread;
    struct monitor monitor;
    struct board board;
    struct http_multi_options options;
    char *ca_file;
    CURLM *curl;
    CURLSH *share; /* TLS sessions, so that a new connection to a known server resumes one */
    /* the thread's */
    struct http_stream *waiting;
    struct http_stream **waiting_end;
    struct http_stream *running;
    int64_t now_ms;
};

const struct http_multi_options *http_multi_options_of(const struct http_multi *multi)
{
    return &multi->options;
}

int64_t http_multi_now_ms(const struct http_multi *multi)
{
    return multi->now_ms;
}

/* ----------------------------------------------------------------------------------------------------- board */

void http_multi_post(struct http_multi *m, struct http_stream *t)
{
    monitor_lock(&m->monitor);
    bool is_new = !t->has_news;
    if (is_new) {
        atomic_fetch_add(&t->references, 1);
        t->has_news = true;
        t->next_news = m->board.news;
        m->board.news = t;
    }
    monitor_unlock(&m->monitor);
    if (is_new)
        (void)curl_multi_wakeup(m->curl);
}

bool http_multi_has_place_for_stream(struct http_multi *m)
{
    monitor_lock(&m->monitor);
    bool free_place = m->board.streams < m->options.streams;
    monitor_unlock(&m->monitor);
    return free_place;
}

bool http_multi_take_stream(struct http_multi *m)
{
    monitor_lock(&m->monitor);
    bool free_place = m->board.streams < m->options.streams;
    if (free_place)
        m->board.streams++;
    monitor_unlock(&m->monitor);
    return free_place;
}

void http_multi_give_stream(struct http_multi *m)
{
    monitor_lock(&m->monitor);
    m->board.streams--;
    monitor_unlock(&m->monitor);
}

void http_multi_settled(struct http_multi *m)
{
    monitor_lock(&m->monitor);
    m->board.pending--;
    monitor_unlock(&m->monitor);
}

void http_multi_count(struct http_multi *m, struct http_multi_counts *out)
{
    monitor_lock(&m->monitor);
    *out = (struct http_multi_counts){ .pending = m->board.pending, .streams = m->board.streams };
    monitor_unlock(&m->monitor);
}

/* Oldest first: they were put before each other. */
static struct http_stream *take_news(struct http_multi *m)
{
    struct http_stream *oldest = NULL;
    monitor_lock(&m->monitor);
    while (m->board.news != NULL) {
        struct http_stream *t = m->board.news;
        m->board.news = t->next_news;
        t->next_news = oldest;
        oldest = t;
    }
    monitor_unlock(&m->monitor);
    return oldest;
}

/* ---------------------------------------------------------------------------------------------------- thread */

static void list_remove(struct http_multi *m, struct http_stream *t)
{
    struct http_stream **at = t->run.running ? &m->running : &m->waiting;
    while (*at != NULL && *at != t)
        at = &(*at)->next;
    *at = t->next;
    if (m->waiting_end == &t->next)
        m->waiting_end = at;
}

/* libcurl lets go of it first: the caller's body may be gone afterwards. */
static void finish(struct http_multi *m, struct http_stream *t, enum http_end end, const char *reason)
{
    list_remove(m, t);
    if (t->run.running)
        (void)curl_multi_remove_handle(m->curl, t->run.easy);
    http_transfer_end(t, end, reason);
    http_transfer_release(t);
}

/* What the next try would meet too. */
static bool is_for_good(CURLcode code)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE || code == CURLE_URL_MALFORMAT ||
           code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_BAD_CONTENT_ENCODING;
}

static void completed(struct http_multi *m, struct http_stream *t, CURLcode code)
{
    const struct http_run *r = &t->run;
    if (r->why != NULL)
        finish(m, t, r->end, r->why);
    else if (code == CURLE_OK)
        finish(m, t, HTTP_END_ANSWER, "");
    else if (r->guard.refused)
        finish(m, t, HTTP_END_BAD, HTTP_EASY_REFUSAL);
    else
        finish(m, t, code == CURLE_OUT_OF_MEMORY ? HTTP_END_INTERNAL : is_for_good(code) ? HTTP_END_BAD : HTTP_END_LOST,
               r->message[0] != '\0' ? r->message : curl_easy_strerror(code));
}

static void look_for_completed(struct http_multi *m)
{
    int left;
    const CURLMsg *message;
    while ((message = curl_multi_info_read(m->curl, &left)) != NULL) {
        char *t = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE ||
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t) != CURLE_OK)
            continue;
        completed(m, (struct http_stream *)(void *)t, code);
    }
}

static void look_at(struct http_multi *m, struct http_stream *t)
{
    if (t->run.over)
        return;
    if (!t->run.queued) {
        atomic_fetch_add(&t->references, 1);
        t->run.queued = true;
        t->next = NULL;
        *m->waiting_end = t;
        m->waiting_end = &t->next;
        return;
    }
    enum http_transfer_wish wish = http_transfer_wish(t);
    if (wish == HTTP_WISH_CLOSE) {
        finish(m, t, HTTP_END_LOST, "nobody reads it any more");
        return;
    }
    CURLcode code = wish == HTTP_WISH_GO_ON ? curl_easy_pause(t->run.easy, CURLPAUSE_CONT) : CURLE_OK;
    if (code != CURLE_OK)
        completed(m, t, code);
}

static void look_at_news(struct http_multi *m)
{
    struct http_stream *t = take_news(m);
    while (t != NULL) {
        struct http_stream *next = t->next_news;
        monitor_lock(&m->monitor);
        t->has_news = false;
        monitor_unlock(&m->monitor);
        look_at(m, t);
        http_transfer_release(t);
        t = next;
    }
}

static size_t exchanges_running(const struct http_multi *m)
{
    size_t n = 0;
    for (const struct http_stream *t = m->running; t != NULL; t = t->next)
        n += t->run.streaming ? 0 : 1;
    return n;
}

static void start(struct http_multi *m, struct http_stream *t)
{
    if (curl_easy_setopt(t->run.easy, CURLOPT_SHARE, m->share) != CURLE_OK ||
        curl_multi_add_handle(m->curl, t->run.easy) != CURLM_OK) {
        finish(m, t, HTTP_END_INTERNAL, "out of memory");
        return;
    }
    list_remove(m, t);
    t->run.running = true;
    t->next = m->running;
    m->running = t;
}

static void start_waiting(struct http_multi *m)
{
    size_t n = exchanges_running(m);
    for (; m->waiting != NULL && n < m->options.exchanges; n++)
        start(m, m->waiting);
}

/* Ends what is over its time; when the next one will be. */
static int64_t look_for_late(struct http_multi *m, struct http_stream *list, int64_t due_ms)
{
    while (list != NULL) {
        struct http_stream *t = list;
        int64_t its_ms = http_transfer_due_ms(t);
        list = t->next;
        if (its_ms <= m->now_ms)
            finish(m, t, HTTP_END_TIMED_OUT, "no answer in time");
        else if (its_ms < due_ms)
            due_ms = its_ms;
    }
    return due_ms;
}

static bool stops(struct http_multi *m)
{
    monitor_lock(&m->monitor);
    bool is_time = m->board.stops;
    monitor_unlock(&m->monitor);
    return is_time;
}

static void end_all(struct http_multi *m)
{
    look_at_news(m);
    while (m->running != NULL)
        finish(m, m->running, HTTP_END_INTERNAL, "the client ends");
    while (m->waiting != NULL)
        finish(m, m->waiting, HTTP_END_INTERNAL, "the client ends");
}

static void *run(void *arg)
{
    struct http_multi *m = arg;
    int64_t due_ms = INT64_MAX;
    while (!stops(m)) {
        int running;
        int64_t wait_ms = due_ms > m->now_ms ? due_ms - m->now_ms : 0;
        (void)curl_multi_poll(m->curl, NULL, 0, (int)(wait_ms < POLL_MAX_MS ? wait_ms : POLL_MAX_MS), NULL);
        m->now_ms = clock_monotonic_ms(clock_system());
        look_at_news(m);
        start_waiting(m);
        (void)curl_multi_perform(m->curl, &running);
        look_for_completed(m);
        due_ms = look_for_late(m, m->waiting, look_for_late(m, m->running, INT64_MAX));
        /* Places that became free are taken at once. */
        if (m->waiting != NULL && exchanges_running(m) < m->options.exchanges)
            due_ms = m->now_ms;
    }
    end_all(m);
    return NULL;
}

/* ------------------------------------------------------------------------------------------------- lifecycle */

static bool curl_set_up(struct http_multi *m)
{
    m->curl = curl_multi_init();
    m->share = curl_share_init();
    return m->curl != NULL && m->share != NULL &&
           curl_share_setopt(m->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) == CURLSHE_OK &&
           curl_multi_setopt(m->curl, CURLMOPT_MAXCONNECTS, (long)(m->options.exchanges + m->options.streams)) == CURLM_OK;
}

static void release(struct http_multi *m)
{
    if (m->curl != NULL)
        (void)curl_multi_cleanup(m->curl);
    if (m->share != NULL)
        (void)curl_share_cleanup(m->share);
    monitor_clean_up(&m->monitor);
    free(m->ca_file);
    free(m);
}

struct http_multi *http_multi_new(const struct http_multi_options *options, struct error *err)
{
    struct http_multi *m = calloc(1, sizeof *m);
    if (m == NULL || !monitor_init(&m->monitor)) {
        free(m);
        (void)error_set(err, STATUS_INTERNAL, "out of memory");
        return NULL;
    }
    m->options = *options;
    m->waiting_end = &m->waiting;
    m->now_ms = clock_monotonic_ms(clock_system());
    m->ca_file = strdup(options->ca_file == NULL ? "" : options->ca_file);
    m->options.ca_file = m->ca_file;
    if (m->ca_file == NULL || !curl_set_up(m))
        (void)error_set(err, STATUS_INTERNAL, "libcurl could not be set up");
    else if (!monitor_start_thread(&m->thread, run, m))
        (void)error_set(err, STATUS_INTERNAL, "the HTTP client's thread can't be started");
    else
        return m;
    release(m);
    return NULL;
}

void http_multi_destroy(struct http_multi *m)
{
    if (m == NULL)
        return;
    monitor_lock(&m->monitor);
    m->board.stops = true;
    monitor_unlock(&m->monitor);
    (void)curl_multi_wakeup(m->curl);
    pthread_join(m->thread, NULL);
    release(m);
}

/* ---------------------------------------------------------------------------------------------------- caller */

static bool take_place(struct http_multi *m)
{
    monitor_lock(&m->monitor);
    bool free_place = m->board.pending < m->options.exchanges + m->options.waiting;
    if (free_place)
        m->board.pending++;
    monitor_unlock(&m->monitor);
    return free_place;
}

static enum http_end fail(struct http_multi_answer *answer, enum http_end end, const char *reason)
{
    snprintf(answer->reason, sizeof answer->reason, "%s", reason);
    return end;
}

/* The thread keeps the deadline, and the caller's body and answer are its own until it is done. */
static void wait_until_done(struct http_stream *t)
{
    monitor_lock(&t->monitor);
    while (!t->side.done)
        monitor_wait_ms(&t->monitor, CALLER_WAIT_MS);
    monitor_unlock(&t->monitor);
}

enum http_end http_multi_exchange(struct http_multi *m, const struct http_multi_request *request,
                                  struct http_multi_answer *answer)
{
    *answer = (struct http_multi_answer){ .status = 0 };
    if (request->deadline_ms <= clock_monotonic_ms(clock_system()))
        return fail(answer, HTTP_END_TIMED_OUT, "the deadline has passed");
    if (!http_easy_are_lines(request->headers, request->n_headers))
        return fail(answer, HTTP_END_INTERNAL, "a header of the request holds a line break");
    if (!take_place(m))
        return fail(answer, HTTP_END_OVERLOADED, "too many requests wait");
    struct http_stream *t = http_transfer_new(m, request, answer);
    if (t == NULL) {
        http_multi_settled(m);
        return fail(answer, HTTP_END_INTERNAL, "out of memory");
    }
    http_multi_post(m, t);
    wait_until_done(t);
    enum http_end end = t->end;
    if (answer->stream == NULL)
        http_transfer_release(t);
    return end;
}
