/* Writing, against a real redis-server: what readers get while a write is under way, and after it was killed anywhere. */
#include "objects_fixture.h"

#include "cache.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>

static const struct object_name object = { SLICE(BUCKET), SLICE("a key") };

/* A read of its own thread. */
struct reader {
    struct fixture *f;
    int instance;
    struct got got;
    pthread_t thread;
};

static void *read_once(void *arg)
{
    struct reader *r = arg;
    r->got = get(r->f, r->instance);
    return NULL;
}

static void start_reader(struct reader *r, struct fixture *f, int instance)
{
    *r = (struct reader){ .f = f, .instance = instance };
    assert_int_equal(pthread_create(&r->thread, NULL, read_once, r), 0);
}

static bool keeps_an_object(void *fixture)
{
    return kept_kind(fixture) == 'O';
}

/* ---- how writes end ---- */

static void test_what_was_put_is_a_hit_everywhere(void **state)
{
    struct fixture *f = *state;
    struct error err;
    fake_set(f, "one");
    (void)get(f, 1);
    assert_int_equal(put(f, 0, "two", &err), STATUS_OK);
    assert_got(get(f, 1), OBJECT_HIT, "two");
    assert_got(get(f, 0), OBJECT_HIT, "two");
    assert_int_equal(f->s3.gets, 1);
}

static void test_what_was_deleted_is_absent_everywhere(void **state)
{
    struct fixture *f = *state;
    struct error err;
    fake_set(f, "one");
    (void)get(f, 1);
    assert_int_equal(delete(f, 0, &err), STATUS_OK);
    assert_got(get(f, 1), OBJECT_HIT, "absent");
    assert_int_equal(put(f, 1, "two", &err), STATUS_OK);
    assert_got(get(f, 0), OBJECT_HIT, "two");
}

static void test_what_is_too_long_is_put_and_not_kept(void **state)
{
    struct fixture *f = *state;
    struct error err;
    assert_int_equal(put(f, 0, "longer than the forty bytes that are kept here", &err), STATUS_OK);
    assert_int_equal(kept_kind(f), 'B');
    assert_string_equal(f->s3.content, "longer than the forty bytes that are kept here");
}

static void test_a_write_that_s3_refuses_leaves_no_fence(void **state)
{
    struct fixture *f = *state;
    struct error err;
    fake_set(f, "one");
    f->s3.mood = FAKE_FAILS;
    assert_int_equal(delete(f, 0, &err), STATUS_S3_UNAVAILABLE);
    assert_int_equal(err.applied, APPLIED_NO);
    assert_int_equal(kept_kind(f), '-');
    assert_got(get(f, 1), OBJECT_MISS, "one");
    f->s3.mood = FAKE_REFUSES;
    assert_int_equal(put(f, 0, "two", &err), STATUS_PRECONDITION_FAILED);
    assert_int_equal(kept_kind(f), '-'); /* whose condition did not hold may know better than the cache */
    assert_false(has_spare(f));
}

static void test_after_a_write_that_did_nothing_hits_go_on(void **state)
{
    struct fixture *f = *state;
    struct error err;
    fake_set(f, "one");
    (void)get(f, 1);
    age_entry(f, 60000);
    for (int i = 0; i < 3; i++) {
        f->s3.mood = FAKE_FAILS;
        assert_int_equal(put(f, i % 2, "two", &err), STATUS_S3_UNAVAILABLE);
        assert_false(has_spare(f));
        struct got got = get(f, 1);
        assert_got(got, OBJECT_HIT, "one");
        assert_in_range(got.age_ms, 60000, 65000); /* it has grown no younger */
    }
    assert_int_equal(f->s3.gets, 1);
    assert_int_equal(put(f, 0, "two", &err), STATUS_OK);
    assert_got(get(f, 1), OBJECT_HIT, "two");
    assert_false(has_spare(f));
}

static void tell_event(void *ctx)
{
    struct fixture *f = ctx;
    f->s3.before = NULL;
    assert_true(has_spare(f));
    forget(f, "elsewhere");
    assert_false(has_spare(f));
}

static void test_what_was_there_does_not_come_back_where_an_event_came(void **state)
{
    struct fixture *f = *state;
    struct error err;
    fake_set(f, "one");
    (void)get(f, 1);
    f->s3.before = tell_event;
    f->s3.ctx = f;
    f->s3.mood = FAKE_FAILS;
    assert_int_equal(put(f, 0, "two", &err), STATUS_S3_UNAVAILABLE);
    assert_int_equal(kept_kind(f), '-');
}

static void put_three_beside(void *ctx)
{
    struct fixture *f = ctx;
    struct error err;
    f->s3.before = NULL;
    assert_int_equal(put(f, 1, "three", &err), STATUS_OK);
    assert_false(has_spare(f));
    f->s3.mood = FAKE_FAILS;
}

