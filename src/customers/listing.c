/* A page of the listing: the walk's next ids, and their records. */
#include "customerd/core/crypto.h"
#include "walk.h"

#define ITEMS_MAX_BYTES (CUSTOMERS_PAGE_MAX * (CUSTOMER_MAX_BYTES + 512))

_Static_assert(CUSTOMERS_PAGE_MAX < BUCKETS, "walk_mark finds a bucket for each id of a page");

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
static enum status fill(struct customers *c, struct walk *walk, size_t limit, int64_t deadline_ms, struct page *out,
                        bool *more, struct error *err)
{
    enum status status = STATUS_OK;
    *more = true;
    while (status == STATUS_OK && *more && out->count < limit) {
        struct uuid ids[CUSTOMERS_PAGE_MAX];
        size_t n = 0, wanted = limit - out->count;
        while (status == STATUS_OK && *more && n < wanted) {
            status = walk_next(walk, &ids[n], more, err);
            n += status == STATUS_OK && *more;
        }
        if (status == STATUS_OK)
            status = fetch_items(c, ids, n, deadline_ms, out, err);
    }
    return status == STATUS_OK && *more ? walk_has_more(walk, more, err) : status;
}

static enum status list_from(struct customers *c, const struct cursor *from, size_t limit, int64_t deadline_ms,
                             struct page *out, struct error *err)
{
    bool more = false;
    struct walk *walk = walk_new(c, from, deadline_ms);
    if (walk == NULL)
        return error_set(err, STATUS_INTERNAL, "out of memory");
    enum status status = fill(c, walk, limit, deadline_ms, out, &more, err);
    if (status == STATUS_OK && more) {
        struct cursor next;
        walk_mark(walk, limit, &next);
        cursor_encode(c->secrets.cursor_key, &next, &out->next_cursor);
    } else if (status == STATUS_OK) {
        metrics_count(c->counts.walks, (const size_t[]){ WALK_FINISHED }, 1);
    }
    walk_destroy(walk);
    return status;
}

enum status customers_list(struct customers *c, size_t limit, struct slice cursor, int64_t deadline_ms, struct page *out,
                           struct error *err)
{
    struct cursor from;
    bool continued = cursor.len > 0;
    enum status status = customers_ready(c, err);
    if (status != STATUS_OK)
        return status;
    if (continued && !cursor_decode(c->secrets.cursor_key, cursor, &from))
        return error_set(err, STATUS_BAD_CURSOR, "the cursor is damaged, or was made by another deployment or version");
    metrics_count(c->counts.walks, (const size_t[]){ continued ? WALK_CONTINUED : WALK_STARTED }, 1);
    return list_from(c, continued ? &from : NULL, limit, deadline_ms, out, err);
}
