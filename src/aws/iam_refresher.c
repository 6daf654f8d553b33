#include "customerd/aws/iam_refresher.h"

#include "customerd/aws/credentials_refresher.h"
#include "customerd/core/metrics.h"
#include "customerd/core/unconst.h"

#include <stdio.h>
#include <stdlib.h>

struct iam_refresher {
    struct credentials_refresher *base;
    const struct clock *clock;
    struct iam_token_options token;
};

static void destroy_token(void *product)
{
    secret_clean_up(product);
    free(product);
}

static void *make_token(void *ctx, const struct credentials *credentials, int64_t now_ms, struct credentials_life *life,
                        struct error *err)
{
    const struct iam_refresher *r = ctx;
    struct secret *token = calloc(1, sizeof *token);
    if (token == NULL) {
        (void)error_set(err, STATUS_INTERNAL, "out of memory");
        return NULL;
    }
    if (iam_token_mint(&r->token, credentials, now_ms / 1000, token, err) != STATUS_OK) {
        destroy_token(token);
        return NULL;
    }
    /* X-Amz-Date has whole seconds: the token's life begins at the second's start. */
    life->made_ms = now_ms / 1000 * 1000;
    life->valid_until_ms = life->made_ms + r->token.ttl_s * 1000;
    return token;
}

static bool copy_token(void *to, const void *product)
{
    return secret_set(to, secret_slice(product));
}

/* ------------------------------------------------------------------------------------------------- lifecycle */

static const char *copy(const char *text)
{
    return strdup(text == NULL ? "" : text);
}

static bool token_options_copy(struct iam_token_options *to, const struct iam_token_options *from)
{
    *to = *from;
    to->service = copy(from->service);
    to->resource = copy(from->resource);
    to->user = copy(from->user);
    to->region = copy(from->region);
    return to->service != NULL && to->resource != NULL && to->user != NULL && to->region != NULL;
}

struct iam_refresher *iam_refresher_new(const struct iam_refresher_options *options, struct error *err)
{
    static const struct credentials_product product = {
        .name = "IAM token",
        .refreshed_event = "iam_token_refreshed",
        .failed_event = "iam_token_refresh_failed",
        .refreshes_metric = "customerd_iam_refreshes_total",
        .refreshes_help = "Tokens made, by the source of their credentials.",
        .failures_metric = "customerd_iam_refresh_failures_total",
        .failures_help = "Refreshes that failed, by the source that was asked.",
        .make = make_token,
        .destroy = destroy_token,
    };
    struct iam_refresher *r = calloc(1, sizeof *r);
    if (r == NULL) {
        (void)error_set(err, STATUS_INTERNAL, "out of memory");
        return NULL;
    }
    const struct credentials_refresher_options base = { .product = &product, .make_ctx = r, .env = options->env,
                                                        .log = options->log, .renewed = options->renewed,
                                                        .renewed_ctx = options->ctx };
    r->clock = (options->env != NULL ? options->env : credentials_env_system())->clock;
    if (!token_options_copy(&r->token, &options->token))
        (void)error_set(err, STATUS_INTERNAL, "out of memory");
    else
        r->base = credentials_refresher_new(&base, err);
    if (r->base != NULL)
        return r;
    iam_refresher_destroy(r);
    return NULL;
}

void iam_refresher_destroy(struct iam_refresher *r)
{
    if (r == NULL)
        return;
    credentials_refresher_destroy(r->base);
    free(unconst(r->token.service));
    free(unconst(r->token.resource));
    free(unconst(r->token.user));
    free(unconst(r->token.region));
    free(r);
}

/* --------------------------------------------------------------------------------------------------- callers */

enum status iam_refresher_token(struct iam_refresher *r, struct secret *out, struct error *err)
{
    return credentials_refresher_read(r->base, copy_token, out, err);
}

void iam_refresher_refused(struct iam_refresher *r)
{
    credentials_refresher_refused(r->base);
}

void iam_refresher_state(struct iam_refresher *r, struct iam_refresher_state *out)
{
    struct credentials_refresher_state state;
    credentials_refresher_state(r->base, &state);
    *out = (struct iam_refresher_state){
        .token_minted_ms = state.made_ms,
        .token_valid_until_ms = state.valid_until_ms,
        .credentials_expire_ms = state.credentials_expire_ms,
        .source = state.source,
        .refreshes = state.refreshes,
        .failures = state.failures,
    };
    snprintf(out->last_failure, sizeof out->last_failure, "%s", state.last_failure);
}

void iam_refresher_write_metrics(struct iam_refresher *r, struct buf *out)
{
    struct credentials_refresher_state state;
    credentials_refresher_state(r->base, &state);
    int64_t now_ms = clock_realtime_ms(r->clock);
    credentials_refresher_write_metrics(r->base, out);
    if (state.made_ms == 0)
        return;
    metrics_write_gauge_ms(out, "customerd_iam_token_age_seconds", "Age of the newest token.", now_ms - state.made_ms);
    metrics_write_gauge_ms(out, "customerd_iam_token_valid_seconds", "Time until the newest token ends; negative when it has.",
                           state.valid_until_ms - now_ms);
    if (state.credentials_expire_ms != CREDENTIALS_NEVER_EXPIRE)
        metrics_write_gauge_ms(out, "customerd_iam_credentials_valid_seconds",
                               "Time until the credentials that signed it end; negative when they have.",
                               state.credentials_expire_ms - now_ms);
}