static void test_nor_where_another_write_came_between(void **state)
{
    struct fixture *f = *state;
    struct error err;
    fake_set(f, "one");
    (void)get(f, 1);
    f->s3.before = put_three_beside;
    f->s3.ctx = f;
    assert_int_equal(put(f, 0, "two", &err), STATUS_S3_UNAVAILABLE);
    assert_int_equal(kept_kind(f), '-');
    assert_got(get(f, 1), OBJECT_MISS, "three");
}

/* The first of two writes is killed behind S3, and its fence ends; the second does nothing. */
static void test_nor_from_before_another_write_whose_fence_is_over(void **state)
{
    struct fixture *f = *state;
    struct error err;
    fake_set(f, "one");
    (void)get(f, 1);
    f->settings.bounds.fence_ms = 2100;
    f->s3.mood = FAKE_LOSES_ANSWER;
    assert_int_equal(put(f, 0, "two", &err), STATUS_OUTCOME_UNKNOWN);
    assert_true(has_spare(f));
    assert_true(poll_until(keeps_nothing, f, 4000));
    f->s3.mood = FAKE_FAILS;
    assert_int_equal(put(f, 0, "three", &err), STATUS_S3_UNAVAILABLE);
    assert_int_equal(kept_kind(f), '-');
    assert_got(get(f, 1), OBJECT_MISS, "two");
}

static void test_after_a_write_of_unknown_end_readers_get_what_s3_has(void **state)
{
    struct fixture *f = *state;
    struct error err;
    fake_set(f, "one");
    (void)get(f, 0);
    f->settings.bounds.fence_ms = 2500;
    f->s3.mood = FAKE_LOSES_ANSWER;
    assert_int_equal(put(f, 0, "two", &err), STATUS_OUTCOME_UNKNOWN);
    assert_int_equal(err.applied, APPLIED_UNKNOWN);
    assert_got(get(f, 1), OBJECT_BYPASS, "two");
    fake_set(f, "three"); /* the write arrives late */
    assert_got(get(f, 1), OBJECT_BYPASS, "three");
    assert_int_equal(kept_kind(f), 'F');
    assert_true(poll_until(keeps_nothing, f, 4000));
    assert_got(get(f, 1), OBJECT_MISS, "three");
}

static int64_t failed_writes(struct fixture *f)
{
    struct buf text = BUF_INIT(1u << 16);
    long long n = -1;
    objects_write_metrics(f->instances[0], &text);
    const char *at = strstr(text.data, "\ncustomerd_objects_writes_total{outcome=\"failed\"} ");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "\ncustomerd_objects_writes_total{outcome=\"failed\"} %lld", &n), 1);
    buf_clean_up(&text);
    return n;
}

static void test_without_the_cache_nothing_is_written(void **state)
{
    struct fixture *f = *state;
    struct error err;
    assert_int_equal(failed_writes(f), 0);
    fake_set(f, "one");
    redis_signal(f->redis, SIGSTOP);
    enum status status = put(f, 0, "two", &err);
    redis_signal(f->redis, SIGCONT);
    assert_int_equal(status, STATUS_UNAVAILABLE);
    assert_int_equal(failed_writes(f), 1);
    assert_int_equal(err.applied, APPLIED_NO);
    assert_int_equal(f->s3.puts, 0);
}

/* The fence comes into force after its write was given up, and goes at once: what was there comes back. */
static void test_a_fence_that_came_too_late_is_let_go(void **state)
{
    struct fixture *f = *state;
    struct error err;
    fake_set(f, "one");
    assert_got(get(f, 1), OBJECT_MISS, "one");
    redis_signal(f->redis, SIGSTOP);
    enum status status = put(f, 0, "two", &err);
    redis_signal(f->redis, SIGCONT);
    assert_int_equal(status, STATUS_UNAVAILABLE);
    assert_true(poll_until(keeps_an_object, f, 5000));
    assert_got(get(f, 1), OBJECT_HIT, "one");
    assert_int_equal(f->s3.puts, 0);
}

static void stop_cache(void *ctx)
{
    struct fixture *f = ctx;
    redis_signal(f->redis, SIGSTOP);
}

/* What was sent is done when the server goes on. */
static void test_a_settlement_that_came_late_ends_the_fence(void **state)
{
    struct fixture *f = *state;
    struct error err;
    f->s3.after_head = stop_cache;
    f->s3.ctx = f;
    enum status status = put(f, 0, "two", &err);
    f->s3.after_head = NULL;
    redis_signal(f->redis, SIGCONT);
    assert_int_equal(status, STATUS_OK);
    assert_true(poll_until(keeps_an_object, f, 5000));
    assert_got(get(f, 1), OBJECT_HIT, "two");
}

