/* access: who calls, whether they may, and how often. */
#ifndef CUSTOMERD_API_ACCESS_H
#define CUSTOMERD_API_ACCESS_H

#include "customerd/api/rate_limiter.h"
#include "customerd/core/status.h"

struct claims;
struct exchange;

#define ADMISSION_FOUND_MAX 2

struct admission {
    bool done;
    struct claims *claims;  /* NULL when anybody may call, or nobody was asked */
    bool named;             /* key says who calls, for the rate; else claims, or the address */
    uint8_t key[RATE_KEY_BYTES];
    uint8_t found[ADMISSION_FOUND_MAX]; /* what the route's own admit found out beside it, for the handler */
    struct rate_state rate;
};

void admission_clean_up(struct admission *a);

/* For an exchange whose route is known: reads the bearer token (RFC 6750 section 2.1), or asks the route's own admit, takes a request from the caller's
 * bucket, and checks the route's scope. Fails with UNAUTHORIZED, FORBIDDEN (both with WWW-Authenticate), AUTH_UNAVAILABLE,
 * RATE_LIMITED, or BAD_REQUEST where the token stands twice. What was found out before, by an earlier call for the same
 * request, is not asked again. */
enum status access_admit(struct exchange *x, struct error *err) MUST_USE;

/* Whether the caller has the scope; everybody has where no tokens are needed. */
bool access_allows(const struct exchange *x, const char *scope);

/* RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-11), when there is a limit. */
void access_add_headers(struct exchange *x);

#endif
