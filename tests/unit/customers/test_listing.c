/* Pages: what a walk sees when windows run dry, when customers come and go, and at the bounds. */
#include "store_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define SEEN_MAX 4000
#define BIRTH_MS INT64_C(1700000000000)

struct seen {
    char ids[SEEN_MAX][UUID_TEXT_SIZE];
    size_t n, pages;
};

static void see(struct seen *seen, struct slice items)
{
    static const char before[] = "{\"id\":\"";
    const char *at = items.ptr, *end = items.ptr + items.len;
    while (at != NULL && at < end && (at = memmem(at, (size_t)(end - at), before, sizeof before - 1)) != NULL) {
        at += sizeof before - 1;
        assert_true(seen->n < SEEN_MAX);
        memcpy(seen->ids[seen->n], at, UUID_TEXT_SIZE - 1);
        seen->ids[seen->n++][UUID_TEXT_SIZE - 1] = '\0';
    }
}

/* One page, its cursor in and out. False when it was the last. */
static bool walk_page(const struct replica *r, size_t limit, struct buf *cursor, struct seen *seen)
{
    struct page page;
    struct error err;
    size_t n = seen->n;
    page_init(&page);
    if (customers_list(r->customers, limit, buf_slice(cursor), soon_ms(), &page, &err) != STATUS_OK)
        fail_msg("%s", err.detail);
    see(seen, buf_slice(&page.items));
    assert_int_equal(seen->n - n, page.count);
    assert_true(page.count <= limit);
    buf_clear(cursor);
    buf_append(cursor, buf_slice(&page.next_cursor));
    bool more = page.next_cursor.len > 0;
    assert_true(!more || page.count == limit);
    page_clean_up(&page);
    seen->pages++;
    return more;
}

static void walk(const struct replica *r, size_t limit, struct seen *seen)
{
    struct buf cursor = BUF_INIT(256);
    memset(seen, 0, sizeof *seen);
    while (walk_page(r, limit, &cursor, seen))
        ;
    buf_clean_up(&cursor);
    for (size_t i = 1; i < seen->n; i++)
        assert_true(strcmp(seen->ids[i - 1], seen->ids[i]) > 0);
}

static bool has_seen(const struct seen *seen, const struct uuid *id)
{
    char text[UUID_TEXT_SIZE];
    uuid_format(id, text);
    for (size_t i = 0; i < seen->n; i++) {
        if (strcmp(seen->ids[i], text) == 0)
            return true;
    }
    return false;
}

/* n customers, born a millisecond after each other, in this bucket, or (when negative) all over. */
static void populate(const struct replica *r, int n, int bucket, struct uuid *ids)
{
    for (int i = 0; i < n; i++)
        ids[i] = insert_record(r, (uint8_t)(bucket < 0 ? i * 37 : bucket), BIRTH_MS + i, "A");
}

static void nothing_is_one_empty_page(void **state)
{
    struct fixture *f = *state;
    struct seen seen;
    walk(&f->a, 20, &seen);
    assert_int_equal(seen.n, 0);
    assert_int_equal(seen.pages, 1);
}

static void items_are_served_as_get_serves_them(void **state)
{
    struct fixture *f = *state;
    struct uuid id = create_ok(&f->a, "{\"name\":\"Ann\",\"email\":\"ann@example.net\",\"metadata\":{\"a\":true}}");
    struct outcome got = do_get(&f->a, &id);
    struct page page;
    struct error err;
    page_init(&page);
    assert_int_equal(customers_list(f->b.customers, 1, slice_cstr(""), soon_ms(), &page, &err), STATUS_OK);
    assert_slice(buf_slice(&page.items), got.answer.json.data);
    assert_int_equal(page.next_cursor.len, 0);
    page_clean_up(&page);
    outcome_clean_up(&got);
}

static void walks_of_every_limit_see_all_newest_first(void **state)
{
    struct fixture *f = *state;
    static const size_t limits[] = { 1, 2, 20, 99, 100 };
    static struct uuid ids[200];
    struct seen seen;
    populate(&f->a, 200, -1, ids);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        walk(&f->a, limits[i], &seen);
        assert_int_equal(seen.n, 200);
        assert_int_equal(seen.pages, (200 + limits[i] - 1) / limits[i]);
    }
}

static void windows_that_run_dry_are_filled_again(void **state)
{
    struct fixture *f = *state;
    static const size_t limits[] = { 1, 7, 100 };
    static struct uuid crowd[150], scattered[50];
    struct seen seen;
    populate(&f->a, 150, 9, crowd);
    populate(&f->a, 50, -1, scattered);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        walk(&f->a, limits[i], &seen);
        assert_int_equal(seen.n, 200);
    }
}

