#include "fake_store.h"

#include "customerd/api/preconditions.h"
#include "customerd/customers/customers.h"
#include "customerd/customers/email.h"

#include "fuzz.h"

#define STORED_MAX 4
#define NOW_MS 1700000000000

struct stored {
    bool used;
    struct customer_stamp stamp;
    struct buf body;
    struct buf email;
};

static struct stored table[STORED_MAX];
static enum status failure_now;
static unsigned calls;
static uint8_t next_id;

static void forget(struct stored *s)
{
    buf_clean_up(&s->body);
    buf_clean_up(&s->email);
    s->used = false;
}

void fake_store_reset(enum status failure)
{
    for (size_t i = 0; i < STORED_MAX; i++)
        forget(&table[i]);
    failure_now = failure;
    calls = 0;
    next_id = 0;
}

static enum status may_fail(struct error *err)
{
    if (failure_now == STATUS_OK || calls++ % 2 == 0)
        return STATUS_OK;
    (void)error_set_retry(err, failure_now, 1, "so it was chosen");
    err->applied = failure_now == STATUS_OUTCOME_UNKNOWN ? APPLIED_UNKNOWN : APPLIED_NO;
    return failure_now;
}

static struct stored *find(const struct uuid *id)
{
    for (size_t i = 0; i < STORED_MAX; i++)
        if (table[i].used && memcmp(&table[i].stamp.id, id, sizeof *id) == 0)
            return &table[i];
    return NULL;
}

static struct stored *find_email(struct slice email)
{
    for (size_t i = 0; i < STORED_MAX; i++)
        if (table[i].used && email.len > 0 && slice_equal(buf_slice(&table[i].email), email))
            return &table[i];
    return NULL;
}

static void render(const struct stored *s, struct buf *out)
{
    struct customer c;
    customer_init(&c);
    REQUIRE(customer_decode(buf_slice(&s->body), &c));
    customer_render(&s->stamp, &c, out);
    customer_clean_up(&c);
}

static void answer_with(const struct stored *s, struct answer *out)
{
    out->id = s->stamp.id;
    out->version = s->stamp.version;
    render(s, &out->json);
}

/* Writes the customer into its place, unless another has its e-mail. */
static enum status put(struct stored *s, const struct customer *in, struct answer *out, struct error *err)
{
    struct slice email = buf_slice(&in->email_normal);
    const struct stored *owner = find_email(email);
    if (owner != NULL && owner != s) {
        out->owner = owner->stamp.id;
        out->owner_known = true;
        return error_set(err, STATUS_EMAIL_TAKEN, "Another customer has this e-mail");
    }
    struct buf body = BUF_INIT((size_t)4 * CUSTOMER_MAX_BYTES);
    struct buf kept = BUF_INIT(EMAIL_NORMAL_MAX_BYTES);
    customer_encode(in, &body);
    buf_append(&kept, email);
    REQUIRE(buf_ok(&body) && buf_ok(&kept));
    forget(s);
    s->body = body;
    s->email = kept;
    s->used = true;
    s->stamp.updated_ms = NOW_MS;
    s->stamp.version++;
    answer_with(s, out);
    return STATUS_OK;
}

/* The customer, when it is there and the preconditions hold. */
static enum status open_for_write(const struct uuid *id, const struct write_options *o, struct stored **s,
                                  struct answer *out, struct error *err)
{
    enum status status = may_fail(err);
    *s = find(id);
    if (status != STATUS_OK)
        return status;
    if (*s == NULL && o->if_match.given)
        return error_set(err, STATUS_PRECONDITION_FAILED, "There is no such customer");
    if (*s == NULL)
        return error_set(err, STATUS_NOT_FOUND, "there is no customer with this id");
    if (precondition_lists(&o->if_match, (*s)->stamp.version))
        return STATUS_OK;
    out->version = (*s)->stamp.version;
    return error_set(err, STATUS_PRECONDITION_FAILED, "The customer has another version");
}

enum status customers_create(struct customers *c, const struct customer *in, const struct write_options *options,
                             struct answer *out, struct error *err)
{
    (void)c;
    enum status status = may_fail(err);
    out->replayed = options->idempotency.given && options->idempotency.key.len % 2 == 1;
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < STORED_MAX; i++) {
        if (table[i].used)
            continue;
        struct uuid id = { { 1, 2, 3, 4, 5, 6, 0x70, 8, 0x80 } };
        id.bytes[UUID_BYTES - 1] = next_id++;
        table[i].stamp = (struct customer_stamp){ .id = id, .created_ms = NOW_MS };
        return put(&table[i], in, out, err);
    }
    return error_set(err, STATUS_STORAGE_FULL, "the table is full");
}

