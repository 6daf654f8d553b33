#include "http_easy.h"

#include <sys/socket.h>

#include "peer_address.h"

struct text_option {
    CURLoption option;
    const char *value;
};

bool http_easy_set_longs(CURL *easy, const struct http_easy_long *options, size_t n)
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

static bool set_ca_file(CURL *easy, const char *ca_file)
{
    return ca_file == NULL || ca_file[0] == '\0' || curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file) == CURLE_OK;
}

bool http_easy_set_safety(CURL *easy, const char *ca_file)
{
    static const struct http_easy_long longs[] = {
        { CURLOPT_NOSIGNAL, 1L },
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
    return http_easy_set_longs(easy, longs, sizeof longs / sizeof *longs) &&
           set_texts(easy, texts, sizeof texts / sizeof *texts) && set_ca_file(easy, ca_file);
}

static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *peer)
{
    struct http_easy_guard *guard = ctx;
    (void)purpose;
    if (guard->plain && !peer_address_allows_plain_http(&peer->addr)) {
        guard->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(peer->family, peer->socktype | SOCK_CLOEXEC, peer->protocol);
}

bool http_easy_set_url(CURL *easy, const char *url, struct http_easy_guard *guard)
{
    guard->plain = strncasecmp(url, "https://", 8) != 0;
    guard->refused = false;
    return curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, guard) == CURLE_OK;
}

bool http_easy_set_body(CURL *easy, const char *method, struct slice body)
{
    /* POSTFIELDS for PUT too, since it sends from memory; the length comes first, so that NULs may be inside. */
    const char *bytes = body.len == 0 ? "" : body.ptr;
    return curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDS, bytes) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK;
}

static bool add_line(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer != NULL)
        *list = longer;
    return longer != NULL;
}

bool http_easy_are_lines(const char *const *lines, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strpbrk(lines[i], "\r\n") != NULL)
            return false;
    }
    return true;
}

/* An empty "Name:" takes away what libcurl would add by itself: waiting for 100 Continue, and a form's type. */
bool http_easy_set_headers(CURL *easy, const char *const *lines, size_t n, struct curl_slist **list)
{
    bool typed = false;
    if (!http_easy_are_lines(lines, n))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!add_line(list, lines[i]))
            return false;
        typed = typed || strncasecmp(lines[i], "Content-Type:", 13) == 0;
    }
    return add_line(list, "Expect:") && (typed || add_line(list, "Content-Type:")) &&
           curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *list) == CURLE_OK;
}

void http_easy_free_headers(struct curl_slist *list)
{
    for (struct curl_slist *at = list; at != NULL; at = at->next)
        explicit_bzero(at->data, strlen(at->data));
    curl_slist_free_all(list);
}
