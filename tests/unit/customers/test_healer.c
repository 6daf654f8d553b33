/* The sweeper and the scrubber, stepped by hand and as the healer's thread runs them. */
#include "healer.h"
#include "store_fixture.h"

#include <signal.h>
#include <stdio.h>

#define ANN "{\"name\":\"Ann\",\"email\":\"ann@example.net\"}"
#define LONG_MS 60000

static struct customers_state sweep_once(const struct fixture *f)
{
    struct customers_state counts = { .checked = true };
    struct error err;
    if (sweep_buckets(f->a.customers, &counts, &err) != STATUS_OK)
        fail_msg("%s", err.detail);
    assert_int_equal(counts.sweeps, 1);
    return counts;
}

static bool holds_keys(const struct fixture *f, uint8_t bucket)
{
    char pattern[8];
    snprintf(pattern, sizeof pattern, "{%s}*", bucket_tag(bucket));
    const struct slice words[] = { SLICE("KEYS"), slice_cstr(pattern) };
    struct call *call = raw_call(&f->a, words, 2);
    bool holds = reply_count(call_reply(call)) > 0;
    call_release(call);
    return holds;
}

/* All buckets that hold anything, and some more, so that SCAN comes round. */
static struct customers_state scrub_all(const struct fixture *f)
{
    static const atomic_bool go_on;
    struct customers_state counts = { .checked = true };
    struct scrub scrub = { .c = f->a.customers, .state = &counts, .stop = &go_on };
    struct error err;
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        if (bucket >= 4 && !holds_keys(f, (uint8_t)bucket))
            continue;
        scrub.bucket = bucket;
        if (scrub_step(&scrub, &err) != STATUS_OK)
            fail_msg("bucket %u: %s", bucket, err.detail);
        assert_int_equal(scrub.bucket, (bucket + 1) % BUCKETS);
    }
    return counts;
}

static void assert_nothing_found(const struct fixture *f)
{
    struct customers_state counts = scrub_all(f);
    assert_int_equal(counts.repaired_claims, 0);
    assert_int_equal(counts.repaired_index, 0);
    assert_int_equal(counts.removed_orphans, 0);
    assert_int_equal(counts.violations, 0);
}

/* ---- sweeper ---- */

static void the_sweeper_fences_what_is_past_its_deadline_and_releases_its_claim(void **state)
{
    struct fixture *f = *state;
    struct claim claim;
    struct uuid id = create_ok(&f->a, ANN);
    uint64_t n = step_begin(&f->a, &id, "eve@example.net", 0);
    assert_int_equal(step_claim(&f->a, &id, "eve@example.net", n), WORD_CLAIMED);
    assert_int_equal(sweep_once(f).fenced, 1);
    assert_false(has_intent(&f->a, &id));
    assert_int_equal(count_releases(&f->a, &id), 1);
    assert_int_equal(sweep_once(f).released, 1);
    assert_false(claim_of(&f->a, "eve@example.net", &claim));
    assert_int_equal(count_releases(&f->a, &id), 0);
    assert_owner(&f->a, "ann@example.net", &id);
    assert_nothing_found(f);
}

static void the_sweeper_leaves_a_change_in_its_time_alone(void **state)
{
    struct fixture *f = *state;
    struct uuid id = create_ok(&f->a, ANN);
    uint64_t n = step_begin(&f->a, &id, "eve@example.net", LONG_MS);
    assert_int_equal(step_claim(&f->a, &id, "eve@example.net", n), WORD_CLAIMED);
    assert_int_equal(sweep_once(f).fenced, 0);
    assert_nothing_found(f);
    assert_int_equal(step_commit(&f->a, &id, n, "{\"name\":\"Ann\",\"email\":\"eve@example.net\",\"balance\":0}"),
                     WORD_DONE);
    assert_owner(&f->a, "eve@example.net", &id);
}

