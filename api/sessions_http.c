#include "customerd/api/sessions_http.h"

#include "customerd/api/preconditions.h"
#include "customerd/core/crypto.h"

#include <inttypes.h>
#include <stdio.h>

#define CHALLENGE "Session realm=\"customerd\""
#define SCHEME "Session "

/* ---- where pages come from ---- */

static bool is_loopback_name(struct slice host)
{
    return slice_starts_with(host, "127.") || slice_starts_with(host, "[::1]") || slice_is(host, "localhost") ||
           slice_starts_with(host, "localhost:");
}

/* Cookies are Secure, so a page that may have one came by https, or is on this machine. */
static bool is_own_origin(const struct headers *h, struct slice origin)
{
    struct slice host;
    if (headers_get(h, "Host", &host) != 1)
        return false;
    struct slice rest = slice_starts_with(origin, "https://")  ? slice_from(origin, 8)
                        : slice_starts_with(origin, "http://") ? slice_from(origin, 7)
                                                               : slice_of("", 0);
    if (slice_starts_with(origin, "http://") && !is_loopback_name(rest))
        return false;
    return rest.len > 0 && rest.len == host.len && strncasecmp(rest.ptr, host.ptr, rest.len) == 0;
}

/* Browsers send Origin with all but GET and HEAD, and Sec-Fetch-Site with everything; a page on another host of the same
 * site sends the cookie too, whatever SameSite says. What has neither is no page's request, and has to use Authorization if
 * it would change anything. */
static enum status check_origin(const struct exchange *x, struct error *err)
{
    const struct headers *h = &x->request.headers;
    struct slice origin;
    struct slice site;
    size_t origins = headers_get(h, "Origin", &origin);
    size_t sites = headers_get(h, "Sec-Fetch-Site", &site);
    bool safe = slice_is(x->request.method, "GET") || slice_is(x->request.method, "HEAD");
    bool own = origins <= 1 && sites <= 1 && (origins == 0 || is_own_origin(h, origin)) &&
               (sites == 0 || slice_is(site, "same-origin") || (safe && slice_is(site, "none")));
    if (own && (safe || origins + sites > 0))
        return STATUS_OK;
    return error_set(err, STATUS_FOREIGN_ORIGIN,
                     "The session's cookie is taken from pages of this origin only; send the token in Authorization");
}

/* ---- reading ---- */

static enum status challenge(struct exchange *x, struct error *err)
{
    response_header(&x->response, "WWW-Authenticate", "%s", CHALLENGE);
    return error_set(err, STATUS_UNAUTHORIZED, "A session's token is needed");
}

static enum status twice(struct error *err)
{
    return error_set(err, STATUS_BAD_REQUEST, "A session's token stands there more than once");
}

/* How often the cookie stands in the fields; *value gets the first. */
static size_t find_cookie(const struct headers *h, struct slice *value)
{
    size_t found = 0;
    for (size_t i = 0; i < h->n; i++) {
        struct slice rest = h->items[i].value;
        if (!slice_is_nocase(h->items[i].name, "Cookie"))
            continue;
        while (rest.len > 0) {
            struct slice pair = headers_trim(slice_take(&rest, ';'));
            if (!slice_starts_with(pair, SESSION_COOKIE "="))
                continue;
            if (found++ == 0)
                *value = slice_from(pair, sizeof SESSION_COOKIE);
        }
    }
    return found;
}

static enum status read_token(struct exchange *x, struct session_token *out, bool *by_cookie, struct error *err)
{
    const struct headers *h = &x->request.headers;
    struct slice value;
    size_t n = headers_get(h, "Authorization", &value);
    size_t scheme_len = sizeof SCHEME - 1;
    if (n > 1)
        return twice(err);
    value = headers_trim(value);
    *by_cookie = n == 0 || value.len < scheme_len || strncasecmp(value.ptr, SCHEME, scheme_len) != 0;
    if (!*by_cookie)
        return session_token_parse(headers_trim(slice_from(value, scheme_len)), out) ? STATUS_OK : challenge(x, err);
    n = find_cookie(h, &value);
    if (n > 1)
        return twice(err);
    enum status status = n == 0 ? challenge(x, err) : check_origin(x, err);
    if (status == STATUS_OK && !session_token_parse(value, out))
        status = challenge(x, err);
    return status;
}

/* In admission.found. */
enum { FOUND_BUCKET, FOUND_BY_COOKIE };

void sessions_http_sender(const struct exchange *x, struct session_name *name, bool *by_cookie)
{
    name->bucket = x->admission.found[FOUND_BUCKET];
    memcpy(name->hash, x->admission.key, sizeof name->hash);
    *by_cookie = x->admission.found[FOUND_BY_COOKIE] != 0;
}

enum status sessions_http_admit(struct exchange *x, struct error *err)
{
    struct session_token token;
    struct session_name name;
    bool by_cookie = false;
    _Static_assert(SESSION_HASH_BYTES == RATE_KEY_BYTES, "a hash is a key");
    enum status status = read_token(x, &token, &by_cookie, err);
    if (status == STATUS_OK && !session_token_name(&token, &name))
        status = error_set(err, STATUS_INTERNAL, "Hashing failed");
    if (status == STATUS_OK) {
        memcpy(x->admission.key, name.hash, sizeof name.hash);
        x->admission.found[FOUND_BUCKET] = name.bucket;
        x->admission.found[FOUND_BY_COOKIE] = by_cookie;
        x->admission.named = true;
    }
    crypto_wipe(&token, sizeof token);
    return status;
}

/* ---- writing ---- */

void sessions_http_set_cookie(struct response *out, const struct session_token *token, int64_t max_age_ms)
{
    char text[SESSION_TOKEN_SIZE] = "";
    if (token != NULL)
        session_token_format(token, text);
    response_header(out, "Set-Cookie", SESSION_COOKIE "=%s; Path=/; Max-Age=%" PRId64 "; Secure; HttpOnly; SameSite=Strict",
                    text, token == NULL || max_age_ms < 0 ? 0 : (max_age_ms + 999) / 1000);
    crypto_wipe(text, sizeof text);
}

enum status sessions_http_precondition(const struct request *r, const char *field, bool weak,
                                       char out[PRECONDITION_LIST_SIZE], struct error *err)
{
    struct slice value;
    struct precondition list = { .given = false };
    size_t n = headers_get(&r->headers, field, &value);
    out[0] = '\0';
    if (n > 1)
        return error_set(err, STATUS_BAD_REQUEST, "%s stands there more than once", field);
    enum status status = n == 0 ? STATUS_OK
                                : precondition_parse(field, value, weak ? TAGS_WEAK : TAGS_STRONG, &list, err);
    if (status != STATUS_OK || !list.given)
        return status;
    size_t used = (size_t)snprintf(out, PRECONDITION_LIST_SIZE, "%s", list.any ? "*" : ",");
    for (size_t i = 0; !list.any && i < list.n_versions; i++)
        used += (size_t)snprintf(out + used, PRECONDITION_LIST_SIZE - used, "%" PRIu64 ",", list.versions[i]);
    return STATUS_OK;
}
