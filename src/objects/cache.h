/* cache: the steps of the protocol (README.md), each one call of the cluster. A failure is the cluster's: UNAVAILABLE,
 * OUTCOME_UNKNOWN, and so on; RECORD_DAMAGED when a reply makes no sense, or what lies there can't be read: cache_mend. */
#ifndef CUSTOMERD_OBJECTS_CACHE_H
#define CUSTOMERD_OBJECTS_CACHE_H

#include "customerd/memorydb/cluster.h"
#include "customerd/objects/objects.h"
#include "entry.h"

#define CACHE_TOKEN_BYTES 8
#define CACHE_KEY_MAX_BYTES (18 + 1 + 1 + OBJECT_BUCKET_MAX_BYTES + 1 + OBJECT_KEY_MAX_BYTES)

/* {16 hexadecimal digits of the name's SHA-256}o:bucket:key is the entry, with an l the lease, and with an s what is spare. The tag makes the slot;
 * the rest is for people, and makes different names different keys. */
struct cache_key {
    char entry[CACHE_KEY_MAX_BYTES];
    char lease[CACHE_KEY_MAX_BYTES];
    size_t len;
    uint16_t slot;
};
/* BAD_REQUEST when the name is too long, or empty. */
enum status cache_key_of(const struct object_name *name, struct cache_key *out, struct error *err) MUST_USE;

/* The hexadecimal digits. */
struct slice cache_key_tag(const struct cache_key *key);

/* Who asks: what one call takes. */
struct cache {
    struct cluster *cluster;
    const struct clock *clock;
    int64_t timeout_ms; /* of one call */
};

struct cache_token {
    char bytes[CACHE_TOKEN_BYTES];
};
bool cache_token_new(struct cache_token *out) MUST_USE;

/* What was found. It lies in the call, which the caller releases. */
struct cache_found {
    bool there;       /* something is, and can be read */
    struct entry entry;
    int64_t left_ms;  /* that it lives on */
    struct call *call;
};
static inline int64_t cache_found_age_ms(const struct cache_found *f)
{
    return f->left_ms < f->entry.life_ms ? f->entry.life_ms - f->left_ms : 0;
}
static inline bool cache_found_is_fresh(const struct cache_found *f)
{
    return f->there && f->entry.kind != ENTRY_FENCE && cache_found_age_ms(f) < f->entry.fresh_ms;
}

/* ---- reading ---- */

enum status cache_read(const struct cache *c, const struct cache_key *key, int64_t deadline_ms, struct cache_found *out,
                       struct error *err) MUST_USE;

enum cache_advice { CACHE_ENTRY, CACHE_BYPASS, CACHE_WAIT, CACHE_GO, CACHE_ADVICES };
/* CACHE_ENTRY: *out has it. CACHE_WAIT: out->there says whether there is an old entry. */
enum status cache_lease(const struct cache *c, const struct cache_key *key, const struct cache_token *token,
                        int64_t lease_ms, int64_t deadline_ms, enum cache_advice *advice, struct cache_found *out,
                        struct error *err) MUST_USE;

/* ---- what S3 said ---- */

struct cache_content {
    int64_t life_ms;   /* 0: nothing is to be kept */
    struct slice head; /* entry_write_head */
    struct slice body;
};
enum status cache_fill(const struct cache *c, const struct cache_key *key, const struct cache_token *token,
                       const struct cache_content *content, int64_t deadline_ms, bool *kept, struct error *err) MUST_USE;
enum status cache_touch(const struct cache *c, const struct cache_key *key, const struct cache_token *token,
                        const struct entry *entry, int64_t deadline_ms, bool *kept, struct error *err) MUST_USE;
enum status cache_release(const struct cache *c, const struct cache_key *key, const struct cache_token *token,
                          int64_t hold_ms, int64_t deadline_ms, struct error *err) MUST_USE;

/* ---- writing, and what others have written ---- */

enum status cache_fence(const struct cache *c, const struct cache_key *key, const struct cache_token *token,
                        int64_t fence_ms, int64_t deadline_ms, struct error *err) MUST_USE;

enum cache_settlement { CACHE_KEPT, CACHE_RESTORED, CACHE_DROPPED, CACHE_FENCED, CACHE_SETTLEMENTS };
/* content is NULL where S3 has done nothing: then what the fence replaced may come back. */
enum status cache_settle(const struct cache *c, const struct cache_key *key, const struct cache_token *token,
                         const struct cache_content *content, int64_t deadline_ms, enum cache_settlement *out,
                         struct error *err) MUST_USE;

/* What lies there goes, unless it is a fence that ends: the next one who asks fills the place. */
enum status cache_mend(const struct cache *c, const struct cache_key *key, int64_t deadline_ms, struct error *err) MUST_USE;

/* The call of one event; NULL when out of memory. Run by the caller, several at once. etag is without quotes, or empty. */
struct call *cache_drop_call(const struct cache_key *key, struct slice etag);
enum cache_drop { CACHE_DROP_DROPPED, CACHE_DROP_NONE, CACHE_DROP_SAME, CACHE_DROP_FENCED, CACHE_DROPS };
/* CACHE_DROPS when the reply makes no sense. */
enum cache_drop cache_drop_result(const struct reply *reply);

/* The earlier of the deadline and now + timeout. */
int64_t cache_deadline_ms(const struct cache *c, int64_t deadline_ms);

#endif