static void the_sweeper_releases_many_at_once_and_forgets_them(void **state)
{
    struct fixture *f = *state;
    char json[96];
    for (int i = 0; i < 150; i++) {
        snprintf(json, sizeof json, "{\"name\":\"A\",\"email\":\"c%d@example.net\"}", i);
        struct uuid id = create_ok(&f->a, json);
        step_delete(&f->a, &id);
    }
    assert_int_equal(sweep_once(f).released, 150);
    for (int b = 0; b < BUCKETS; b++) {
        struct key releases = key_of_bucket((uint8_t)b, 'r');
        assert_int_equal(RAW(&f->a, slice_cstr("EXISTS"), key_slice(&releases)), 0);
    }
    assert_nothing_found(f);
}

static void a_release_that_is_late_leaves_a_later_claim_alone(void **state)
{
    struct fixture *f = *state;
    struct uuid ann = create_ok(&f->a, ANN);
    step_delete(&f->a, &ann);
    struct uuid next = create_ok(&f->b, ANN); /* takes the claim over */
    assert_int_equal(sweep_once(f).released, 0);
    assert_int_equal(count_releases(&f->a, &ann), 0);
    assert_owner(&f->a, "ann@example.net", &next);
    assert_nothing_found(f);
}

static void a_damaged_key_does_not_keep_others_from_being_swept(void **state)
{
    struct fixture *f = *state;
    struct uuid id = create_ok(&f->a, ANN);
    uint8_t other = (uint8_t)(uuid_bucket(&id) ^ 1);
    struct key releases = key_of_bucket(other, 'r'), intents = key_of_bucket(other, 'p');
    RAW(&f->a, slice_cstr("SET"), key_slice(&releases), slice_cstr("x"));
    RAW(&f->a, slice_cstr("SET"), key_slice(&intents), slice_cstr("x"));
    step_delete(&f->a, &id);
    struct customers_state counts = { .checked = true };
    struct error err;
    assert_int_equal(sweep_buckets(f->a.customers, &counts, &err), STATUS_RECORD_DAMAGED);
    assert_int_equal(counts.released, 1);
}

/* ---- scrubber ---- */

static void sound_data_are_left_alone(void **state)
{
    struct fixture *f = *state;
    char json[96];
    for (int i = 0; i < 100; i++) {
        snprintf(json, sizeof json, i % 2 == 0 ? "{\"name\":\"A\",\"email\":\"c%d@example.net\"}" : "{\"name\":\"A%d\"}", i);
        struct uuid id = create_ok(&f->a, json);
        if (i % 10 == 0)
            expect_patch(&f->a, &id, "{\"email\":\"moved@example.net\"}", i == 0 ? STATUS_OK : STATUS_EMAIL_TAKEN);
    }
    (void)sweep_once(f);
    assert_nothing_found(f);
}

static void an_orphan_claim_is_removed(void **state)
{
    struct fixture *f = *state;
    struct claim orphan = { .n = 5 }, found;
    assert_true(uuid_new(1, 77, &orphan.id));
    set_claim(&f->a, "eve@example.net", &orphan);
    assert_int_equal(scrub_all(f).removed_orphans, 1);
    assert_false(claim_of(&f->a, "eve@example.net", &found));
    assert_nothing_found(f);
}

static void a_missing_claim_is_set_again(void **state)
{
    struct fixture *f = *state;
    struct claim before, after;
    struct uuid id = create_ok(&f->a, ANN);
    struct email_hash eh = hash_of(&f->a, "ann@example.net");
    struct key claims = key_claims(eh.bytes);
    assert_true(claim_of(&f->a, "ann@example.net", &before));
    RAW(&f->a, slice_cstr("HDEL"), key_slice(&claims), slice_of(eh.bytes, sizeof eh.bytes));
    assert_owner(&f->a, "ann@example.net", NULL);
    assert_int_equal(scrub_all(f).repaired_claims, 1);
    assert_true(claim_of(&f->a, "ann@example.net", &after));
    assert_int_equal(after.n, before.n);
    assert_owner(&f->a, "ann@example.net", &id);
    assert_nothing_found(f);
}

