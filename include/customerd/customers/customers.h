/* customers: the store. Each function is one thing that a client can ask for; all of them may be called by any thread.
 *
 * How it is kept, and why nothing acknowledged is lost or half-done: src/customers/README.md. */
#ifndef CUSTOMERD_CUSTOMERS_CUSTOMERS_H
#define CUSTOMERD_CUSTOMERS_CUSTOMERS_H

#include "customerd/core/config.h"
#include "customerd/core/log.h"
#include "customerd/customers/customer.h"
#include "customerd/memorydb/cluster.h"

#define CUSTOMERS_PAGE_MAX 100
#define CUSTOMERS_PAGE_DEFAULT 20
#define IDEMPOTENCY_KEY_MAX_CHARS 255
#define PRECONDITION_VERSIONS_MAX 16

struct customers;

struct customers_options {
    struct cluster *cluster; /* borrowed */
    const struct clock *clock;
    struct log *log; /* may be NULL */
    struct config_store store;
    int64_t request_timeout_ms; /* how long a begun e-mail change may take before others may roll it back */
};

/* Starts the healer, which checks the database (meta key, eviction policy) and then sweeps and scrubs. */
struct customers *customers_new(const struct customers_options *options, struct error *err);
void customers_destroy(struct customers *c);

/* OK once the database has been checked; NOT_READY with the reason (wrong eviction policy, unknown schema, not yet
 * reached) before. Requests before that fail in the same way. */
enum status customers_ready(struct customers *c, struct error *err);

/* If-Match and If-None-Match, already parsed. Weak tags and foreign strings never match and are left out of versions. */
struct precondition {
    bool given;
    bool any; /* "*" */
    size_t n_versions;
    uint64_t versions[PRECONDITION_VERSIONS_MAX];
};

struct idempotency {
    bool given;
    struct slice caller; /* empty where anybody may call */
    struct slice method;
    struct slice path;
    struct slice key;
};

struct write_options {
    struct precondition if_match;
    struct precondition if_none_match;
    struct idempotency idempotency;
    int64_t deadline_ms; /* monotonic */
};

/* What a request came to. Initialise with answer_init, clean up with answer_clean_up, whatever the status. */
struct answer {
    struct uuid id;
    uint64_t version;         /* of the customer in json; on PRECONDITION_FAILED the current one */
    struct buf json;          /* the customer as it is served; empty after delete */
    bool replayed;            /* by an idempotency key */
    struct uuid owner;        /* on EMAIL_TAKEN: the other customer */
    bool owner_known;
};

void answer_init(struct answer *a);
void answer_clean_up(struct answer *a);

enum status customers_create(struct customers *c, const struct customer *in, const struct write_options *options,
                             struct answer *out, struct error *err) MUST_USE;
enum status customers_get(struct customers *c, const struct uuid *id, int64_t deadline_ms, struct answer *out,
                          struct error *err) MUST_USE;
enum status customers_replace(struct customers *c, const struct uuid *id, const struct customer *in,
                              const struct write_options *options, struct answer *out, struct error *err) MUST_USE;
/* f receives the findings when the patched customer would not be valid (INVALID). */
enum status customers_patch(struct customers *c, const struct uuid *id, const struct customer_patch *patch,
                            const struct write_options *options, struct answer *out, struct findings *f,
                            struct error *err) MUST_USE;
enum status customers_delete(struct customers *c, const struct uuid *id, const struct write_options *options,
                             struct answer *out, struct error *err) MUST_USE;

/* A page: the inside of the items array, and the cursor of the next page (empty on the last). */
struct page {
    struct buf items;
    size_t count;
    struct buf next_cursor;
};

void page_init(struct page *p);
void page_clean_up(struct page *p);

/* Newest first. limit is 1 to CUSTOMERS_PAGE_MAX. cursor is empty for the first page. Fails with BAD_CURSOR; UNAVAILABLE
 * rather than a short page. */
enum status customers_list(struct customers *c, size_t limit, struct slice cursor, int64_t deadline_ms, struct page *out,
                           struct error *err) MUST_USE;
/* The customer with this e-mail in any spelling of its normal form: at most one item. email_normal is normalised. */
enum status customers_find_by_email(struct customers *c, struct slice email_normal, int64_t deadline_ms,
                                    struct page *out, struct error *err) MUST_USE;

/* Counters of the healer, since the start. */
struct customers_state {
    bool checked;               /* the boot check passed */
    uint64_t sweeps, scrub_passes;
    uint64_t fenced, released;  /* by the sweeper */
    uint64_t repaired_claims, repaired_index, removed_orphans;
    uint64_t violations;        /* two live customers with one e-mail: never healed, always logged */
};

void customers_state(struct customers *c, struct customers_state *out);
/* Appends what was healed, resolved and walked (core/metrics.h). */
void customers_write_metrics(struct customers *c, struct buf *out);

#endif
