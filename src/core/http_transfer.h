/* http_transfer: one exchange of http_multi, from the request to the end of its body; also what a stream is.
 *
 * Its monitor guards what both sides look at. The rest is the caller's until it is submitted, and then the thread's. Two
 * references: the caller's (later the stream's) and the thread's. */
#ifndef CUSTOMERD_CORE_HTTP_TRANSFER_H
#define CUSTOMERD_CORE_HTTP_TRANSFER_H

#include "customerd/core/http_multi.h"
#include "customerd/core/monitor.h"
#include "http_easy.h"

#include <stdatomic.h>

/* Under the transfer's monitor. */
struct http_stream_side {
    struct buf body;  /* what has come */
    size_t read_at;   /* what was read of it */
    bool done;        /* the caller goes on: with the answer, a failure, or a stream */
    bool open;        /* it became a stream, which is not closed yet */
    bool ended;       /* nothing more comes */
    bool failed;
    bool closed;      /* nobody wants more */
    bool paused;      /* the thread stopped for want of room */
};

/* The thread's. */
struct http_run {
    CURL *easy;
    struct curl_slist *lines;
    struct http_easy_guard guard;
    int64_t deadline_ms;
    int64_t progress_ms; /* when the last byte of a stream came */
    size_t head_bytes;   /* of all heads and trailers */
    bool head_ended;
    bool may_stream;
    bool running;        /* added to the multi handle */
    const char *why;     /* a literal: a callback decided `end`, before libcurl's own end */
    enum http_end end;
    size_t body_max;
    bool streaming;      /* the caller has gone on */
    bool queued;         /* the thread has seen it */
    bool over;           /* the thread is done with it */
    struct buf head;
    char message[CURL_ERROR_SIZE];
};

/* A stream is a transfer that its caller has seen begin. */
struct http_stream {
    struct http_multi *multi;
    atomic_int references;
    struct monitor monitor;
    struct http_stream_side side;
    struct http_run run;
    struct http_multi_answer *answer; /* the caller's, until it is done */
    enum http_end end;                /* what came of it; the caller's when it is done */
    struct http_stream *next;         /* in the thread's list */
    struct http_stream *next_news;    /* under the multi's monitor: that something is to be looked at */
    bool has_news;
};

/* NULL when out of memory. */
struct http_stream *http_transfer_new(struct http_multi *multi, const struct http_multi_request *request,
                                      struct http_multi_answer *answer);
void http_transfer_release(struct http_stream *t);
/* In the thread, when libcurl has nothing more to do with it: frees the handle, and lets the caller go on or tells the
 * stream's reader. */
void http_transfer_end(struct http_stream *t, enum http_end end, const char *reason);

enum http_transfer_wish { HTTP_WISH_NONE, HTTP_WISH_CLOSE, HTTP_WISH_GO_ON };

/* In the thread: what the reader wants; going on is noted as done. */
enum http_transfer_wish http_transfer_wish(struct http_stream *t);
/* When it is over for want of an answer or, as a stream, of bytes; INT64_MAX while it is paused. */
int64_t http_transfer_due_ms(struct http_stream *t);

/* ---- of http_multi.c ---- */

const struct http_multi_options *http_multi_options_of(const struct http_multi *multi);
/* Any thread: the thread shall look at the transfer. */
void http_multi_post(struct http_multi *multi, struct http_stream *t);
/* Takes a place among the streams; false when there is none. */
bool http_multi_take_stream(struct http_multi *multi);
void http_multi_give_stream(struct http_multi *multi);
/* A caller goes on. */
void http_multi_settled(struct http_multi *multi);
/* The thread's clock, read once a turn. */
int64_t http_multi_now_ms(const struct http_multi *multi);

#endif
