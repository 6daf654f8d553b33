#include "customerd/auth/authenticator.h"

#include "claims.h"
#include "key_source.h"
#include "signature.h"
#include "token_cache.h"

#include <stdlib.h>

#include "customerd/core/metrics.h"

#define LEEWAY_S 30

enum verdict { TOKEN_CACHED, TOKEN_VERIFIED, TOKEN_REFUSED };

static const char *const verdict_labels[] = { [TOKEN_CACHED] = "result=\"cached\"",
                                              [TOKEN_VERIFIED] = "result=\"verified\"",
                                              [TOKEN_REFUSED] = "result=\"refused\"" };

struct authenticator {
    struct authenticator_options options;
    struct key_source *keys;
    struct token_cache *cache;
    struct metrics_family *tokens;
};

static bool make_parts(struct authenticator *a)
{
    const struct metrics_options tokens = { .name = "customerd_auth_tokens_total",
                                            .help = "Tokens that came, by what became of them.",
                                            .dimensions = { { verdict_labels, 3 } },
                                            .n_dimensions = 1,
                                            .from_start = true };
    a->tokens = metrics_family_new(&tokens);
    a->cache = token_cache_new();
    return a->tokens != NULL && a->cache != NULL;
}

struct authenticator *authenticator_new(const struct authenticator_options *options, struct error *err)
{
    struct authenticator *a = calloc(1, sizeof *a);
    if (a == NULL || !signature_global_init()) {
        free(a);
        (void)error_set(err, STATUS_INTERNAL, "out of memory");
        return NULL;
    }
    a->options = *options;
    const struct key_source_options source = {
        .from = options->jwks,
        .ca_file = options->ca_file,
        .http = options->http == NULL ? http_client_curl() : options->http,
        .clock = options->clock,
        .log = options->log,
    };
    if (!make_parts(a))
        (void)error_set(err, STATUS_INTERNAL, "out of memory");
    else
        a->keys = key_source_new(&source, err);
    if (a->keys != NULL)
        return a;
    authenticator_destroy(a);
    return NULL;
}

void authenticator_destroy(struct authenticator *a)
{
    if (a == NULL)
        return;
    key_source_destroy(a->keys);
    token_cache_destroy(a->cache);
    metrics_family_destroy(a->tokens);
    free(a);
    signature_global_clean_up();
}

/* ---- one token ---- */

/* Why is the operator's to know: it may name hosts. */
static enum status no_keys(struct error *err)
{
    return error_set_retry(err, STATUS_AUTH_UNAVAILABLE, 2, "the keys that tokens are verified with can't be had");
}

/* The caller is not told which check failed; neither is the log, which anybody could fill. */
static enum status refuse(struct authenticator *a, struct error *err)
{
    metrics_count(a->tokens, (const size_t[]){ TOKEN_REFUSED }, 1);
    return error_set(err, STATUS_UNAUTHORIZED, "the token is not valid");
}

/* The request needs time for its own work, too. */
static int64_t half_way(const struct authenticator *a, int64_t deadline_ms)
{
    int64_t now_ms = clock_monotonic_ms(a->options.clock);
    return now_ms + (deadline_ms - now_ms) / 2;
}

/* The key, in a set that the caller releases. A key that is missed may be a new one; while its source fails, nobody knows. */
static enum status find_key(struct authenticator *a, const struct jwt_header *header, int64_t deadline_ms,
                            struct key_set **set, const char **key, struct error *err)
{
    *set = key_source_get(a->keys);
    *key = *set == NULL ? NULL : key_set_find(*set, header);
    if (*key != NULL)
        return STATUS_OK;
    struct key_set *known = *set;
    bool certain;
    *set = key_source_get_newer(a->keys, known, half_way(a, deadline_ms), &certain);
    key_set_release(known);
    *key = *set == NULL ? NULL : key_set_find(*set, header);
    if (*key != NULL)
        return STATUS_OK;
    struct key_source_state state;
    key_source_state(a->keys, &state);
    return certain && state.n_keys > 0 ? refuse(a, err) : no_keys(err);
}

static bool read_claims(const struct authenticator *a, struct slice token, struct claims **out)
{
    const struct jwt_expectation expected = {
        .issuer = a->options.issuer,
        .audience = a->options.audience,
        .now_s = clock_realtime_ms(a->options.clock) / 1000,
        .leeway_s = LEEWAY_S,
    };
    struct jwt_claims claims;
    jwt_claims_init(&claims);
    *out = jwt_read_claims(token, &expected, &claims) ? claims_new(&claims, LEEWAY_S) : NULL;
    jwt_claims_clean_up(&claims);
    return *out != NULL;
}

static enum status verify(struct authenticator *a, struct slice token, int64_t deadline_ms, struct claims **out,
                          struct error *err)
{
    struct jwt_header header;
    struct key_set *set = NULL;
    const char *key = NULL;
    if (!jwt_read_header(token, &header))
        return refuse(a, err);
    enum status status = find_key(a, &header, deadline_ms, &set, &key, err);
    if (status == STATUS_OK && (!signature_verify(token, header.alg, key) || !read_claims(a, token, out)))
        status = refuse(a, err);
    key_set_release(set);
    return status;
}

enum status authenticator_check(struct authenticator *a, struct slice token, int64_t deadline_ms, struct claims **out,
                                struct error *err)
{
    uint8_t hash[SHA256_BYTES];
    /* Before the keys are looked at: a key withdrawn meanwhile makes the entry useless, and not the other way round. */
    uint64_t generation = key_source_withdrawals(a->keys);
    *out = NULL;
    if (token.len == 0 || token.len > JWT_MAX_BYTES)
        return refuse(a, err);
    if (!sha256(token, hash))
        return error_set(err, STATUS_INTERNAL, "hashing failed");
    *out = token_cache_get(a->cache, hash, generation, clock_realtime_ms(a->options.clock));
    if (*out != NULL) {
        metrics_count(a->tokens, (const size_t[]){ TOKEN_CACHED }, 1);
        return STATUS_OK;
    }
    enum status status = verify(a, token, deadline_ms, out, err);
    if (status != STATUS_OK)
        return status;
    token_cache_put(a->cache, hash, generation, *out);
    metrics_count(a->tokens, (const size_t[]){ TOKEN_VERIFIED }, 1);
    return STATUS_OK;
}

/* ---- about it ---- */

enum status authenticator_ready(struct authenticator *a, struct error *err)
{
    struct key_source_state state;
    key_source_state(a->keys, &state);
    if (state.n_keys > 0)
        return STATUS_OK;
    const char *why = state.last_failure[0] != '\0' ? state.last_failure
                      : state.age_ms >= 0            ? "the issuer has withdrawn all of them"
                                                     : "they are being fetched";
    return error_set_retry(err, STATUS_AUTH_UNAVAILABLE, 2, "there are no keys to verify tokens with: %.180s", why);
}

void authenticator_write_metrics(struct authenticator *a, struct buf *out)
{
    struct key_source_state state;
    key_source_state(a->keys, &state);
    metrics_family_write(a->tokens, out);
    metrics_write_gauge(out, "customerd_auth_keys", "Keys that tokens are verified with.", (int64_t)state.n_keys);
    if (state.age_ms >= 0)
        metrics_write_gauge_ms(out, "customerd_auth_keys_age_seconds", "Time since the keys were last fetched.",
                               state.age_ms);
    metrics_write_counter(out, "customerd_auth_key_refreshes_total", "Fetches of keys that went well.",
                          state.refreshes);
    metrics_write_counter(out, "customerd_auth_key_refresh_failures_total", "Fetches of keys that failed.",
                          state.failures);
}
