#include "customerd/memorydb/args.h"

#include "customerd/core/decimal.h"

void args_slice(struct args *a, struct slice s)
{
    if (a->n < ARGS_MAX)
        a->v[a->n++] = s;
    else
        a->overflowed = true;
}

void args_init(struct args *a, const struct key *keys, size_t n_keys)
{
    a->n = 0;
    a->n_keys = n_keys;
    a->numbers_used = 0;
    a->overflowed = false;
    a->last = slice_of(NULL, 0);
    for (size_t i = 0; i < n_keys; i++)
        args_slice(a, key_slice(&keys[i]));
}

void args_own_key(struct args *a, struct key key)
{
    a->own_key = key;
    a->n_keys++;
    args_slice(a, key_slice(&a->own_key));
}

void args_last(struct args *a, struct slice s)
{
    a->last = s;
}

void args_bytes(struct args *a, const void *bytes, size_t len)
{
    args_slice(a, slice_of(bytes, len));
}

void args_number(struct args *a, uint64_t number)
{
    char *at = a->numbers + a->numbers_used;
    if (a->numbers_used + DECIMAL_MAX_CHARS > sizeof a->numbers) {
        a->overflowed = true;
        return;
    }
    size_t n = decimal_put(at, number);
    a->numbers_used += n;
    args_slice(a, slice_of(at, n));
}

struct call *args_call(const struct args *a, enum call_lane lane, const struct script *script, uint8_t bucket)
{
    struct slice all[ARGS_MAX + 1];
    size_t n = a->n;
    if (a->overflowed)
        return NULL;
    memcpy(all, a->v, n * sizeof *all);
    if (a->last.ptr != NULL)
        all[n++] = a->last;
    const struct call_options options = {
        .lane = lane,
        .target = CALL_TO_SLOT,
        .slot = bucket_slot(bucket),
        .script = script,
        .args = all,
        .n_args = n,
        .n_keys = a->n_keys,
    };
    return call_new(&options);
}
