/* S3's events, and warming, against a real redis-server. */
#include "objects_fixture.h"

static void test_an_event_drops_what_is_not_the_object_any_more(void **state)
{
    struct fixture *f = *state;
    fake_set(f, "one");
    (void)get(f, 0);
    fake_set(f, "two");
    forget(f, "two");
    assert_got(get(f, 1), OBJECT_MISS, "two");
}

static void test_an_event_leaves_what_it_tells(void **state)
{
    struct fixture *f = *state;
    struct error err;
    assert_int_equal(put(f, 0, "one", &err), STATUS_OK);
    forget(f, "one");
    assert_got(get(f, 1), OBJECT_HIT, "one");
    forget(f, "on"); /* another ETag, of which this one only begins like it */
    assert_got(get(f, 1), OBJECT_MISS, "one");
}

static void test_an_event_without_an_etag_drops(void **state)
{
    struct fixture *f = *state;
    fake_set(f, "one");
    (void)get(f, 0);
    fake_set(f, "");
    forget(f, "");
    assert_got(get(f, 1), OBJECT_MISS, "absent");
    fake_set(f, "two");
    forget(f, "two");
    assert_got(get(f, 1), OBJECT_MISS, "two");
}

/* It costs a question, and brings nothing back. */
static void test_an_event_that_comes_late_brings_nothing_old(void **state)
{
    struct fixture *f = *state;
    struct error err;
    assert_int_equal(put(f, 0, "one", &err), STATUS_OK);
    assert_int_equal(put(f, 0, "two", &err), STATUS_OK);
    forget(f, "one");
    assert_got(get(f, 1), OBJECT_MISS, "two");
    forget(f, "one");
    assert_got(get(f, 1), OBJECT_MISS, "two");
}

static void change_and_tell(void *ctx)
{
    struct fixture *f = ctx;
    f->s3.after = f->s3.after_head = NULL;
    fake_set(f, "two");
    forget(f, "two");
}

static void test_a_read_that_an_event_overtook_fills_nothing(void **state)
{
    struct fixture *f = *state;
    fake_set(f, "one");
    f->s3.after = change_and_tell;
    f->s3.ctx = f;
    assert_got(get(f, 0), OBJECT_BYPASS, "one");
    assert_got(get(f, 0), OBJECT_MISS, "two");
}

/* The event's change and the write: which of them S3 did last the write does not know. */
static void test_an_event_during_a_write_keeps_it_from_being_kept(void **state)
{
    struct fixture *f = *state;
    struct error err;
    f->s3.after_head = change_and_tell;
    f->s3.ctx = f;
    assert_int_equal(put(f, 0, "one", &err), STATUS_OK);
    assert_int_equal(kept_kind(f), '-');
    assert_got(get(f, 0), OBJECT_MISS, "two");
}

/* ---- warming ---- */

static enum object_warmth warm(struct fixture *f, enum status expected)
{
    enum object_warmth warmth = OBJECT_NOT_KEPT;
    struct error err;
    const struct object_name object = { SLICE(BUCKET), SLICE("a key") };
    assert_int_equal(objects_warm(f->instances[0], &object, monotonic_ms() + 3000, &warmth, &err), expected);
    return warmth;
}

static void test_warming_fills_what_is_not_fresh(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(warm(f, STATUS_OK), OBJECT_IS_ABSENT);
    fake_set(f, "one");
    forget(f, "");
    assert_int_equal(warm(f, STATUS_OK), OBJECT_WARMED);
    assert_int_equal(warm(f, STATUS_OK), OBJECT_WAS_FRESH);
    assert_got(get(f, 1), OBJECT_HIT, "one");
    f->s3.mood = FAKE_FAILS;
    forget(f, "");
    (void)warm(f, STATUS_S3_UNAVAILABLE);
}

static void test_what_stays_past_its_time_is_not_warmed(void **state)
{
    struct fixture *f = *state;
    fake_set(f, "one");
    assert_int_equal(warm(f, STATUS_OK), OBJECT_WARMED);
    age_entry(f, 331000);
    f->s3.mood = FAKE_FAILS;
    (void)warm(f, STATUS_S3_UNAVAILABLE);
    redis_command(f->redis, "FLUSHALL");
    assert_int_equal(warm(f, STATUS_OK), OBJECT_WARMED);
}

static void fill_up(void *fixture)
{
    const struct fixture *f = fixture;
    redis_command(f->redis, "CONFIG SET maxmemory 1");
}

static void test_what_a_full_cache_refuses_is_not_warmed(void **state)
{
    struct fixture *f = *state;
    fake_set(f, "one");
    f->s3.before = fill_up;
    f->s3.ctx = f;
    (void)warm(f, STATUS_UNAVAILABLE);
    redis_command(f->redis, "CONFIG SET maxmemory 0");
    assert_int_equal(kept_kind(f), '-');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, fixture_set_up, fixture_tear_down)
        TEST(an_event_drops_what_is_not_the_object_any_more),
        TEST(an_event_leaves_what_it_tells),
        TEST(an_event_without_an_etag_drops),
        TEST(an_event_that_comes_late_brings_nothing_old),
        TEST(a_read_that_an_event_overtook_fills_nothing),
        TEST(an_event_during_a_write_keeps_it_from_being_kept),
        TEST(warming_fills_what_is_not_fresh),
        TEST(what_stays_past_its_time_is_not_warmed),
        TEST(what_a_full_cache_refuses_is_not_warmed),
    };
    return objects_tests_run(tests, COUNT(tests));
}