enum status customers_get(struct customers *c, const struct uuid *id, int64_t deadline_ms, struct answer *out,
                          struct error *err)
{
    (void)c;
    (void)deadline_ms;
    enum status status = may_fail(err);
    const struct stored *s = find(id);
    if (status == STATUS_OK && s == NULL)
        status = error_set(err, STATUS_NOT_FOUND, "there is no customer with this id");
    if (status == STATUS_OK)
        answer_with(s, out);
    return status;
}

enum status customers_replace(struct customers *c, const struct uuid *id, const struct customer *in,
                              const struct write_options *options, struct answer *out, struct error *err)
{
    struct stored *s;
    (void)c;
    enum status status = open_for_write(id, options, &s, out, err);
    return status == STATUS_OK ? put(s, in, out, err) : status;
}

enum status customers_patch(struct customers *c, const struct uuid *id, const struct customer_patch *patch,
                            const struct write_options *options, struct answer *out, struct findings *f,
                            struct error *err)
{
    struct customer base, next;
    struct stored *s;
    (void)c;
    customer_init(&base);
    customer_init(&next);
    enum status status = open_for_write(id, options, &s, out, err);
    if (status == STATUS_OK) {
        REQUIRE(customer_decode(buf_slice(&s->body), &base));
        status = customer_patch_apply(patch, &base, &next, f, err);
    }
    if (status == STATUS_OK)
        status = put(s, &next, out, err);
    customer_clean_up(&base);
    customer_clean_up(&next);
    return status;
}

enum status customers_delete(struct customers *c, const struct uuid *id, const struct write_options *options,
                             struct answer *out, struct error *err)
{
    struct stored *s;
    (void)c;
    enum status status = open_for_write(id, options, &s, out, err);
    if (status == STATUS_OK) {
        out->id = *id;
        forget(s);
    }
    return status;
}

enum status customers_list(struct customers *c, size_t limit, struct slice cursor, int64_t deadline_ms, struct page *out,
                           struct error *err)
{
    (void)c;
    (void)deadline_ms;
    REQUIRE(limit >= 1 && limit <= CUSTOMERS_PAGE_MAX);
    if (cursor.len > 0 && !slice_is(cursor, "more"))
        return error_set(err, STATUS_BAD_CURSOR, "The cursor is not valid");
    enum status status = may_fail(err);
    for (size_t i = 0; i < STORED_MAX && status == STATUS_OK; i++) {
        if (!table[i].used)
            continue;
        if (out->count == limit) {
            buf_append_cstr(&out->next_cursor, "more");
            break;
        }
        if (out->count++ > 0)
            buf_append_byte(&out->items, ',');
        render(&table[i], &out->items);
    }
    return status;
}

enum status customers_find_by_email(struct customers *c, struct slice email_normal, int64_t deadline_ms,
                                    struct page *out, struct error *err)
{
    (void)c;
    (void)deadline_ms;
    enum status status = may_fail(err);
    const struct stored *s = find_email(email_normal);
    if (status == STATUS_OK && s != NULL) {
        render(s, &out->items);
        out->count = 1;
    }
    return status;
}

/* ---- what the service links besides ---- */

struct customers *customers_new(const struct customers_options *options, struct error *err)
{
    (void)options;
    (void)error_set(err, STATUS_INTERNAL, "there is no store here");
    return NULL;
}

void customers_destroy(struct customers *c)
{
    (void)c;
}

enum status customers_ready(struct customers *c, struct error *err)
{
    (void)c;
    (void)err;
    return STATUS_OK;
}

void customers_state(struct customers *c, struct customers_state *out)
{
    (void)c;
    *out = (struct customers_state){ .checked = true };
}

void customers_write_metrics(struct customers *c, struct buf *out)
{
    (void)c;
    (void)out;
}

void answer_init(struct answer *a)
{
    *a = (struct answer){ .version = 0 };
    buf_init(&a->json, CUSTOMER_MAX_BYTES);
}

void answer_clean_up(struct answer *a)
{
    buf_clean_up(&a->json);
}

void page_init(struct page *p)
{
    *p = (struct page){ .count = 0 };
    buf_init(&p->items, (size_t)(STORED_MAX + 1) * CUSTOMER_MAX_BYTES);
    buf_init(&p->next_cursor, 64);
}

void page_clean_up(struct page *p)
{
    buf_clean_up(&p->items);
    buf_clean_up(&p->next_cursor);
}
