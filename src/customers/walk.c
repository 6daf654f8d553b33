#include "walk.h"

#include "customerd/core/big_endian.h"

#include <stdlib.h>

/* So few that hardly a bucket of 256 has to be asked twice for a page. */
#define WINDOW 3
#define WINDOW_TEXT "3"
#define WINDOW_LAST_RANK "2"

/* What one bucket told, and how far it has been given out. */
struct window {
    struct uuid ids[WINDOW];
    uint8_t n, next;
    bool complete; /* it has nothing below */
    bool asleep;   /* it has nothing above its level's bound, and is not asked before the walk gets there */
};

struct walk {
    struct customers *c;
    int64_t deadline_ms;
    bool started;                /* below is set */
    struct uuid below;
    struct window buckets[BUCKETS];
    uint8_t heap[BUCKETS];       /* those that have told an id not yet given out, the one with the newest first */
    size_t heaped;
    size_t dry;                  /* those that were given out and may have more, or were not asked yet */
    uint64_t bounds[CURSOR_LEVELS];
    uint8_t levels[BUCKETS];     /* of those asleep */
    unsigned level;              /* the first that sleeps */
};

static uint64_t beginning(const struct uuid *id)
{
    return big_endian_get(id->bytes, sizeof(uint64_t));
}

/* ---- beginning and end ---- */

static void sleep_until(struct walk *walk, const struct cursor *from)
{
    walk->started = true;
    walk->below = from->last;
    walk->level = 1;
    memcpy(walk->bounds, from->bounds, sizeof walk->bounds);
    memcpy(walk->levels, from->levels, sizeof walk->levels);
    for (size_t b = 0; b < BUCKETS; b++) {
        unsigned level = from->levels[b];
        walk->buckets[b].complete = level > 0 && from->bounds[level - 1] == 0;
        walk->buckets[b].asleep = level > 0 && !walk->buckets[b].complete;
        walk->dry -= level > 0;
    }
}

struct walk *walk_new(struct customers *c, const struct cursor *from, int64_t deadline_ms)
{
    struct walk *walk = calloc(1, sizeof *walk);
    if (walk == NULL)
        return NULL;
    walk->c = c;
    walk->deadline_ms = deadline_ms;
    walk->dry = BUCKETS;
    walk->level = CURSOR_LEVELS + 1;
    if (from != NULL)
        sleep_until(walk, from);
    return walk;
}

void walk_destroy(struct walk *walk)
{
    free(walk);
}

/* ---- which bucket has the newest id ---- */

static const struct uuid *head_of(const struct window *w)
{
    return &w->ids[w->next];
}

static bool is_newer(const struct walk *walk, size_t a, size_t b)
{
    return memcmp(head_of(&walk->buckets[walk->heap[a]])->bytes, head_of(&walk->buckets[walk->heap[b]])->bytes,
                  UUID_BYTES) > 0;
}

static void heap_swap(struct walk *walk, size_t a, size_t b)
{
    uint8_t bucket = walk->heap[a];
    walk->heap[a] = walk->heap[b];
    walk->heap[b] = bucket;
}

static void heap_add(struct walk *walk, uint8_t bucket)
{
    size_t at = walk->heaped++;
    walk->heap[at] = bucket;
    for (; at > 0 && is_newer(walk, at, (at - 1) / 2); at = (at - 1) / 2)
        heap_swap(walk, at, (at - 1) / 2);
}

static void heap_sink(struct walk *walk, size_t at)
{
    for (;;) {
        size_t newest = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < walk->heaped; child++)
            newest = is_newer(walk, child, newest) ? child : newest;
        if (newest == at)
            return;
        heap_swap(walk, at, newest);
        at = newest;
    }
}

/* ---- asking ---- */

/* From the newest by rank, which is a few steps back from the index's end; below an id it is a search. */
static struct call *ask(const struct walk *walk, uint8_t bucket)
{
    struct key index = key_of_bucket(bucket, 'i');
    if (!walk->started) {
        const struct slice command[] = { SLICE("ZREVRANGE"), key_slice(&index), SLICE("0"), SLICE(WINDOW_LAST_RANK) };
        return store_command(CALL_READ, bucket, command, sizeof command / sizeof *command);
    }
    char max[1 + UUID_BYTES] = { '(' };
    memcpy(max + 1, walk->below.bytes, UUID_BYTES);
    const struct slice command[] = { SLICE("ZREVRANGEBYLEX"), key_slice(&index), slice_of(max, sizeof max),
                                     SLICE("-"), SLICE("LIMIT"), SLICE("0"), SLICE(WINDOW_TEXT) };
    return store_command(CALL_READ, bucket, command, sizeof command / sizeof *command);
}

static enum status take_window(struct window *w, const struct reply *reply, struct error *err)
{
    size_t n = reply_count(reply);
    if (reply_type(reply) != REPLY_ARRAY || n > WINDOW)
        return error_set(err, STATUS_RECORD_DAMAGED, "a listing index is damaged");
    for (size_t i = 0; i < n; i++) {
        struct slice id = reply_text(reply_at(reply, i));
        if (id.len != UUID_BYTES)
            return error_set(err, STATUS_RECORD_DAMAGED, "a listing index is damaged");
        memcpy(w->ids[i].bytes, id.ptr, UUID_BYTES);
    }
    w->n = (uint8_t)n;
    w->next = 0;
    w->complete = n < WINDOW;
    return STATUS_OK;
}

