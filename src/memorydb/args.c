#include "customerd/memorydb/args.h"

#include <stdio.h>

void args_slice(struct args *a, struct slice s)
{
    if (a->n < ARGS_MAX)
        a->v[a->n++] = s;
}

void args_init(struct args *a, const struct key *keys, size_t n_keys)
{
    a->n = 0;
    a->n_keys = n_keys;
    a->numbers_used = 0;
    for (size_t i = 0; i < n_keys; i++)
        args_slice(a, key_slice(&keys[i]));
}

void args_bytes(struct args *a, const void *bytes, size_t len)
{
    args_slice(a, slice_of(bytes, len));
}

void args_number(struct args *a, uint64_t number)
{
    char *at = a->numbers + a->numbers_used;
    int n = snprintf(at, sizeof a->numbers - a->numbers_used, "%llu", (unsigned long long)number);
    a->numbers_used += (size_t)n + 1;
    args_slice(a, slice_of(at, (size_t)n));
}

struct call *args_call(const struct args *a, enum call_lane lane, const struct script *script, uint8_t bucket)
{
    const struct call_options options = {
        .lane = lane,
        .target = CALL_TO_SLOT,
        .slot = bucket_slot(bucket),
        .script = script,
        .args = a->v,
        .n_args = a->n,
        .n_keys = a->n_keys,
    };
    return call_new(&options);
}
