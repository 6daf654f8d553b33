/* A page of the listing: the buckets' indexes merged, newest first.
 *
 * Every bucket is asked for a few ids below the cursor. An id may be given out only while it is above the last id of every
 * bucket that may have more than it told: below that "horizon" the buckets are asked again. Ids never change and the cursor
 * is the last id that was given out, so a customer that exists during the whole walk appears exactly once, whatever is
 * created, deleted or moved between shards meanwhile. */
#include "customerd/core/crypto.h"
#include "customerd/customers/cursor.h"
#include "store.h"

#include <stdlib.h>

#define WINDOW_MAX 4
#define ITEMS_MAX_BYTES (CUSTOMERS_PAGE_MAX * (CUSTOMER_MAX_BYTES + 512))

/* What one bucket told, and how far it has been given out. */
struct window {
    struct uuid ids[WINDOW_MAX];
    size_t n, next;
    bool complete; /* it has nothing below */
};

struct walk {
    struct customers *c;
    int64_t deadline_ms;
    size_t window;               /* how many ids a bucket is asked for */
    bool started;                /* below is set */
    struct uuid below;
    struct window buckets[BUCKETS];
    uint8_t heap[BUCKETS];       /* those that have told an id not yet given out, the one with the newest first */
    size_t heaped;
    size_t dry;                  /* those that were given out and may have more */
};

void page_init(struct page *p)
{
    memset(p, 0, sizeof *p);
    buf_init(&p->items, ITEMS_MAX_BYTES);
    buf_init(&p->next_cursor, 256);
}

void page_clean_up(struct page *p)
{
    buf_clean_up(&p->items);
    buf_clean_up(&p->next_cursor);
}

static struct call *ask(const struct walk *walk, uint8_t bucket)
{
    struct key index = key_of_bucket(bucket, 'i');
    char max[1 + UUID_BYTES] = { '+' };
    size_t max_len = 1;
    if (walk->started) {
        max[0] = '(';
        memcpy(max + 1, walk->below.bytes, UUID_BYTES);
        max_len += UUID_BYTES;
    }
    char count[2] = { (char)('0' + walk->window), '\0' };
    const struct slice command[] = { SLICE("ZREVRANGEBYLEX"), key_slice(&index), slice_of(max, max_len),
                                     SLICE("-"), SLICE("LIMIT"), SLICE("0"), slice_cstr(count) };
    return store_command(CALL_READ, bucket, command, sizeof command / sizeof *command);
}

static enum status take_window(struct walk *walk, uint8_t bucket, const struct reply *reply, struct error *err)
{
    struct window *w = &walk->buckets[bucket];
    size_t n = reply_count(reply);
    if (reply_type(reply) != REPLY_ARRAY || n > walk->window)
        return error_set(err, STATUS_RECORD_DAMAGED, "a listing index is damaged");
    for (size_t i = 0; i < n; i++) {
        struct slice id = reply_text(reply_at(reply, i));
        if (id.len != UUID_BYTES)
            return error_set(err, STATUS_RECORD_DAMAGED, "a listing index is damaged");
        memcpy(w->ids[i].bytes, id.ptr, UUID_BYTES);
    }
    w->n = n;
    w->next = 0;
    w->complete = n < walk->window;
    return STATUS_OK;
}

static bool is_dry(const struct window *w)
{
    return w->next == w->n && !w->complete;
}

/* ---- which bucket has the newest id ---- */

