/* credentials_refresher: a thread that keeps credentials fresh, and at hand what is made of them.
 *
 * It keeps a snapshot {product, valid until} and replaces it well before the earlier of the product's end and the
 * credentials' own. A failed refresh keeps the last good one, retries with exponential backoff and full jitter, is
 * counted and logged, and never blocks a caller. What is made of them: an IAM token (iam_refresher.h), or a copy (s3.h). */
#ifndef CUSTOMERD_AWS_CREDENTIALS_REFRESHER_H
#define CUSTOMERD_AWS_CREDENTIALS_REFRESHER_H

#include "customerd/aws/credentials.h"
#include "customerd/core/log.h"

struct credentials_refresher;

/* From when until when a product is good; realtime. It never outlives its credentials, whatever is said here. */
struct credentials_life {
    int64_t made_ms;
    int64_t valid_until_ms; /* or CREDENTIALS_NEVER_EXPIRE */
};

/* All texts are literals. */
struct credentials_product {
    const char *name;            /* in messages: "IAM token" */
    const char *refreshed_event; /* in the log */
    const char *failed_event;
    const char *refreshes_metric;
    const char *refreshes_help;
    const char *failures_metric;
    const char *failures_help;
    /* In the refresher's thread: the product, which `destroy` ends, or NULL and err. */
    void *(*make)(void *ctx, const struct credentials *credentials, int64_t now_ms, struct credentials_life *life,
                  struct error *err);
    void (*destroy)(void *product); /* wipes it; accepts NULL */
};

struct credentials_refresher_options {
    const struct credentials_product *product; /* must outlive the refresher */
    void *make_ctx;
    const struct credentials_env *env; /* NULL: the system's; its `cancelled` is not looked at. What it points to, and
                                        * the log, must outlive the refresher */
    struct log *log;                   /* may be NULL */
    void (*renewed)(void *ctx);        /* a new product is there; in the refresher's thread, must not block; may be NULL */
    void *renewed_ctx;
};

/* Starts the thread; the first product is made by it, not by the caller. NULL (and err) when it can't start. */
struct credentials_refresher *credentials_refresher_new(const struct credentials_refresher_options *options,
                                                        struct error *err);
/* Stops and joins, cancelling a credential request or process that is under way: within about two seconds even when an
 * endpoint hangs. Nobody may use r any more. Accepts NULL. */
void credentials_refresher_destroy(struct credentials_refresher *r);

/* copy(to, the newest product), with a lock held; it answers false when memory is out. Fails (UNAVAILABLE, with the last
 * refresh's reason) when there is none yet or the last one has expired. Any thread; never waits for the network. */
enum status credentials_refresher_read(struct credentials_refresher *r, bool (*copy)(void *to, const void *product),
                                       void *to, struct error *err) MUST_USE;
/* How many refreshes have come to their end, well or not. */
uint64_t credentials_refresher_rounds(struct credentials_refresher *r);
/* Waits on core/monitor until there are more rounds than that, or until_ms (the system's monotonic clock). */
void credentials_refresher_wait(struct credentials_refresher *r, uint64_t rounds, int64_t until_ms);
/* Tells that a server refused the newest product: the thread fetches credentials anew, at once but at most once a second.
 * Any thread; does not wait. */
void credentials_refresher_refused(struct credentials_refresher *r);

struct credentials_refresher_state {
    int64_t made_ms;               /* realtime; 0 when there is no product */
    int64_t valid_until_ms;        /* realtime, or CREDENTIALS_NEVER_EXPIRE */
    int64_t credentials_expire_ms; /* realtime, or CREDENTIALS_NEVER_EXPIRE */
    const char *source;            /* the provider's name or "" */
    uint64_t refreshes;
    uint64_t failures;
    char last_failure[160];        /* "" when the last refresh went well */
};

void credentials_refresher_state(struct credentials_refresher *r, struct credentials_refresher_state *out);
/* Appends how often which source was asked, and how often that failed (core/metrics.h). */
void credentials_refresher_write_metrics(const struct credentials_refresher *r, struct buf *out);

#endif
