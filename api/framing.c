#include "customerd/api/framing.h"

static unsigned is_control(char c)
{
    unsigned char u = (unsigned char)c;
    return ((unsigned)(u < 0x20) & (unsigned)(u != '\t')) | (unsigned)(u == 0x7f);
}

/* A token has hundreds of bytes: blocks of a known length, and no branch in them, let the compiler take one at once. */
static bool has_control_byte(struct slice text)
{
    enum { BLOCK = 16 };
    unsigned found = 0;
    for (; text.len >= BLOCK; text = slice_from(text, BLOCK))
        for (size_t i = 0; i < BLOCK; i++)
            found |= is_control(text.ptr[i]);
    for (size_t i = 0; i < text.len; i++)
        found |= is_control(text.ptr[i]);
    return found != 0;
}

static const char *check_fields(const struct headers *h)
{
    if (h->cut)
        return "A header field holds a control character, or is not ended by CR LF";
    if (h->folded)
        return "A header field is folded over several lines";
    for (size_t i = 0; i < h->n; i++) {
        if (!headers_is_token(h->items[i].name))
            return "A header field's name is not a token";
        if (has_control_byte(h->items[i].value))
            return "A header field holds a control character";
    }
    return NULL;
}

/* RFC 3986 section 3.2, without user information: what may stand in an authority. */
static bool is_host(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alphanumeric && (c == '\0' || strchr("-._~%!$&'()*+,;=:[]", c) == NULL))
            return false;
    }
    return text.len <= 512;
}

static const char *check_host(const struct headers *h, bool http_1_0)
{
    struct slice host;
    size_t n = headers_get(h, "Host", &host);
    if (n > 1)
        return "Host stands there more than once";
    if (n == 0 && !http_1_0)
        return "Host is missing";
    return is_host(headers_trim(host)) ? NULL : "Host is not a host name";
}

static bool is_digits(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return text.len > 0 && text.len <= 19;
}

static const char *check_length(const struct headers *h, bool http_1_0)
{
    struct slice length;
    struct slice coding;
    size_t lengths = headers_get(h, "Content-Length", &length);
    size_t codings = headers_get(h, "Transfer-Encoding", &coding);
    if (lengths > 0 && codings > 0)
        return "Content-Length and Transfer-Encoding exclude each other";
    if (lengths > 1)
        return "Content-Length stands there more than once";
    if (lengths == 1 && !is_digits(length))
        return "Content-Length is not a number";
    if (codings > 1)
        return "Transfer-Encoding stands there more than once";
    if (codings == 1 && http_1_0)
        return "HTTP/1.0 has no Transfer-Encoding";
    if (codings == 1 && !slice_is_nocase(coding, "chunked"))
        return "Transfer-Encoding must be chunked";
    return NULL;
}

const char *framing_check(const struct headers *h, bool http_1_0)
{
    const char *wrong = check_length(h, http_1_0);
    if (wrong == NULL)
        wrong = check_fields(h);
    if (wrong == NULL)
        wrong = check_host(h, http_1_0);
    return wrong;
}

bool framing_length(const struct headers *h, uint64_t *out)
{
    struct slice length;
    *out = 0;
    if (headers_get(h, "Content-Length", &length) == 0)
        return false;
    for (size_t i = 0; i < length.len; i++)
        *out = *out * 10 + (uint64_t)(length.ptr[i] - '0'); /* 19 digits fit */
    return true;
}
