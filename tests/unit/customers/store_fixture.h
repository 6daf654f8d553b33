/* store_fixture: a real redis-server, and two replicas of the store on it, for the tests of the store.
 *
 * The server is the program's (store_group_set_up and _tear_down); the data and the replicas are each test's
 * (store_set_up and _tear_down), and *state is the struct fixture. The replicas' healers release what they are told of;
 * they neither sweep nor scrub on their own, unless a test starts a replica that does. */
#ifndef CUSTOMERD_TESTS_UNIT_CUSTOMERS_STORE_FIXTURE_H
#define CUSTOMERD_TESTS_UNIT_CUSTOMERS_STORE_FIXTURE_H

#include "customerd/customers/customers.h"

#include "../../../src/customers/store.h"
#include "../support/redis_tests.h"
#include "unit.h"

#define FIXTURE_TIMEOUT_MS 3000
#define IDLE_MS 600000

struct replica {
    struct cluster *cluster;
    struct customers *customers;
};

struct fixture {
    const struct redis *redis;
    struct replica a, b;
};

/* 77 (ctest's skip) when there is no redis-server. */
int store_tests_run(const struct CMUnitTest *tests, size_t n);
#define STORE_TEST(test) { #test, test, store_set_up, store_tear_down, NULL }

int store_set_up(void **state);
int store_tear_down(void **state);

/* Does not wait until it is ready. */
void replica_start(const struct fixture *f, struct replica *r, int64_t sweep_ms, int64_t scrub_ms);
void replica_await_ready(struct replica *r);
void replica_stop(struct replica *r);

/* ---- requests; what they come to is cleaned up by outcome_clean_up ---- */

struct outcome {
    enum status status;
    struct error err;
    struct answer answer;
};

void outcome_clean_up(struct outcome *o);

/* key is NULL for none. */
struct write_options options_keyed(const char *method, const char *key);
struct write_options options_if_match(uint64_t version);
int64_t soon_ms(void);

struct outcome do_create(const struct replica *r, const char *json, const struct write_options *options);
struct outcome do_get(const struct replica *r, const struct uuid *id);
struct outcome do_replace(const struct replica *r, const struct uuid *id, const char *json,
                          const struct write_options *options);
struct outcome do_patch(const struct replica *r, const struct uuid *id, const char *json,
                        const struct write_options *options);
struct outcome do_delete(const struct replica *r, const struct uuid *id, const struct write_options *options);

/* The same, without options, and the status must be the expected one. */
struct uuid create_ok(const struct replica *r, const char *json);
void expect_create(const struct replica *r, const char *json, enum status expected);
void expect_get(const struct replica *r, const struct uuid *id, enum status expected);
void expect_replace(const struct replica *r, const struct uuid *id, const char *json, enum status expected);
void expect_patch(const struct replica *r, const struct uuid *id, const char *json, enum status expected);
void expect_delete(const struct replica *r, const struct uuid *id, enum status expected);
void assert_status(const struct outcome *o, enum status expected);
void assert_holds(const struct answer *a, const char *text);
/* Whether the customer with this e-mail is id (NULL: there is none). */
void assert_owner(const struct replica *r, const char *email, const struct uuid *id);

/* ---- what is stored, by hand ---- */

/* One command on the server; released by the caller. */
struct call *raw_call(const struct replica *r, const struct slice *words, size_t n);
int64_t raw_integer(const struct replica *r, const struct slice *words, size_t n);
#define RAW(r, ...) \
    raw_integer((r), (const struct slice[]){ __VA_ARGS__ }, sizeof (struct slice[]){ __VA_ARGS__ } / sizeof(struct slice))

struct email_hash {
    uint8_t bytes[EMAIL_HASH_BYTES];
};
struct email_hash hash_of(const struct replica *r, const char *email);
int64_t count_releases(const struct replica *r, const struct uuid *id);
/* The customer's own: another one may live in its bucket. */
bool has_intent(const struct replica *r, const struct uuid *id);
/* False when there is none. */
bool claim_of(const struct replica *r, const char *email, struct claim *out);
void set_claim(const struct replica *r, const char *email, const struct claim *claim);
/* Stores a customer as create would, with this name; without e-mail, claim or marker. */
struct uuid insert_record(const struct replica *r, uint8_t bucket, int64_t created_ms, const char *name);

/* The steps of an e-mail change, as a replica that dies between two of them leaves it. */
uint64_t step_begin(const struct replica *r, const struct uuid *id, const char *email, int64_t life_ms);
enum word step_claim(const struct replica *r, const struct uuid *id, const char *email, uint64_t n);
enum word step_commit(const struct replica *r, const struct uuid *id, uint64_t n, const char *json);
/* A delete whose claim nobody releases. */
void step_delete(const struct replica *r, const struct uuid *id);

#endif
