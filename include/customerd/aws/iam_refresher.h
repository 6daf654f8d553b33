/* iam_refresher: a thread that keeps a valid IAM token at hand.
 *
 * It keeps a snapshot {credentials, token, valid until} and replaces it well before the earlier of the token's expiry
 * and the credentials' own. A failed refresh keeps the last good one, retries with exponential backoff and full
 * jitter, is counted and logged, and never blocks a caller. */
#ifndef CUSTOMERD_AWS_IAM_REFRESHER_H
#define CUSTOMERD_AWS_IAM_REFRESHER_H

#include "customerd/aws/iam_token.h"
#include "customerd/core/log.h"

struct iam_refresher;

struct iam_refresher_options {
    struct iam_token_options token; /* strings are copied */
    const struct credentials_env *env; /* NULL: the system's; its `cancelled` is not looked at. What it points to, and
                                        * the log, must outlive the refresher */
    struct log *log;                   /* may be NULL */
    void (*renewed)(void *ctx);        /* a new token is there; in the refresher's thread, must not block; may be NULL */
    void *ctx;
};

/* Starts the thread; the first token is fetched by it, not by the caller. NULL (and err) when it can't start. */
struct iam_refresher *iam_refresher_new(const struct iam_refresher_options *options, struct error *err);
/* Stops and joins, cancelling a credential request or process that is under way: within about two seconds even when an
 * endpoint hangs. Nobody may use r any more. Accepts NULL. */
void iam_refresher_destroy(struct iam_refresher *r);

/* The newest token, copied into out, which the caller cleans up. Fails (UNAVAILABLE, with the last refresh's reason)
 * when there is none yet or the last one has expired. Any thread; never waits for the network. */
enum status iam_refresher_token(struct iam_refresher *r, struct secret *out, struct error *err) MUST_USE;

/* Tells that a server refused the newest token: the thread fetches credentials anew and mints, at once but at most
 * once a second. Any thread; does not wait. */
void iam_refresher_refused(struct iam_refresher *r);

struct iam_refresher_state {
    int64_t token_minted_ms;       /* realtime; 0 when there is none */
    int64_t token_valid_until_ms;  /* realtime */
    int64_t credentials_expire_ms; /* realtime, or CREDENTIALS_NEVER_EXPIRE */
    const char *source;            /* the provider's name or "" */
    uint64_t refreshes;
    uint64_t failures;
    char last_failure[160];        /* "" when the last refresh went well */
};

/* Appends the token's age and life, and how often which source was asked (core/metrics.h). */
void iam_refresher_write_metrics(struct iam_refresher *r, struct buf *out);

void iam_refresher_state(struct iam_refresher *r, struct iam_refresher_state *out);

#endif