static void customers_of_one_millisecond_are_told_apart(void **state)
{
    struct fixture *f = *state;
    struct seen seen;
    for (int i = 0; i < 60; i++)
        insert_record(&f->a, (uint8_t)(i % 3), BIRTH_MS, "A");
    walk(&f->a, 7, &seen);
    assert_int_equal(seen.n, 60);
}

static void customers_deleted_after_their_index_was_read_are_made_up_for(void **state)
{
    struct fixture *f = *state;
    static struct uuid ids[100];
    struct seen seen;
    populate(&f->a, 100, -1, ids);
    for (int i = 0; i < 100; i++) {
        struct key key = key_record(&ids[i]); /* the entry stays, as for a reader who was a moment earlier */
        if (i % 3 != 0)
            RAW(&f->a, slice_cstr("DEL"), key_slice(&key));
    }
    struct buf cursor = BUF_INIT(256);
    memset(&seen, 0, sizeof seen);
    assert_true(walk_page(&f->a, 20, &cursor, &seen));
    assert_int_equal(seen.n, 20);
    while (walk_page(&f->a, 20, &cursor, &seen))
        ;
    buf_clean_up(&cursor);
    assert_int_equal(seen.n, 34);
}

static void a_walk_during_churn_sees_those_who_stay_once(void **state)
{
    struct fixture *f = *state;
    static struct uuid ids[120];
    struct seen seen;
    struct buf cursor = BUF_INIT(256);
    populate(&f->a, 120, -1, ids);
    memset(&seen, 0, sizeof seen);
    int round = 0;
    while (walk_page(round % 2 == 0 ? &f->a : &f->b, 10, &cursor, &seen)) {
        expect_delete(&f->a, &ids[round * 6], STATUS_OK);
        insert_record(&f->a, (uint8_t)(round * 50), BIRTH_MS + 60, "new");
        round++;
    }
    buf_clean_up(&cursor);
    assert_true(round > 8);
    for (int i = 0; i < 120; i++)
        assert_true(i % 6 == 0 || has_seen(&seen, &ids[i]));
    for (size_t i = 1; i < seen.n; i++)
        assert_true(strcmp(seen.ids[i - 1], seen.ids[i]) > 0);
}

static void a_cursor_outlives_the_customer_that_it_names(void **state)
{
    struct fixture *f = *state;
    static struct uuid ids[30];
    struct seen seen;
    struct buf cursor = BUF_INIT(256);
    populate(&f->a, 30, -1, ids);
    memset(&seen, 0, sizeof seen);
    assert_true(walk_page(&f->a, 10, &cursor, &seen));
    for (int i = 20; i < 30; i++)
        expect_delete(&f->a, &ids[i], STATUS_OK);
    while (walk_page(&f->a, 10, &cursor, &seen))
        ;
    buf_clean_up(&cursor);
    assert_int_equal(seen.n, 30);
}

static unsigned draw(unsigned *seed, unsigned n)
{
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 16) % n;
}

/* Pages of any limit from either replica; in between customers go, and others come anywhere, as from clocks that are late. */
static void walk_through_churn(const struct fixture *f, unsigned seed, struct uuid *ids, bool *gone, int n,
                               struct seen *seen)
{
    struct buf cursor = BUF_INIT(256);
    memset(seen, 0, sizeof *seen);
    while (walk_page(draw(&seed, 2) == 0 ? &f->a : &f->b, 1 + draw(&seed, draw(&seed, 3) == 0 ? 100 : 20), &cursor, seen)) {
        for (unsigned changes = draw(&seed, 12); changes > 0; changes--) {
            unsigned i = draw(&seed, (unsigned)n);
            if (!gone[i])
                expect_delete(&f->a, &ids[i], STATUS_OK);
            gone[i] = true;
            insert_record(&f->b, (uint8_t)draw(&seed, BUCKETS), BIRTH_MS + draw(&seed, (unsigned)n), "new");
        }
    }
    buf_clean_up(&cursor);
}

static void what_a_cursor_tells_of_the_buckets_hides_nobody(void **state)
{
    struct fixture *f = *state;
    enum { N = 500 };
    static struct uuid ids[N];
    static bool gone[N];
    static struct seen seen;
    unsigned seed = 1;
    for (int i = 0; i < N; i++) /* some buckets are crowded */
        ids[i] = insert_record(&f->a, (uint8_t)draw(&seed, i % 4 == 0 ? 8 : BUCKETS), BIRTH_MS + i / 2, "A");
    for (unsigned round = 0; round < 6; round++) {
        walk_through_churn(f, round, ids, gone, N, &seen);
        for (size_t i = 1; i < seen.n; i++)
            assert_true(strcmp(seen.ids[i - 1], seen.ids[i]) > 0);
        for (int i = 0; i < N; i++)
            assert_true(gone[i] || has_seen(&seen, &ids[i]));
    }
}