static void a_claim_that_names_nobody_is_set_right(void **state)
{
    struct fixture *f = *state;
    struct claim wrong = { .n = 5 };
    struct uuid id = create_ok(&f->a, ANN);
    assert_true(uuid_new(1, 77, &wrong.id));
    set_claim(&f->a, "ann@example.net", &wrong);
    assert_int_equal(scrub_all(f).repaired_claims, 1);
    assert_owner(&f->a, "ann@example.net", &id);
    assert_nothing_found(f);
}

static void a_claim_with_a_wrong_number_is_set_right(void **state)
{
    static const uint64_t wrong[] = { 1, UINT64_C(1) << 40 };
    struct fixture *f = *state;
    struct claim right, claim;
    struct uuid id = create_ok(&f->a, ANN);
    assert_true(claim_of(&f->a, "ann@example.net", &right));
    for (size_t i = 0; i < 2; i++) {
        claim = (struct claim){ .id = id, .n = wrong[i] };
        set_claim(&f->a, "ann@example.net", &claim);
        assert_int_equal(scrub_all(f).repaired_claims, 1);
        assert_true(claim_of(&f->a, "ann@example.net", &claim));
        assert_int_equal(claim.n, right.n);
    }
}

static void a_damaged_claim_of_a_live_customer_is_set_right(void **state)
{
    struct fixture *f = *state;
    struct uuid id = create_ok(&f->a, ANN);
    struct email_hash eh = hash_of(&f->a, "ann@example.net");
    struct key claims = key_claims(eh.bytes);
    RAW(&f->a, slice_cstr("HSET"), key_slice(&claims), slice_of(eh.bytes, sizeof eh.bytes), slice_cstr("?"));
    assert_int_equal(scrub_all(f).repaired_claims, 1);
    assert_owner(&f->a, "ann@example.net", &id);
    assert_nothing_found(f);
}

static void a_claim_of_a_change_past_its_deadline_is_fenced_and_removed(void **state)
{
    struct fixture *f = *state;
    struct claim claim;
    struct uuid id = create_ok(&f->a, ANN);
    uint64_t n = step_begin(&f->a, &id, "eve@example.net", 0);
    assert_int_equal(step_claim(&f->a, &id, "eve@example.net", n), WORD_CLAIMED);
    /* Rolled back by the scrubber, its claim is listed like any other, and is the sweeper's to release. */
    assert_int_equal(scrub_all(f).removed_orphans, 0);
    assert_false(has_intent(&f->a, &id));
    assert_int_equal(sweep_once(f).released, 1);
    assert_false(claim_of(&f->a, "eve@example.net", &claim));
}

static void index_entries_are_made_to_agree_with_records(void **state)
{
    struct fixture *f = *state;
    struct uuid unlisted = create_ok(&f->a, ANN), stale;
    struct key index = key_of_bucket(uuid_bucket(&unlisted), 'i');
    assert_int_equal(RAW(&f->a, slice_cstr("ZREM"), key_slice(&index), slice_of(unlisted.bytes, UUID_BYTES)), 1);
    assert_true(uuid_new(1, uuid_bucket(&unlisted), &stale));
    RAW(&f->a, slice_cstr("ZADD"), key_slice(&index), slice_cstr("0"), slice_of(stale.bytes, UUID_BYTES));
    assert_int_equal(scrub_all(f).repaired_index, 2);
    assert_int_equal(RAW(&f->a, slice_cstr("ZCARD"), key_slice(&index)), 1);
    assert_int_equal(RAW(&f->a, slice_cstr("ZREM"), key_slice(&index), slice_of(unlisted.bytes, UUID_BYTES)), 1);
}

