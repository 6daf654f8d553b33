/* objects_fixture: instances of objects over one redis-server, with an S3 of one's own that can be told what to do. */
#ifndef CUSTOMERD_TESTS_OBJECTS_FIXTURE_H
#define CUSTOMERD_TESTS_OBJECTS_FIXTURE_H

#include "unit.h"

#include "customerd/memorydb/cluster.h"
#include "customerd/objects/objects.h"
#include "../support/redis_tests.h"

#include <pthread.h>
#include <stdatomic.h>

#define BUCKET "shop"
#define INSTANCES 2

/* What happens to S3's next request of the kind; then it is FAKE_WELL again, unless it lasts. */
enum fake_mood {
    FAKE_WELL,
    FAKE_FAILS,        /* nothing is done, which the caller is told */
    FAKE_IS_SLOW,      /* as before, since there was no time */
    FAKE_REFUSES,      /* a write's condition does not hold */
    FAKE_LOSES_ANSWER  /* it is done, but the caller is told that nobody knows */
};

/* Where S3's next request waits until it is opened, in before or after. */
struct gate {
    atomic_bool open;
    atomic_int arrived;
};
void wait_at_gate(void *gate);
bool gate_is_reached(void *gate);

/* One object; content is its version's text. */
struct fake_s3 {
    pthread_mutex_t lock;
    char content[64]; /* "" for absent */
    char type[32];
    enum fake_mood mood;
    bool mood_lasts;
    atomic_int gets, heads, puts, deletes;
    /* Called before S3 looks at the object, and before it answers; the lock is not held. Both may be NULL. */
    void (*before)(void *ctx);
    void (*after)(void *ctx);
    void (*after_head)(void *ctx); /* what HEAD will answer is settled */
    void *ctx;
};

struct fixture {
    const struct redis *redis;
    struct objects_settings settings;
    struct fake_s3 s3;
    struct cluster *clusters[INSTANCES];
    struct objects *instances[INSTANCES];
};

int fixture_set_up(void **state);
int fixture_tear_down(void **state);
int objects_tests_run(const struct CMUnitTest *tests, size_t n);

void fake_set(struct fixture *f, const char *content);

/* What a read came to: its text, or "absent", or "failed". */
struct got {
    enum status status;
    enum object_source source;
    char text[64];
    char type[32];
    int64_t age_ms;
};
struct got get_within(struct fixture *f, int instance, int64_t timeout_ms);
struct got get(struct fixture *f, int instance);
void assert_got(struct got got, enum object_source source, const char *text);
enum status put(struct fixture *f, int instance, const char *content, struct error *err);
enum status delete(struct fixture *f, int instance, struct error *err);
void forget(struct fixture *f, const char *etag);

/* The entry's key, for the server's own commands: {tag}o:shop:key with blanks nowhere. */
const char *entry_key(void);
const char *lease_key(void);
/* The kind of what the cache has: 'O', 'A', 'B', 'F', or '-' for nothing. */
char kept_kind(struct fixture *f);
bool has_lease(struct fixture *f);
bool has_spare(struct fixture *f); /* what a fence replaced */
bool keeps_nothing(void *fixture);
/* As if so much time had passed for the entry. */
void age_entry(struct fixture *f, int64_t ms);

#endif