static bool is_dry(const struct window *w)
{
    return w->next == w->n && !w->complete && !w->asleep;
}

/* Asks the buckets that are dry; all of them in one round trip per shard. */
static enum status refill(struct walk *walk, struct error *err)
{
    struct call *calls[BUCKETS];
    uint8_t of[BUCKETS];
    size_t n = 0;
    for (size_t b = 0; b < BUCKETS; b++) {
        if (!is_dry(&walk->buckets[b]))
            continue;
        of[n] = (uint8_t)b;
        calls[n++] = ask(walk, (uint8_t)b);
    }
    enum status status = store_run(walk->c, calls, n, walk->deadline_ms, err);
    for (size_t i = 0; i < n; i++) {
        if (status == STATUS_OK)
            status = take_window(&walk->buckets[of[i]], call_reply(calls[i]), err);
        if (status == STATUS_OK && walk->buckets[of[i]].n > 0)
            heap_add(walk, of[i]);
        call_release(calls[i]);
    }
    walk->dry = 0;
    return status;
}

static bool has_reached(const struct walk *walk, uint64_t bound)
{
    return walk->heaped == 0 || beginning(head_of(&walk->buckets[walk->heap[0]])) <= bound;
}

/* Wakes the buckets that may have something newer than the newest told. False when there are none. */
static bool wake(struct walk *walk)
{
    while (walk->dry == 0 && walk->level <= CURSOR_LEVELS && has_reached(walk, walk->bounds[walk->level - 1])) {
        for (size_t b = 0; b < BUCKETS; b++) {
            struct window *w = &walk->buckets[b];
            bool wakes = w->asleep && walk->levels[b] == walk->level;
            w->asleep = w->asleep && !wakes;
            walk->dry += wakes;
        }
        walk->level++;
    }
    return walk->dry > 0;
}

/* ---- the walk ---- */

enum status walk_has_more(struct walk *walk, bool *more, struct error *err)
{
    enum status status = STATUS_OK;
    while (status == STATUS_OK && walk->heaped == 0 && (walk->dry > 0 || wake(walk)))
        status = refill(walk, err);
    *more = walk->heaped > 0;
    return status;
}

enum status walk_next(struct walk *walk, struct uuid *out, bool *found, struct error *err)
{
    while (walk->dry > 0 || wake(walk)) {
        enum status status = refill(walk, err);
        if (status != STATUS_OK)
            return status;
    }
    *found = walk->heaped > 0;
    if (!*found)
        return STATUS_OK;
    struct window *newest = &walk->buckets[walk->heap[0]];
    *out = newest->ids[newest->next++];
    walk->started = true;
    walk->below = *out;
    walk->dry += is_dry(newest);
    if (newest->next == newest->n)
        walk->heap[0] = walk->heap[--walk->heaped];
    heap_sink(walk, 0);
    return STATUS_OK;
}

/* ---- what the next page need not ask ---- */

/* The bucket has no id below the last one given out that begins with more than this. */
static uint64_t bound_of(const struct walk *walk, size_t bucket)
{
    const struct window *w = &walk->buckets[bucket];
    if (w->next < w->n)
        return beginning(head_of(w));
    if (w->complete)
        return 0;
    return w->asleep ? walk->bounds[walk->levels[bucket] - 1] : UINT64_MAX;
}

/* Moves n values so that none before `rank` is less than the one there, and none behind it greater; returns that one.
 * Hoare's selection: to sort them all would be a twentieth of what a page costs here. */
static uint64_t select_falling(uint64_t *values, size_t n, size_t rank)
{
    size_t from = 0, to = n - 1;
    while (from < to) {
        uint64_t middle = values[from + (to - from) / 2];
        size_t i = from, j = to;
        for (;; i++, j--) {
            while (values[i] > middle)
                i++;
            while (values[j] < middle)
                j--;
            if (i >= j)
                break;
            uint64_t value = values[i];
            values[i] = values[j];
            values[j] = value;
        }
        if (rank <= j)
            to = j;
        else
            from = j + 1;
    }
    return values[rank];
}

/* The buckets above the first bound have an id for each of the next page's, unless they were deleted; the other bounds part
 * the rest. */
void walk_mark(const struct walk *walk, size_t limit, struct cursor *out)
{
    uint64_t bounds[BUCKETS], ranked[BUCKETS];
    out->last = walk->below;
    for (size_t b = 0; b < BUCKETS; b++)
        bounds[b] = bound_of(walk, b);
    memcpy(ranked, bounds, sizeof ranked);
    for (size_t i = 0, from = 0, rank = limit; i < CURSOR_LEVELS; i++) {
        out->bounds[i] = select_falling(ranked + from, BUCKETS - from, rank - from);
        from = rank;
        rank += (BUCKETS - limit) / CURSOR_LEVELS;
    }
    for (size_t b = 0; b < BUCKETS; b++) {
        out->levels[b] = 0;
        while (out->levels[b] < CURSOR_LEVELS && bounds[b] <= out->bounds[out->levels[b]])
            out->levels[b]++;
    }
}