static void an_index_of_many_pages_is_walked_to_its_end(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 200; i++) {
        struct uuid id = insert_record(&f->a, 5, 1000 + i, "A");
        struct key record = key_record(&id);
        if (i % 64 == 63 || i == 199)
            RAW(&f->a, slice_cstr("DEL"), key_slice(&record));
    }
    assert_int_equal(scrub_all(f).repaired_index, 4);
    assert_nothing_found(f);
}

/* Stores a copy of the record under another id: two live customers with one e-mail. */
static struct uuid make_twin(const struct replica *r, const struct uuid *id)
{
    struct uuid twin;
    assert_true(uuid_new(2000, uuid_bucket(id), &twin));
    struct key from = key_record(id), to = key_record(&twin), index = key_of_bucket(uuid_bucket(id), 'i');
    assert_int_equal(RAW(r, slice_cstr("COPY"), key_slice(&from), key_slice(&to)), 1);
    RAW(r, slice_cstr("ZADD"), key_slice(&index), slice_cstr("0"), slice_of(twin.bytes, UUID_BYTES));
    return twin;
}

static void two_customers_with_one_email_are_counted_and_never_decided(void **state)
{
    struct fixture *f = *state;
    struct uuid ann = create_ok(&f->a, ANN), twin = make_twin(&f->a, &ann);
    for (int pass = 0; pass < 2; pass++) {
        struct customers_state counts = scrub_all(f);
        assert_int_equal(counts.violations, 1);
        assert_int_equal(counts.repaired_claims + counts.removed_orphans + counts.repaired_index, 0);
    }
    expect_get(&f->a, &ann, STATUS_OK);
    expect_get(&f->a, &twin, STATUS_OK);
    assert_owner(&f->a, "ann@example.net", &ann);
}

static void what_is_damaged_is_passed_over_and_the_rest_scrubbed(void **state)
{
    struct fixture *f = *state;
    struct claim orphan = { .n = 5 }, found;
    struct uuid id = create_ok(&f->a, ANN);
    uint8_t bucket = uuid_bucket(&id);
    /* In one bucket: a record of another type, one that is cut, an index member and claims that are none. */
    struct uuid list = insert_record(&f->a, bucket, 1000, "A"), cut = insert_record(&f->a, bucket, 1001, "A");
    struct key list_key = key_record(&list), cut_key = key_record(&cut), claims = key_claims_at(bucket, 3);
    struct key index = key_of_bucket((uint8_t)(bucket ^ 1), 'i');
    RAW(&f->a, slice_cstr("DEL"), key_slice(&list_key));
    RAW(&f->a, slice_cstr("RPUSH"), key_slice(&list_key), slice_cstr("x"));
    RAW(&f->a, slice_cstr("SET"), key_slice(&cut_key), slice_cstr("\x01"));
    RAW(&f->a, slice_cstr("SET"), key_slice(&claims), slice_cstr("x"));
    RAW(&f->a, slice_cstr("SET"), key_slice(&index), slice_cstr("x"));
    assert_true(uuid_new(1, bucket, &orphan.id));
    set_claim(&f->a, "eve@example.net", &orphan);
    struct key right = key_of_bucket(bucket, 'i');
    assert_int_equal(RAW(&f->a, slice_cstr("ZREM"), key_slice(&right), slice_of(id.bytes, UUID_BYTES)), 1);
    struct customers_state counts = scrub_all(f);
    assert_int_equal(counts.removed_orphans, 1);
    assert_int_equal(counts.repaired_index, 1);
    assert_false(claim_of(&f->a, "eve@example.net", &found));
    assert_owner(&f->a, "ann@example.net", &id);
}

static void a_stop_ends_a_step_early(void **state)
{
    struct fixture *f = *state;
    static const atomic_bool stopped = true;
    struct customers_state counts = { .checked = true };
    struct scrub scrub = { .c = f->a.customers, .state = &counts, .stop = &stopped };
    struct error err;
    assert_int_equal(scrub_step(&scrub, &err), STATUS_NOT_READY);
}

