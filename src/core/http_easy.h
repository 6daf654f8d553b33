/* http_easy: what every libcurl handle of the project is set to, for one request (http_client.c) and for many
 * (http_multi.c). A handle belongs to one thread at a time. */
#ifndef CUSTOMERD_CORE_HTTP_EASY_H
#define CUSTOMERD_CORE_HTTP_EASY_H

#include <curl/curl.h>

#include "customerd/core/attributes.h"
#include "customerd/core/slice.h"

struct http_easy_long {
    CURLoption option;
    long value;
};

bool http_easy_set_longs(CURL *easy, const struct http_easy_long *options, size_t n) MUST_USE;

/* No signals, redirects, proxies, netrc, cookies or user names in URLs; http and https only; HTTP/1.1; verified
 * certificates, TLS 1.2 or newer. ca_file: PEM; NULL or "": the system's. */
bool http_easy_set_safety(CURL *easy, const char *ca_file) MUST_USE;

/* The check of the address that is dialled: plain http only where peer_address.h allows it. */
struct http_easy_guard {
    bool plain;
    bool refused; /* by that check */
};

#define HTTP_EASY_REFUSAL "plain http goes only to the loopback and to AWS's link-local addresses; use https"

/* Sets the URL; the guard must outlive the transfer. */
bool http_easy_set_url(CURL *easy, const char *url, struct http_easy_guard *guard) MUST_USE;
/* Any method but GET; the body is borrowed until the transfer has ended. */
bool http_easy_set_body(CURL *easy, const char *method, struct slice body) MUST_USE;

/* Sets the header lines, and takes away what libcurl would add by itself. *list is the caller's to free, after the
 * transfer, also when this fails: lines with a line break are refused. */
bool http_easy_set_headers(CURL *easy, const char *const *lines, size_t n, struct curl_slist **list) MUST_USE;
/* Wipes and frees: the list holds authorization headers. */
void http_easy_free_headers(struct curl_slist *list);
bool http_easy_are_lines(const char *const *lines, size_t n);

#endif
