/* store: what the parts of the store share: its state, and running one script in one bucket.
 *
 * Only files of src/customers include this header; everybody else sees customers.h. */
#ifndef CUSTOMERD_CUSTOMERS_STORE_H
#define CUSTOMERD_CUSTOMERS_STORE_H

#include <stdatomic.h>

#include "customerd/core/crypto.h"
#include "customerd/core/metrics.h"
#include "customerd/customers/customers.h"
#include "customerd/memorydb/args.h"
#include "keys.h"
#include "record.h"
#include "scripts.h"

struct healer;

/* Made from the meta key's salt at boot; constant once `checked` is set. */
struct store_secrets {
    uint8_t email_key[SHA256_BYTES];     /* e-mail hashes */
    uint8_t operation_key[SHA256_BYTES]; /* operation ids of Idempotency-Keys */
    uint8_t cursor_key[SHA256_BYTES];
};

#define SALT_BYTES 32
#define EPOCH_MAX UINT16_MAX
#define PASS_SIZE 32 /* "epoch-", 16 hexadecimal digits, NUL */

/* What the database was found to be at: under it this replica's steps are let in. A restore makes a new one; the old ones
 * are kept until the end, since other threads may still look at them. */
struct admission {
    uint64_t first_claim_number; /* of the epoch: epoch * 2^32 + 1 */
    char pass[PASS_SIZE];        /* what the fences hold; "" before the first restore */
    struct admission *older;
};

/* Counted where it happens; what the healer counts is in customers_state. */
struct store_counts {
    struct metrics_family *claims_resolved; /* by enum resolution */
    struct metrics_family *walks;           /* by enum walk_step */
};

enum walk_step { WALK_STARTED, WALK_CONTINUED, WALK_FINISHED };

struct customers {
    struct customers_options options;
    struct store_counts counts;
    struct store_secrets secrets;
    bool salted; /* secrets are there; the thread that checks the database alone looks at it */
    _Atomic(struct admission *) admission;
    atomic_bool checked;
    struct healer *healer;
};

/* A store without a healer, not admitted yet. */
struct customers *customers_new_unhealed(const struct customers_options *options, struct error *err);

/* ---- arguments of a script that writes ---- */

/* Begins with the keys, which are borrowed, and the bucket's fence as the last of them. The pass will be the last argument:
 * the latest when the script is sent, unless args_first_number has chosen. */
void args_init_writing(struct args *a, const struct key *keys, size_t n_keys);
/* The first claim number of the epoch; the script is let in under this epoch's pass and no other. */
void args_first_number(struct args *a, const struct customers *c);

/* ---- replies ---- */

/* The first element of a script's reply. */
enum word {
    WORD_DONE, WORD_REPLAY, WORD_MISMATCH, WORD_MISSING, WORD_PRECONDITION, WORD_CONFLICT, WORD_EXISTS, WORD_TAKEN,
    WORD_EMAIL, WORD_SAME, WORD_BUSY, WORD_RUNNING, WORD_BEGUN, WORD_FENCED, WORD_CLAIMED, WORD_STALE, WORD_ABORTED,
    WORD_GONE, WORD_LIVE, WORD_RELEASED, WORD_OPENED, WORD_ADDED, WORD_REMOVED, WORD_RIGHT, WORD_CLOSED, WORD_COUNT
};

/* Runs a script in a bucket. NOT_READY, and nothing was applied, when it is not let in. On OK *call holds the reply (an array whose first element is *word), to be released by the
 * caller. A reply that no script gives is RECORD_DAMAGED. */
enum status store_script(struct customers *c, const struct script *script, uint8_t bucket, const struct args *args,
                         int64_t deadline_ms, struct call **call, enum word *word, struct error *err) MUST_USE;
/* A plain command in a bucket, not yet run. NULL when out of memory. */
struct call *store_command(enum call_lane lane, uint8_t bucket, const struct slice *words, size_t n);
/* Runs calls that were just made, at once; fails with INTERNAL, and none has run, when one of them is NULL. Each call's
 * own end is call_status (never OK for one that did not run). */
enum status store_run(struct customers *c, struct call *const *calls, size_t n, int64_t deadline_ms,
                      struct error *err) MUST_USE;
/* Runs one call that was just made, and takes it: on OK *out is it, with its reply, else NULL. */
enum status store_run_take(struct customers *c, struct call *call, int64_t deadline_ms, struct call **out,
                           struct error *err) MUST_USE;
/* Runs a plain command that reads. On OK *call holds the reply. */
enum status store_read(struct customers *c, uint8_t bucket, const struct slice *words, size_t n, int64_t deadline_ms,
                       struct call **call, struct error *err) MUST_USE;

/* A record, the e-mail change that is pending for it and a marker, all of one instant; they borrow from call. */
struct inspection {
    bool has_record, has_intent, has_marker;
    struct record record;
    struct intent intent;
    struct marker marker;
    struct call *call;
};

/* marker may be NULL. On OK the caller releases out->call. */
enum status store_inspect(struct customers *c, const struct uuid *id, const struct key *marker, int64_t deadline_ms,
                          struct inspection *out, struct error *err) MUST_USE;

/* ---- e-mails ---- */

/* The salted hash of a normal form. */
enum status store_email_hash(struct customers *c, struct slice email_normal, uint8_t eh[EMAIL_HASH_BYTES],
                             struct error *err) MUST_USE;

/* What stands behind a claim that is in the way. */
enum resolution {
    RESOLVED_TAKEN,    /* a live customer has the e-mail */
    RESOLVED_RESERVED, /* somebody's change to it is under way */
    RESOLVED_FREE      /* nothing, and nothing ever will: the claim may be taken over */
};
enum status store_resolve_claim(struct customers *c, const uint8_t eh[EMAIL_HASH_BYTES], const struct claim *claim,
                                int64_t deadline_ms, enum resolution *out, struct error *err) MUST_USE;

/* Rolls a begun e-mail change back: by its own request, or by anybody once its deadline has passed. */
enum status store_abort(struct customers *c, const struct uuid *id, uint64_t n, bool fence, int64_t deadline_ms,
                        enum word *word, struct error *err) MUST_USE;
#define STORE_RELEASES_MAX 64
/* Gives up claims that lost their backing and forgets that they were listed in their customers' buckets. The entries are
 * RELEASE_BYTES long, STORE_RELEASES_MAX of them at most. Counts those released, also when others fail. */
enum status store_release(struct customers *c, const struct slice *releases, size_t n, int64_t deadline_ms,
                          uint64_t *released, struct error *err) MUST_USE;

/* For a failure before the step that makes a write effective: whatever became of the step, the write was not applied.
 * Returns the status to answer with. */
enum status store_not_applied(enum status status, struct error *err);

/* Appends the stored customer as it is served. RECORD_DAMAGED when the body is no encoding. */
enum status store_render(const struct uuid *id, uint64_t version, int64_t updated_ms, struct slice body, struct buf *out,
                         struct error *err) MUST_USE;

#endif
