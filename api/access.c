#include "customerd/api/access.h"

#include "customerd/api/route.h"
#include "customerd/auth/authenticator.h"
#include "customerd/core/crypto.h"

#include <inttypes.h>

#define CHALLENGE "Bearer realm=\"customerd\""

void admission_clean_up(struct admission *a)
{
    claims_release(a->claims);
    a->claims = NULL;
}

/* ---- who ---- */

static enum status challenge(struct exchange *x, const char *detail, struct error *err)
{
    response_header_text(&x->response, "WWW-Authenticate", CHALLENGE);
    return error_set(err, STATUS_UNAUTHORIZED, "%s", detail);
}

/* "Bearer", blanks, the token. Of another scheme the token is not looked at. */
static bool take_bearer(struct slice value, struct slice *token)
{
    value = headers_trim(value);
    if (value.len < 7 || strncasecmp(value.ptr, "Bearer ", 7) != 0)
        return false;
    *token = headers_trim(slice_from(value, 7));
    return true;
}

static enum status identify(struct exchange *x, struct error *err)
{
    struct slice value;
    struct slice token;
    size_t n = headers_get(&x->request.headers, "Authorization", &value);
    if (x->admission.claims != NULL)
        return STATUS_OK;
    if (n > 1) {
        response_header_text(&x->response, "WWW-Authenticate", CHALLENGE ", error=\"invalid_request\"");
        return error_set(err, STATUS_BAD_REQUEST, "Authorization stands there more than once");
    }
    if (n == 0 || !take_bearer(value, &token))
        return challenge(x, "A bearer token is needed", err);
    enum status status =
        authenticator_check(x->app->authenticator, token, x->request.deadline_ms, &x->admission.claims, err);
    if (status == STATUS_UNAUTHORIZED)
        response_header_text(&x->response, "WWW-Authenticate", CHALLENGE ", error=\"invalid_token\"");
    return status;
}

/* ---- how often ---- */

/* Callers are told apart by their name; where they have none, by their address. */
static bool key_of(const struct exchange *x, uint8_t key[RATE_KEY_BYTES])
{
    uint8_t digest[SHA256_BYTES];
    if (x->admission.named) {
        memcpy(key, x->admission.key, RATE_KEY_BYTES);
        return true;
    }
    if (x->admission.claims == NULL) {
        memcpy(key, x->request.peer, RATE_KEY_BYTES);
        return true;
    }
    if (!sha256(claims_subject(x->admission.claims), digest))
        return false;
    memcpy(key, digest, RATE_KEY_BYTES);
    return true;
}

static enum status take_turn(struct exchange *x, struct error *err)
{
    uint8_t key[RATE_KEY_BYTES];
    struct rate_state *rate = &x->admission.rate;
    if (!x->public || x->app->rate_limiter == NULL)
        return STATUS_OK;
    if (!rate->known) {
        if (!key_of(x, key))
            return error_set(err, STATUS_INTERNAL, "Hashing failed");
        *rate = rate_limiter_take(x->app->rate_limiter, key, clock_monotonic_ms(x->app->clock));
    }
    if (rate->allowed)
        return STATUS_OK;
    return error_set_retry(err, STATUS_RATE_LIMITED, (int)rate->retry_after_s,
                           "More than %" PRId64 " requests a second, or %" PRId64 " at once",
                           rate_limiter_limit(x->app->rate_limiter).per_s,
                           rate_limiter_limit(x->app->rate_limiter).burst);
}

void access_add_headers(struct exchange *x)
{
    const struct rate_state *rate = &x->admission.rate;
    if (!rate->known)
        return;
    struct rate_limit limit = rate_limiter_limit(x->app->rate_limiter);
    response_header(&x->response, "RateLimit-Policy", "\"default\";q=%" PRId64 ";w=%" PRId64, limit.burst,
                    (limit.burst + limit.per_s - 1) / limit.per_s);
    response_header(&x->response, "RateLimit", "\"default\";r=%" PRId64 ";t=%" PRId64, rate->remaining, rate->full_s);
}

/* ---- whether ---- */

bool access_allows(const struct exchange *x, const char *scope)
{
    return x->app->authenticator == NULL || (x->admission.claims != NULL && claims_allow(x->admission.claims, scope));
}

static enum status check_scope(struct exchange *x, const char *scope, struct error *err)
{
    if (access_allows(x, scope))
        return STATUS_OK;
    response_header(&x->response, "WWW-Authenticate", CHALLENGE ", error=\"insufficient_scope\", scope=\"%s\"", scope);
    return error_set(err, STATUS_FORBIDDEN, "This needs the scope %s", scope);
}

enum status access_admit(struct exchange *x, struct error *err)
{
    const char *scope = x->match.route->scope;
    if (x->admission.done)
        return STATUS_OK;
    enum status status = STATUS_OK;
    if (x->match.route->admit != NULL)
        status = x->match.route->admit(x, err);
    else if (scope != NULL && x->app->authenticator != NULL)
        status = identify(x, err);
    if (status == STATUS_OK)
        status = take_turn(x, err);
    if (status == STATUS_OK && scope != NULL)
        status = check_scope(x, scope, err);
    x->admission.done = status == STATUS_OK;
    return status;
}