/* ---- the thread ---- */

struct wanted {
    const struct replica *replica;
    struct customers_state at_least;
};

static bool has_healed(void *ctx)
{
    const struct wanted *w = ctx;
    struct customers_state now;
    customers_state(w->replica->customers, &now);
    return now.fenced >= w->at_least.fenced && now.released >= w->at_least.released &&
           now.removed_orphans >= w->at_least.removed_orphans && now.scrub_passes >= w->at_least.scrub_passes;
}

static void the_thread_sweeps_and_scrubs_by_itself(void **state)
{
    struct fixture *f = *state;
    struct replica r;
    struct uuid id = create_ok(&f->a, ANN);
    uint64_t n = step_begin(&f->a, &id, "eve@example.net", 0);
    struct claim claim;
    assert_int_equal(step_claim(&f->a, &id, "eve@example.net", n), WORD_CLAIMED);
    replica_start(f, &r, 10, IDLE_MS);
    replica_await_ready(&r);
    struct wanted swept = { .replica = &r, .at_least = { .fenced = 1, .released = 1 } };
    assert_true(poll_until(has_healed, &swept, 20000));
    assert_false(claim_of(&f->a, "eve@example.net", &claim));
    replica_stop(&r);

    set_claim(&f->a, "eve@example.net", &(struct claim){ .id = id, .n = 3 });
    replica_start(f, &r, IDLE_MS, 1);
    replica_await_ready(&r);
    struct wanted scrubbed = { .replica = &r, .at_least = { .removed_orphans = 1, .scrub_passes = 1 } };
    assert_true(poll_until(has_healed, &scrubbed, 60000));
    replica_stop(&r);
}

static void a_stop_does_not_wait_for_a_database_that_hangs(void **state)
{
    struct fixture *f = *state;
    struct replica r;
    replica_start(f, &r, 10, 1);
    replica_await_ready(&r);
    redis_signal(f->redis, SIGSTOP);
    int64_t begun_ms = monotonic_ms();
    replica_stop(&r);
    int64_t took_ms = monotonic_ms() - begun_ms;
    redis_signal(f->redis, SIGCONT);
    assert_in_range(took_ms, 0, 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(the_sweeper_fences_what_is_past_its_deadline_and_releases_its_claim),
        STORE_TEST(the_sweeper_leaves_a_change_in_its_time_alone),
        STORE_TEST(the_sweeper_releases_many_at_once_and_forgets_them),
        STORE_TEST(a_release_that_is_late_leaves_a_later_claim_alone),
        STORE_TEST(a_damaged_key_does_not_keep_others_from_being_swept),
        STORE_TEST(sound_data_are_left_alone),
        STORE_TEST(an_orphan_claim_is_removed),
        STORE_TEST(a_missing_claim_is_set_again),
        STORE_TEST(a_claim_that_names_nobody_is_set_right),
        STORE_TEST(a_claim_with_a_wrong_number_is_set_right),
        STORE_TEST(a_damaged_claim_of_a_live_customer_is_set_right),
        STORE_TEST(a_claim_of_a_change_past_its_deadline_is_fenced_and_removed),
        STORE_TEST(index_entries_are_made_to_agree_with_records),
        STORE_TEST(an_index_of_many_pages_is_walked_to_its_end),
        STORE_TEST(two_customers_with_one_email_are_counted_and_never_decided),
        STORE_TEST(what_is_damaged_is_passed_over_and_the_rest_scrubbed),
        STORE_TEST(a_stop_ends_a_step_early),
        STORE_TEST(the_thread_sweeps_and_scrubs_by_itself),
        STORE_TEST(a_stop_does_not_wait_for_a_database_that_hangs),
    };
    return store_tests_run(tests, sizeof tests / sizeof *tests);
}