static void test_a_write_needs_a_fence_that_lasts_longer_than_s3_may_take(void **state)
{
    struct fixture *f = *state;
    struct error err;
    f->settings.bounds.fence_ms = f->settings.s3.timeout_ms;
    fake_set(f, "one");
    assert_int_equal(put(f, 0, "two", &err), STATUS_S3_TIMED_OUT);
    assert_int_equal(f->s3.puts, 0);
    assert_got(get(f, 1), OBJECT_MISS, "one");
}

/* ---- reads beside a write ---- */

static void put_two(void *ctx)
{
    struct fixture *f = ctx;
    struct error err;
    f->s3.after = f->s3.after_head = NULL;
    assert_int_equal(put(f, 1, "two", &err), STATUS_OK);
}

/* S3 has answered a read with the old content; before that arrives a write begins and ends. */
static void test_a_read_that_a_write_overtook_fills_nothing(void **state)
{
    struct fixture *f = *state;
    fake_set(f, "one");
    f->s3.after = put_two;
    f->s3.ctx = f;
    assert_got(get(f, 0), OBJECT_BYPASS, "one");
    assert_got(get(f, 0), OBJECT_HIT, "two");
}

/* The same for one that asks whether an entry is still right. */
static void test_an_old_entry_that_a_write_overtook_is_not_prolonged(void **state)
{
    struct fixture *f = *state;
    fake_set(f, "one");
    (void)get(f, 0);
    age_entry(f, 331000);
    f->s3.after_head = put_two;
    f->s3.ctx = f;
    assert_got(get(f, 0), OBJECT_BYPASS, "one");
    assert_got(get(f, 0), OBJECT_HIT, "two");
}

/* Who comes after the write ended, and finds an earlier read under way, must not get what that one gets. */
static void test_who_comes_after_a_write_does_not_join_a_read_from_before(void **state)
{
    struct fixture *f = *state;
    struct reader first;
    struct reader second;
    struct gate gate = { .open = false };
    struct error err;
    fake_set(f, "one");
    f->s3.after = wait_at_gate;
    f->s3.ctx = &gate;
    start_reader(&first, f, 0);
    assert_true(poll_until(gate_is_reached, &gate, 2000));
    f->s3.after = NULL;
    assert_int_equal(put(f, 1, "two", &err), STATUS_OK);
    char line[128];
    snprintf(line, sizeof line, "DEL %s", entry_key()); /* else it would be a hit, without any flight */
    redis_command(f->redis, line);
    start_reader(&second, f, 0);
    (void)poll(NULL, 0, 100); /* it comes to wait; should it be late, it asks for itself all the same */
    atomic_store(&gate.open, true);
    pthread_join(first.thread, NULL);
    pthread_join(second.thread, NULL);
    assert_got(first.got, OBJECT_BYPASS, "one");
    assert_string_equal(second.got.text, "two");
}

/* ---- two writes ---- */

static void put_three(void *ctx)
{
    struct fixture *f = ctx;
    struct error err;
    f->s3.before = NULL;
    assert_int_equal(put(f, 1, "three", &err), STATUS_OK);
    assert_int_equal(kept_kind(f), 'F');
}

/* Which of the two S3 did last is not known to either. */
static void test_of_writes_that_overlap_none_is_kept(void **state)
{
    struct fixture *f = *state;
    struct error err;
    f->s3.before = put_three;
    f->s3.ctx = f;
    assert_int_equal(put(f, 0, "two", &err), STATUS_OK);
    assert_int_equal(kept_kind(f), '-');
    assert_got(get(f, 1), OBJECT_MISS, "two");
}

static void lose_three(void *ctx)
{
    struct fixture *f = ctx;
    struct error err;
    f->s3.before = NULL;
    f->s3.mood = FAKE_LOSES_ANSWER;
    assert_int_equal(put(f, 1, "three", &err), STATUS_OUTCOME_UNKNOWN);
}

static void test_a_fence_of_a_write_of_unknown_end_outlasts_others(void **state)
{
    struct fixture *f = *state;
    struct error err;
    f->s3.before = lose_three;
    f->s3.ctx = f;
    assert_int_equal(put(f, 0, "two", &err), STATUS_OK);
    assert_int_equal(kept_kind(f), 'F');
    fake_set(f, "three");
    assert_got(get(f, 0), OBJECT_BYPASS, "three");
}

/* ---- a fence that did not last ---- */

static void lose_fence(void *ctx)
{
    struct fixture *f = ctx;
    char line[128];
    f->s3.before = NULL;
    snprintf(line, sizeof line, "DEL %s", entry_key());
    redis_command(f->redis, line);
    assert_got(get(f, 1), OBJECT_MISS, "one");
    assert_int_equal(kept_kind(f), 'O');
}

