/* operation: the identity of one write, under which its marker is kept.
 *
 * With an Idempotency-Key it is the keyed hash of (caller, method, path, key), the same in every replica; without one it
 * is random, and its marker lives for a minute, long enough for the service's own repetitions. */
#ifndef CUSTOMERD_CUSTOMERS_OPERATION_H
#define CUSTOMERD_CUSTOMERS_OPERATION_H

#include "store.h"

struct operation {
    bool keyed;
    uint8_t id[OPERATION_BYTES];
    uint8_t attempt[ATTEMPT_BYTES];         /* this HTTP request */
    uint8_t fingerprint[FINGERPRINT_BYTES]; /* of the body's meaning; zeros without a key */
    uint64_t marker_ttl_s;
};

/* canonical: bytes that are equal for bodies of the same meaning. A marker outlives its request, so that no late
 * repetition by the cluster client can miss it. */
enum status operation_init(struct customers *c, const struct idempotency *idempotency, struct slice canonical,
                           struct operation *out, struct error *err) MUST_USE;

/* fingerprint, attempt, marker's life and whether it keeps the body: what every writing script takes first. */
void operation_args(const struct operation *op, struct args *args, bool with_body_flag);

/* The answer to a repeated request, from its marker. NOT_FOUND when the customer was deleted since: nothing of it is
 * told. deleted says that the operation was a DELETE, which has nothing to tell. */
enum status operation_replay(struct customers *c, struct slice marker, bool deleted, int64_t deadline_ms,
                             struct answer *out, struct error *err) MUST_USE;

#endif
