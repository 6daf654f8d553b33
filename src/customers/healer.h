/* healer: one thread in every replica that checks the database at boot and then keeps the store tidy, without locks.
 *
 * The sweeper looks at every bucket each sweep interval: begun e-mail changes past their deadline are rolled back, and
 * claims that lost their backing are released. The scrubber walks all data slowly and compares index, records and claims.
 * Every repair is compare-and-set, so that any number of replicas may repeat it at once. */
#ifndef CUSTOMERD_CUSTOMERS_HEALER_H
#define CUSTOMERD_CUSTOMERS_HEALER_H

#include "store.h"

/* The deadline of one round trip of healing. */
#define HEALER_STEP_MS 1000

struct healer *healer_new(struct customers *c, struct error *err);
/* Starts the thread. */
enum status healer_start(struct healer *h, struct error *err) MUST_USE;
/* Stops and joins the thread, within about two seconds. */
void healer_stop(struct healer *h);
/* Accepts NULL; the thread must not be running. */
void healer_destroy(struct healer *h);

/* Releases a claim soon, instead of at the next sweep (RELEASE_BYTES, copied). Forgets it when many are waiting: the
 * sweeper finds it. Any thread; does not wait. */
void healer_release_soon(struct healer *h, struct slice release);

/* Why the store is not ready, "" when it is. */
void healer_reason(struct healer *h, char *out, size_t out_size);
void healer_state(struct healer *h, struct customers_state *out);

/* The boot check: eviction policy of every shard, and the meta key. Fills c->secrets and sets c->checked. */
enum status boot_check(struct customers *c, int64_t deadline_ms, struct error *err) MUST_USE;

/* Sweeps all buckets, in one round trip per shard where there is nothing to do. Counts go into state. */
enum status sweep_buckets(struct customers *c, struct customers_state *state, struct error *err) MUST_USE;

#define SCRUB_CURSOR_SIZE 24

/* Where the scrubber is: the next bucket, and a SCAN of one shard. */
struct scrub {
    struct customers *c;
    struct customers_state *state; /* counts */
    const atomic_bool *stop;       /* ends the step early */
    unsigned bucket;
    size_t shard;
    char cursor[SCRUB_CURSOR_SIZE]; /* of SCAN; "" at the start of a shard */
};

/* Scrubs one bucket and one stretch of one shard's keys, and moves on, whether or not it succeeded. What is damaged (a
 * key of another type, a text of another form) is told and passed over. */
enum status scrub_step(struct scrub *s, struct error *err) MUST_USE;

#endif