static long asked_below_an_id(const struct fixture *f)
{
    static const char before[] = "cmdstat_zrevrangebylex:calls=";
    const char *at = strstr(redis_command(f->redis, "INFO commandstats"), before);
    return at == NULL ? 0 : strtol(at + sizeof before - 1, NULL, 10);
}

static void a_page_in_a_walk_asks_some_of_the_buckets(void **state)
{
    struct fixture *f = *state;
    static struct uuid ids[900];
    struct seen seen = { .n = 0 };
    struct buf cursor = BUF_INIT(256);
    populate(&f->a, 900, -1, ids);
    redis_command(f->redis, "CONFIG RESETSTAT");
    assert_true(walk_page(&f->a, 50, &cursor, &seen));
    assert_int_equal(asked_below_an_id(f), 0);
    while (walk_page(&f->b, 50, &cursor, &seen))
        ;
    assert_int_equal(seen.n, 900);
    assert_in_range(asked_below_an_id(f), 1, 17 * BUCKETS / 2);
    buf_clean_up(&cursor);
}

static void expect_bad_cursor(const struct replica *r, struct slice cursor)
{
    struct page page;
    struct error err;
    page_init(&page);
    assert_int_equal(customers_list(r->customers, 10, cursor, soon_ms(), &page, &err), STATUS_BAD_CURSOR);
    assert_int_equal(page.count, 0);
    page_clean_up(&page);
}

static void a_cursor_that_is_damaged_or_of_another_deployment_is_refused(void **state)
{
    struct fixture *f = *state;
    static struct uuid ids[3];
    struct seen seen = { .n = 0 };
    struct buf cursor = BUF_INIT(256);
    populate(&f->a, 3, -1, ids);
    assert_true(walk_page(&f->a, 1, &cursor, &seen));
    expect_bad_cursor(&f->a, slice_of(cursor.data, cursor.len - 1));
    expect_bad_cursor(&f->a, slice_cstr("x"));
    redis_command(f->redis, "FLUSHALL");
    struct replica other;
    replica_start(f, &other, IDLE_MS, IDLE_MS);
    replica_await_ready(&other);
    expect_bad_cursor(&other, buf_slice(&cursor));
    replica_stop(&other);
    buf_clean_up(&cursor);
}

static void a_damaged_record_or_index_is_told_not_skipped(void **state)
{
    struct fixture *f = *state;
    static struct uuid ids[3];
    struct page page;
    struct error err;
    populate(&f->a, 3, -1, ids);
    struct key record = key_record(&ids[1]);
    RAW(&f->a, slice_cstr("SETRANGE"), key_slice(&record), slice_cstr("0"), slice_cstr("\x09"));
    page_init(&page);
    assert_int_equal(customers_list(f->a.customers, 10, slice_cstr(""), soon_ms(), &page, &err), STATUS_RECORD_DAMAGED);
    page_clean_up(&page);
    RAW(&f->a, slice_cstr("DEL"), key_slice(&record));
    struct key index = key_of_bucket(200, 'i');
    RAW(&f->a, slice_cstr("ZADD"), key_slice(&index), slice_cstr("0"), slice_cstr("short"));
    page_init(&page);
    assert_int_equal(customers_list(f->a.customers, 10, slice_cstr(""), soon_ms(), &page, &err), STATUS_RECORD_DAMAGED);
    page_clean_up(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(nothing_is_one_empty_page),
        STORE_TEST(items_are_served_as_get_serves_them),
        STORE_TEST(walks_of_every_limit_see_all_newest_first),
        STORE_TEST(windows_that_run_dry_are_filled_again),
        STORE_TEST(customers_of_one_millisecond_are_told_apart),
        STORE_TEST(customers_deleted_after_their_index_was_read_are_made_up_for),
        STORE_TEST(a_walk_during_churn_sees_those_who_stay_once),
        STORE_TEST(what_a_cursor_tells_of_the_buckets_hides_nobody),
        STORE_TEST(a_page_in_a_walk_asks_some_of_the_buckets),
        STORE_TEST(a_cursor_outlives_the_customer_that_it_names),
        STORE_TEST(a_cursor_that_is_damaged_or_of_another_deployment_is_refused),
        STORE_TEST(a_damaged_record_or_index_is_told_not_skipped),
    };
    return store_tests_run(tests, sizeof tests / sizeof *tests);
}
