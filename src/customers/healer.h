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

/* Its first part: every shard's eviction policy, and that the meta key is not lost. */
enum status boot_check_shards(struct customers *c, int64_t deadline_ms, struct error *err) MUST_USE;

#define META_FIELDS 6

/* The meta key. */
struct meta {
    char salt[2 * SALT_BYTES];
    uint32_t epoch;
    char pass[PASS_SIZE];
    bool restoring;
};

enum status meta_parse(const struct slice fields[META_FIELDS], struct meta *out, struct error *err) MUST_USE;
/* Only reads, other than the boot check, which writes the key where there is none. */
enum status meta_read(struct customers *c, struct meta *out, int64_t deadline_ms, struct error *err) MUST_USE;
/* The epoch that a pass, or what a bucket's fence holds, is of. */
bool pass_epoch(struct slice pass, uint32_t *epoch);
/* Makes the keys from the salt, and lets this process's steps in under the pass. One thread at a time. */
enum status boot_admit(struct customers *c, const struct meta *meta, struct error *err) MUST_USE;
/* False when the meta key tells of a restore that this replica has not seen. */
bool boot_still_admitted(struct customers *c, int64_t deadline_ms);

/* A step was not let in: the database is checked anew, and until then no request is. Any thread; accepts NULL. */
void healer_check_again(struct healer *h);

/* Sweeps all buckets, in one round trip per shard where there is nothing to do. Counts go into state. */
enum status sweep_buckets(struct customers *c, struct customers_state *state, struct error *err) MUST_USE;
/* The same for a restore, while nobody else writes: begun e-mail changes are rolled back whatever their deadline. *seen is
 * what it found; 0 means that nothing is left. */
enum status sweep_everything(struct customers *c, struct customers_state *state, size_t *seen, struct error *err) MUST_USE;

#define SCRUB_CURSOR_SIZE 24

/* Where the scrubber is: the next bucket, and a SCAN of one shard. */
struct scrub {
    struct customers *c;
    struct customers_state *state; /* counts */
    uint64_t damaged;              /* what could not be read */
    const atomic_bool *stop;       /* ends the step early */
    unsigned bucket;
    size_t shard;
    char cursor[SCRUB_CURSOR_SIZE]; /* of SCAN; "" at the start of a shard */
};

/* Scrubs one bucket and one stretch of one shard's keys, and moves on, whether or not it succeeded. What is damaged (a
 * key of another type, a text of another form) is told and passed over. */
enum status scrub_step(struct scrub *s, struct error *err) MUST_USE;
/* The two halves of a step. The second counts s->shard up after a shard's last stretch. */
enum status scrub_bucket(struct scrub *s, uint8_t bucket, struct error *err) MUST_USE;
enum status scrub_keys(struct scrub *s, struct error *err) MUST_USE;

#endif
