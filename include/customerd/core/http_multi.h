/* http_multi: many outgoing HTTP requests at once over connections that are kept, on one thread (libcurl's multi interface).
 *
 *   caller (fiber or thread)                      the client's thread
 *   http_multi_exchange: submit ---- wakes -----> waits for its turn -> runs --+--> ends: caller goes on with the answer
 *          waits on core/monitor                                               |
 *   answer->stream           <---- long body: the caller goes on --------------+
 *   http_stream_read         <---- a bounded buffer; the transfer is paused while it is full
 *   http_stream_close        ---- wakes -----> the transfer ends
 *
 * The same rules for safety as in http_client.h: no redirects, no proxies, verified certificates, plain http only to the
 * loopback and AWS's link-local addresses. Paths are sent as they stand. Everything that an endpoint sends is bounded:
 * its head (64 KiB with all interim answers and trailers), its body, and the time until it comes. */
#ifndef CUSTOMERD_CORE_HTTP_MULTI_H
#define CUSTOMERD_CORE_HTTP_MULTI_H

#include "customerd/core/buf.h"
#include "customerd/core/status.h"

#define HTTP_MULTI_HEAD_MAX_BYTES 65536
/* Of an answer whose status is not 2xx. */
#define HTTP_MULTI_ERROR_BODY_MAX_BYTES 65536

struct http_multi;
struct http_stream;

struct http_multi_options {
    const char *ca_file;        /* PEM file of the CAs that are trusted; NULL or "": the system's. Copied */
    size_t exchanges;           /* under way at once */
    size_t waiting;             /* may wait for their turn; more are refused */
    size_t streams;             /* open at once, beside the exchanges */
    size_t stream_buffer_bytes; /* of bytes that nobody has read yet, after which a transfer is paused */
    int connect_timeout_ms;
    int stall_ms;               /* without a byte, after which a stream fails; not while it is paused */
};

/* Starts the thread. NULL (and err) when it can't. http_client_global_init was called. */
struct http_multi *http_multi_new(const struct http_multi_options *options, struct error *err);
/* No exchange is under way and no stream is open. Joins the thread. Accepts NULL. */
void http_multi_destroy(struct http_multi *multi);

/* All members are borrowed for the call. */
struct http_multi_request {
    const char *method;
    const char *url;
    const char *const *headers; /* "Name: value" lines, n_headers of them, without CR or LF */
    size_t n_headers;
    struct slice body;          /* not with GET and HEAD */
    size_t body_max;            /* of a 2xx answer */
    bool may_stream;            /* GET only: a longer body becomes a stream; else it is an error */
    bool fresh;                 /* on a new connection: over a kept one, libcurl may send it twice when that was closed */
    int64_t deadline_ms;        /* monotonic; for a stream it ends with the head */
};

enum http_end {
    HTTP_END_ANSWER,
    HTTP_END_TIMED_OUT,
    HTTP_END_LOST,       /* no connection, or it broke: it may be tried again */
    HTTP_END_BAD,        /* an answer over its bounds, a certificate or an address that is refused: the next try will be so too */
    HTTP_END_OVERLOADED, /* too many wait; or too many streams are open, which is known when the request was sent */
    HTTP_END_INTERNAL    /* out of memory, or the client is being destroyed */
};

struct http_multi_answer {
    int status;
    bool sent;       /* whether anything of the request went out, however it ended */
    struct buf head; /* the fields of the final answer as they came, "Name: value\r\n" each; no trailers */
    struct buf body;
    struct http_stream *stream; /* instead of the body; the caller closes it */
    char reason[160]; /* why there is no answer; of libcurl's or ours, without anything of the request but the host */
};

/* Waits until the answer is there, or the request has failed; by deadline_ms at the latest, and a little. Any thread or
 * fiber. The answer is to be cleaned up in any case; it needs no initializing. */
enum http_end http_multi_exchange(struct http_multi *multi, const struct http_multi_request *request,
                                  struct http_multi_answer *answer) MUST_USE;
/* Frees, and closes the stream. */
void http_multi_answer_clean_up(struct http_multi_answer *answer);

/* The value of a field in a head, without white space around it; the first, when there are several. Empty when there is
 * none, or when it holds control bytes. */
struct slice http_multi_field(const struct buf *head, const char *name);
/* Whether it has no control bytes, tabs apart: it may be a field's value. */
bool http_multi_is_value(struct slice text);

struct http_multi_counts {
    size_t pending; /* exchanges that wait or are under way */
    size_t streams; /* open */
};

void http_multi_count(struct http_multi *multi, struct http_multi_counts *out);
/* Whether one more stream could be opened now. A look: another request may take the place. */
bool http_multi_has_place_for_stream(struct http_multi *multi);

/* ---- a body that comes piece by piece: one user at a time, any thread ---- */

enum http_stream_state {
    HTTP_STREAM_MORE,  /* bytes were given, or there are none now: http_stream_wait */
    HTTP_STREAM_END,   /* all was read */
    HTTP_STREAM_FAILED /* the rest is lost */
};

/* Copies at most size bytes to out and returns how many. Never blocks. */
size_t http_stream_read(struct http_stream *stream, void *out, size_t size, enum http_stream_state *state);
/* Waits on core/monitor until a read gives something, or tells an end, or until_ms (monotonic): then false. */
bool http_stream_wait(struct http_stream *stream, int64_t until_ms);
/* Ends the transfer when it is not at its end. Accepts NULL. */
void http_stream_close(struct http_stream *stream);

#endif
