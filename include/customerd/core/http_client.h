/* http_client: one outgoing HTTP request at a time, bounded in time and size, behind a vtable that tests replace.
 *
 * Used for credentials and for key sets. The real client (libcurl) follows no redirects, uses no proxy and no
 * netrc, speaks http and https only, and verifies certificates. Plain http connects only to the loopback and to the
 * link-local addresses that AWS names (169.254.169.254, 169.254.170.2, 169.254.170.23, fd00:ec2::254, fd00:ec2::23):
 * the address that is dialled is checked, whatever name stood in the URL. Header lines are wiped after use; what libcurl
 * and its TLS library keep in buffers of their own is not. */
#ifndef CUSTOMERD_CORE_HTTP_CLIENT_H
#define CUSTOMERD_CORE_HTTP_CLIENT_H

#include <stdatomic.h>

#include "customerd/core/buf.h"
#include "customerd/core/status.h"

/* All members are borrowed for the call. */
struct http_request {
    const char *method;          /* "GET", "PUT" or "POST" */
    const char *url;
    const char *const *headers;  /* "Name: value" lines, n_headers of them, without CR or LF */
    size_t n_headers;
    struct slice body;
    const char *ca_file;         /* PEM file of the CAs that are trusted; NULL or "": the system's */
    int connect_timeout_ms;
    int timeout_ms;              /* for the whole exchange */
    const atomic_bool *cancelled; /* when it turns true, the exchange fails within about a second; NULL: never */
};

struct http_response {
    int status;                  /* the HTTP status */
    struct buf body;             /* bounded by the maximum that the caller gave at buf_init */
};

struct http_client {
    /* STATUS_OK when an answer arrived, whatever its status. The body is appended to out->body; a longer one than its
     * maximum is an error. Blocks for timeout_ms at most. May be called from several threads at once. */
    enum status (*fetch)(void *ctx, const struct http_request *request, struct http_response *out, struct error *err);
    void *ctx;
};

/* Must be called once before other threads start. */
enum status http_client_global_init(struct error *err) MUST_USE;
void http_client_global_clean_up(void);

/* The libcurl client; constant, needs no destroying. */
const struct http_client *http_client_curl(void);

#endif