static bool is_newer(const struct walk *walk, size_t a, size_t b)
{
    const struct window *of_a = &walk->buckets[walk->heap[a]], *of_b = &walk->buckets[walk->heap[b]];
    return memcmp(of_a->ids[of_a->next].bytes, of_b->ids[of_b->next].bytes, UUID_BYTES) > 0;
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

/* ---- the walk ---- */

/* Asks the buckets that have been given out and may have more; all of them in one round trip per shard. */
static enum status refill(struct walk *walk, struct error *err)
{
    struct call *calls[BUCKETS];
    uint8_t of[BUCKETS];
    size_t n = 0;
    for (int b = 0; b < BUCKETS; b++) {
        if (!is_dry(&walk->buckets[b]))
            continue;
        of[n] = (uint8_t)b;
        calls[n++] = ask(walk, (uint8_t)b);
    }
    enum status status = store_run(walk->c, calls, n, walk->deadline_ms, err);
    for (size_t i = 0; i < n; i++) {
        if (status == STATUS_OK)
            status = take_window(walk, of[i], call_reply(calls[i]), err);
        if (status == STATUS_OK && walk->buckets[of[i]].n > 0)
            heap_add(walk, of[i]);
        call_release(calls[i]);
    }
    walk->dry = 0;
    return status;
}

/* The newest id not yet given out. *found is false at the end. */
static enum status next_id(struct walk *walk, struct uuid *out, bool *found, struct error *err)
{
    if (walk->dry > 0) {
        enum status status = refill(walk, err);
        if (status != STATUS_OK)
            return status;
    }
    walk->started = true;
    *found = walk->heaped > 0;
    if (!*found)
        return STATUS_OK;
    struct window *newest = &walk->buckets[walk->heap[0]];
    *out = newest->ids[newest->next++];
    walk->below = *out;
    walk->dry += is_dry(newest);
    if (newest->next == newest->n)
        walk->heap[0] = walk->heap[--walk->heaped];
    heap_sink(walk, 0);
    return STATUS_OK;
}

static enum status append_items(const struct uuid *ids, size_t n, struct call *const *calls,
                                struct page *out, struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        const struct reply *reply = call_reply(calls[i]);
        struct record record;
        if (reply_type(reply) == REPLY_NIL)
            continue; /* deleted since the index was read */
        if (!record_parse(reply_text(reply), &record))
            return error_set(err, STATUS_RECORD_DAMAGED, "a customer's record is damaged");
        if (out->count++ > 0)
            buf_append_byte(&out->items, ',');
        status = store_render(&ids[i], record.version, record.updated_ms, record.body, &out->items, err);
    }
    return status;
}

static enum status fetch_items(struct customers *c, const struct uuid *ids, size_t n, int64_t deadline_ms,
                               struct page *out, struct error *err)
{
    struct call *calls[CUSTOMERS_PAGE_MAX];
    for (size_t i = 0; i < n; i++) {
        struct key key = key_record(&ids[i]);
        const struct slice command[] = { SLICE("GET"), key_slice(&key) };
        calls[i] = store_command(CALL_READ, uuid_bucket(&ids[i]), command, 2);
    }
    enum status status = store_run(c, calls, n, deadline_ms, err);
    if (status == STATUS_OK)
        status = append_items(ids, n, calls, out, err);
    for (size_t i = 0; i < n; i++)
        call_release(calls[i]);
    return status;
}

/* Fills the page; customers that were deleted since their index was read are made up for by later ones. */
static enum status fill(struct walk *walk, size_t limit, struct page *out, struct uuid *last, bool *more,
                        struct error *err)
{
    enum status status = STATUS_OK;
    *more = true;
    while (status == STATUS_OK && *more && out->count < limit) {
        struct uuid ids[CUSTOMERS_PAGE_MAX];
        size_t n = 0, wanted = limit - out->count;
        while (status == STATUS_OK && *more && n < wanted) {
            status = next_id(walk, &ids[n], more, err);
            if (status == STATUS_OK && *more)
                *last = ids[n++];
        }
        if (status == STATUS_OK)
            status = fetch_items(walk->c, ids, n, walk->deadline_ms, out, err);
    }
    struct uuid beyond;
    if (status == STATUS_OK && *more)
        status = next_id(walk, &beyond, more, err);
    return status;
}

enum status customers_list(struct customers *c, size_t limit, struct slice cursor, int64_t deadline_ms, struct page *out,
                           struct error *err)
{
    enum status status = customers_ready(c, err);
    if (status != STATUS_OK)
        return status;
    struct walk *walk = calloc(1, sizeof *walk);
    if (walk == NULL)
        return error_set(err, STATUS_INTERNAL, "out of memory");
    walk->c = c;
    walk->deadline_ms = deadline_ms;
    walk->window = limit > 40 ? 4 : 3; /* so few that hardly a bucket of 256 has to be asked twice */
    walk->dry = BUCKETS;
    struct uuid last = { { 0 } };
    bool more = false;
    if (cursor.len > 0 && !cursor_decode(c->secrets.cursor_key, cursor, &walk->below)) {
        status = error_set(err, STATUS_BAD_CURSOR, "the cursor is damaged, or was made by another deployment");
        goto out;
    }
    walk->started = cursor.len > 0;
    metrics_count(c->counts.walks, (const size_t[]){ walk->started ? WALK_CONTINUED : WALK_STARTED }, 1);
    status = fill(walk, limit, out, &last, &more, err);
    if (status == STATUS_OK && !more)
        metrics_count(c->counts.walks, (const size_t[]){ WALK_FINISHED }, 1);
    if (status == STATUS_OK && more)
        cursor_encode(c->secrets.cursor_key, &last, &out->next_cursor);
out:
    free(walk);
    return status;
}