static void test_what_was_filled_where_a_fence_was_evicted_goes_when_the_write_ends(void **state)
{
    struct fixture *f = *state;
    struct error err;
    fake_set(f, "one");
    f->s3.before = lose_fence;
    f->s3.ctx = f;
    assert_int_equal(put(f, 0, "two", &err), STATUS_OK);
    assert_int_equal(kept_kind(f), '-');
    assert_got(get(f, 1), OBJECT_MISS, "two");
}

/* ---- killed ---- */

struct killed {
    struct cache cache;
    struct cache_key key;
    struct cache_token token;
};

/* A write of which no more happens than its fence. */
static void begin_killed(struct killed *k, struct fixture *f, int64_t fence_ms)
{
    struct error err;
    k->cache = (struct cache){ f->clusters[0], clock_system(), 1000 };
    assert_int_equal(cache_key_of(&object, &k->key, &err), STATUS_OK);
    assert_true(cache_token_new(&k->token));
    assert_int_equal(cache_fence(&k->cache, &k->key, &k->token, fence_ms, monotonic_ms() + 1000, &err), STATUS_OK);
}

static void test_behind_a_fence_readers_get_what_s3_has_and_nothing_is_kept(void **state)
{
    struct fixture *f = *state;
    struct killed k;
    fake_set(f, "one");
    (void)get(f, 0);
    begin_killed(&k, f, 30000);
    assert_got(get(f, 0), OBJECT_BYPASS, "one");
    fake_set(f, "two");
    assert_got(get(f, 1), OBJECT_BYPASS, "two");
    assert_int_equal(kept_kind(f), 'F');
}

static void test_killed_behind_the_fence_the_old_content_stays(void **state)
{
    struct fixture *f = *state;
    struct killed k;
    fake_set(f, "one");
    (void)get(f, 1);
    begin_killed(&k, f, 200);
    assert_got(get(f, 1), OBJECT_BYPASS, "one");
    assert_true(poll_until(keeps_nothing, f, 2000));
    assert_got(get(f, 1), OBJECT_MISS, "one");
}

static void begin_another(void *ctx)
{
    struct killed k;
    struct fixture *f = ctx;
    f->s3.after = NULL;
    begin_killed(&k, f, 30000);
    fake_set(f, "two");
}

/* The fence is all that a killed write leaves: a read from before must not fill through it. */
static void test_a_read_that_a_killed_write_overtook_fills_nothing(void **state)
{
    struct fixture *f = *state;
    fake_set(f, "one");
    f->s3.after = begin_another;
    f->s3.ctx = f;
    assert_got(get(f, 0), OBJECT_BYPASS, "one");
    assert_int_equal(kept_kind(f), 'F');
    assert_got(get(f, 0), OBJECT_BYPASS, "two");
}

static void test_killed_behind_s3_nobody_gets_the_old_content(void **state)
{
    struct fixture *f = *state;
    struct killed k;
    fake_set(f, "one");
    (void)get(f, 1);
    begin_killed(&k, f, 200);
    fake_set(f, "two");
    assert_got(get(f, 1), OBJECT_BYPASS, "two");
    assert_true(poll_until(keeps_nothing, f, 2000));
    assert_got(get(f, 1), OBJECT_MISS, "two");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, fixture_set_up, fixture_tear_down)
        TEST(what_was_put_is_a_hit_everywhere),
        TEST(what_was_deleted_is_absent_everywhere),
        TEST(what_is_too_long_is_put_and_not_kept),
        TEST(a_write_that_s3_refuses_leaves_no_fence),
        TEST(after_a_write_that_did_nothing_hits_go_on),
        TEST(what_was_there_does_not_come_back_where_an_event_came),
        TEST(nor_where_another_write_came_between),
        TEST(nor_from_before_another_write_whose_fence_is_over),
        TEST(after_a_write_of_unknown_end_readers_get_what_s3_has),
        TEST(without_the_cache_nothing_is_written),
        TEST(a_fence_that_came_too_late_is_let_go),
        TEST(a_settlement_that_came_late_ends_the_fence),
        TEST(a_write_needs_a_fence_that_lasts_longer_than_s3_may_take),
        TEST(a_read_that_a_write_overtook_fills_nothing),
        TEST(an_old_entry_that_a_write_overtook_is_not_prolonged),
        TEST(who_comes_after_a_write_does_not_join_a_read_from_before),
        TEST(behind_a_fence_readers_get_what_s3_has_and_nothing_is_kept),
        TEST(of_writes_that_overlap_none_is_kept),
        TEST(a_fence_of_a_write_of_unknown_end_outlasts_others),
        TEST(what_was_filled_where_a_fence_was_evicted_goes_when_the_write_ends),
        TEST(killed_behind_the_fence_the_old_content_stays),
        TEST(a_read_that_a_killed_write_overtook_fills_nothing),
        TEST(killed_behind_s3_nobody_gets_the_old_content),
    };
    return objects_tests_run(tests, COUNT(tests));
}
