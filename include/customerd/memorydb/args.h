/* args: what a script is given: keys first, then arguments. Borrows everything but numbers and one key. It does not move. What does
 * not fit is told by args_call: an argument that is missing would shift all behind it. */
#ifndef CUSTOMERD_MEMORYDB_ARGS_H
#define CUSTOMERD_MEMORYDB_ARGS_H

#include "customerd/memorydb/bucket.h"
#include "customerd/memorydb/cluster.h"

#define ARGS_MAX 40

struct args {
    struct slice v[ARGS_MAX];
    size_t n;
    size_t n_keys;
    char numbers[128];
    size_t numbers_used;
    struct key own_key;
    bool overflowed;   /* there was no room for one */
    struct slice last; /* behind all others; without ptr: none */
};

/* Begins with the keys, which are borrowed too. */
void args_init(struct args *a, const struct key *keys, size_t n_keys);
/* One more key, directly behind those: a copy of it is kept. Once. */
void args_own_key(struct args *a, struct key key);
void args_bytes(struct args *a, const void *bytes, size_t len);
void args_slice(struct args *a, struct slice s);
void args_number(struct args *a, uint64_t number);
/* What comes behind all other arguments, whenever they are added. */
void args_last(struct args *a, struct slice s);

/* A call of the script in the bucket. NULL when out of memory, or when there was no room for all of the arguments. */
struct call *args_call(const struct args *a, enum call_lane lane, const struct script *script, uint8_t bucket);

#endif
