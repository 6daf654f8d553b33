#include "jwt.h"

#include "customerd/core/crypto.h"
#include "customerd/core/json_memory.h"

#include <jansson.h>
#include <math.h>

static const char *const alg_names[JWT_ALGS] = {
    [JWT_RS256] = "RS256", [JWT_PS256] = "PS256", [JWT_ES256] = "ES256", [JWT_EDDSA] = "EdDSA"
};

/* Whoever signs can't mean a time beyond this; a double holds it exactly. */
#define TIME_MAX_S 9007199254740991.0

const char *jwt_alg_name(enum jwt_alg alg)
{
    return alg_names[alg];
}

/* ---- parts ---- */

struct parts {
    struct slice header;
    struct slice claims;
    struct slice signature;
};

static bool take_part(struct slice *rest, struct slice *out)
{
    const char *dot = memchr(rest->ptr, '.', rest->len);
    if (dot == NULL)
        return false;
    *out = slice_of(rest->ptr, (size_t)(dot - rest->ptr));
    *rest = slice_from(*rest, out->len + 1);
    return out->len > 0;
}

static bool split(struct slice token, struct parts *out)
{
    if (token.len == 0 || token.len > JWT_MAX_BYTES || !take_part(&token, &out->header) ||
        !take_part(&token, &out->claims))
        return false;
    out->signature = token;
    return token.len > 0 && memchr(token.ptr, '.', token.len) == NULL;
}

/* NULL unless it is base64url of one JSON object, whose members stand there once each. jansson would skip a NUL behind a
 * number. */
static json_t *decode_object(struct slice part)
{
    uint8_t text[JWT_MAX_BYTES];
    json_error_t why;
    int len = base64url_decode(part, text, sizeof text);
    if (len <= 0 || memchr(text, '\0', (size_t)len) != NULL)
        return NULL;
    json_t *object = json_memory_load((const char *)text, (size_t)len, JSON_REJECT_DUPLICATES, &why);
    if (json_is_object(object))
        return object;
    json_decref(object);
    return NULL;
}

static struct slice text_of(const json_t *value)
{
    return json_is_string(value) ? slice_of(json_string_value(value), json_string_length(value)) : slice_of("", 0);
}

/* A text of 1 to size - 1 bytes, without control characters. */
static bool copy_text(const json_t *value, char *out, size_t size)
{
    struct slice text = text_of(value);
    if (text.len == 0 || text.len >= size)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
            return false;
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return true;
}

/* ---- header ---- */

static bool read_alg(const json_t *value, enum jwt_alg *out)
{
    struct slice name = text_of(value);
    for (int alg = 0; alg < JWT_ALGS; alg++) {
        if (!slice_is(name, alg_names[alg]))
            continue;
        *out = (enum jwt_alg)alg;
        return true;
    }
    return false;
}

/* RFC 7515 section 4.1.9 and RFC 9068 section 2.1: "application/" may be left out, case does not count. */
static bool is_access_token(const json_t *typ)
{
    static const char *const types[] = { "JWT", "at+jwt", "application/jwt", "application/at+jwt" };
    if (typ == NULL)
        return true;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (slice_is_nocase(text_of(typ), types[i]))
            return true;
    return false;
}

static bool is_plain(const json_t *header)
{
    static const char *const special[] = { "crit", "b64", "zip" };
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (json_object_get(header, special[i]) != NULL)
            return false;
    return true;
}

static bool is_base64url(struct slice part)
{
    uint8_t ignored[JWT_MAX_BYTES];
    return base64url_decode(part, ignored, sizeof ignored) > 0;
}

bool jwt_read_header(struct slice token, struct jwt_header *out)
{
    struct parts parts;
    if (!split(token, &parts) || !is_base64url(parts.signature))
        return false;
    json_t *header = decode_object(parts.header);
    bool ok = header != NULL && is_plain(header) && is_access_token(json_object_get(header, "typ")) &&
              read_alg(json_object_get(header, "alg"), &out->alg) &&
              copy_text(json_object_get(header, "kid"), out->kid, sizeof out->kid);
    json_decref(header);
    return ok;
}

/* ---- claims ---- */

void jwt_claims_init(struct jwt_claims *c)
{
    *c = (struct jwt_claims){ .expires_s = 0 };
    buf_init(&c->scopes, 2 * JWT_MAX_BYTES);
}

void jwt_claims_clean_up(struct jwt_claims *c)
{
    buf_clean_up(&c->scopes);
}

/* RFC 7519 section 2, NumericDate; it may have a fraction. */
static bool read_time(const json_t *value, double *out)
{
    if (!json_is_number(value))
        return false;
    *out = json_number_value(value);
    return isfinite(*out) && *out >= 0 && *out <= TIME_MAX_S;
}

static bool is_in_time(const json_t *claims, const struct jwt_expectation *expected, int64_t *expires_s)
{
    const json_t *nbf = json_object_get(claims, "nbf");
    const json_t *iat = json_object_get(claims, "iat");
    double now = (double)expected->now_s;
    double leeway = (double)expected->leeway_s;
    double at;
    if (nbf != NULL && (!read_time(nbf, &at) || at > now + leeway))
        return false;
    if (iat != NULL && (!read_time(iat, &at) || at > now + leeway))
        return false;
    if (!read_time(json_object_get(claims, "exp"), &at) || at + leeway <= now)
        return false;
    *expires_s = (int64_t)at;
    return true;
}

static bool is_for(const json_t *aud, const char *audience)
{
    size_t i;
    const json_t *value;
    if (json_is_string(aud))
        return slice_is(text_of(aud), audience);
    json_array_foreach(aud, i, value)
        if (json_is_string(value) && slice_is(text_of(value), audience))
            return true;
    return false;
}

/* A blank before each, and one at the end. */
static void append_scopes(struct slice text, struct buf *out)
{
    while (text.len > 0) {
        struct slice one = slice_take(&text, ' ');
        if (one.len == 0)
            continue;
        buf_append_byte(out, ' ');
        buf_append(out, one);
    }
}

static bool read_scopes(const json_t *claims, struct buf *out)
{
    static const char *const names[] = { "scope", "scp" };
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        const json_t *scope = json_object_get(claims, names[n]);
        size_t i;
        const json_t *value;
        append_scopes(text_of(scope), out);
        json_array_foreach(scope, i, value)
            append_scopes(text_of(value), out);
    }
    buf_append_byte(out, ' ');
    return buf_ok(out);
}

bool jwt_read_claims(struct slice token, const struct jwt_expectation *expected, struct jwt_claims *out)
{
    struct parts parts;
    if (!split(token, &parts))
        return false;
    json_t *claims = decode_object(parts.claims);
    bool ok = claims != NULL && slice_is(text_of(json_object_get(claims, "iss")), expected->issuer) &&
              is_for(json_object_get(claims, "aud"), expected->audience) &&
              is_in_time(claims, expected, &out->expires_s) &&
              copy_text(json_object_get(claims, "sub"), out->subject, sizeof out->subject) &&
              read_scopes(claims, &out->scopes);
    json_decref(claims);
    return ok;
}
