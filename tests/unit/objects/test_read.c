/* Reading, against a real redis-server. */
#include "objects_fixture.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>

#define READERS 32

static void test_a_miss_asks_s3_and_the_next_is_a_hit_in_every_instance(void **state)
{
    struct fixture *f = *state;
    fake_set(f, "one");
    assert_got(get(f, 0), OBJECT_MISS, "one");
    assert_got(get(f, 0), OBJECT_HIT, "one");
    assert_got(get(f, 1), OBJECT_HIT, "one");
    assert_int_equal(f->s3.gets, 1);
    assert_false(has_lease(f));
}

static void test_age_is_what_the_server_says(void **state)
{
    struct fixture *f = *state;
    fake_set(f, "one");
    assert_int_equal(get(f, 0).age_ms, 0);
    age_entry(f, 60000);
    int64_t age_ms = get(f, 1).age_ms;
    assert_in_range(age_ms, 60000, 62000);
}

static void test_an_absent_object_is_remembered_briefly(void **state)
{
    struct fixture *f = *state;
    assert_got(get(f, 0), OBJECT_MISS, "absent");
    assert_got(get(f, 1), OBJECT_HIT, "absent");
    assert_int_equal(f->s3.gets, 1);
    fake_set(f, "one");
    age_entry(f, 8900);
    assert_true(poll_until(keeps_nothing, f, 4000));
    assert_got(get(f, 1), OBJECT_MISS, "one");
}

static void test_absence_is_not_remembered_where_it_should_not_be(void **state)
{
    struct fixture *f = *state;
    f->settings.bounds.absent_ttl_s = 0;
    assert_int_equal(get(f, 0).status, STATUS_NOT_FOUND);
    assert_int_equal(kept_kind(f), '-');
    fake_set(f, "one");
    assert_got(get(f, 0), OBJECT_MISS, "one");
}

static void test_past_its_time_s3_is_asked_whether_it_changed(void **state)
{
    struct fixture *f = *state;
    fake_set(f, "one");
    (void)get(f, 0);
    age_entry(f, 331000);
    struct got got = get(f, 0);
    assert_got(got, OBJECT_MISS, "one");
    assert_int_equal(got.age_ms, 0);
    assert_true(f->s3.gets == 1 && f->s3.heads == 1);
    got = get(f, 1);
    assert_got(got, OBJECT_HIT, "one");
    assert_in_range(got.age_ms, 0, 5000);
    age_entry(f, 331000);
    fake_set(f, "two");
    assert_got(get(f, 0), OBJECT_MISS, "two");
    assert_got(get(f, 1), OBJECT_HIT, "two");
}

/* Whose ETag is the same. */
static void test_the_same_bytes_of_another_type_are_a_change(void **state)
{
    struct fixture *f = *state;
    fake_set(f, "one");
    assert_string_equal(get(f, 0).type, "text/plain");
    age_entry(f, 331000);
    snprintf(f->s3.type, sizeof f->s3.type, "text/html");
    struct got got = get(f, 0);
    assert_got(got, OBJECT_MISS, "one");
    assert_string_equal(got.type, "text/html");
    got = get(f, 1);
    assert_got(got, OBJECT_HIT, "one");
    assert_string_equal(got.type, "text/html");
}

static void test_past_its_time_an_object_may_be_gone(void **state)
{
    struct fixture *f = *state;
    fake_set(f, "one");
    (void)get(f, 0);
    age_entry(f, 331000);
    fake_set(f, "");
    assert_got(get(f, 0), OBJECT_MISS, "absent");
    assert_got(get(f, 1), OBJECT_HIT, "absent");
}

static void test_while_s3_fails_what_is_past_its_time_is_served(void **state)
{
    struct fixture *f = *state;
    fake_set(f, "one");
    (void)get(f, 0);
    age_entry(f, 331000);
    f->s3.mood = FAKE_FAILS;
    f->s3.mood_lasts = true;
    assert_got(get(f, 0), OBJECT_STALE, "one");
    assert_true(f->s3.gets == 1 && f->s3.heads == 1);
    assert_true(has_lease(f));
    for (int i = 0; i < 5; i++)
        assert_got(get(f, i % 2), OBJECT_STALE, "one");
    assert_in_range(f->s3.heads, 1, 2); /* one a second */
    age_entry(f, 3600000);
    assert_int_equal(get(f, 0).status, STATUS_S3_UNAVAILABLE);
}

static void test_a_miss_fails_while_s3_does_and_the_lease_ends(void **state)
{
    struct fixture *f = *state;
    fake_set(f, "one");
    f->s3.mood = FAKE_FAILS;
    assert_int_equal(get(f, 0).status, STATUS_S3_UNAVAILABLE);
    assert_false(has_lease(f));
    assert_got(get(f, 1), OBJECT_MISS, "one");
}

/* ---- many at once ---- */

struct reader {
    struct fixture *f;
    int instance;
    int64_t timeout_ms; /* 0: as usual */
    struct got got;
    pthread_t thread;
};

static void *read_once(void *arg)
{
    struct reader *r = arg;
    r->got = r->timeout_ms > 0 ? get_within(r->f, r->instance, r->timeout_ms) : get(r->f, r->instance);
    return NULL;
}

static void start_readers(struct fixture *f, struct reader *readers, int n)
{
    for (int i = 0; i < n; i++) {
        readers[i] = (struct reader){ .f = f, .instance = i % INSTANCES };
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_once, &readers[i]), 0);
    }
}

static void test_many_misses_at_once_ask_s3_once(void **state)
{
    struct fixture *f = *state;
    struct reader readers[READERS];
    struct gate gate = { .open = false };
    fake_set(f, "one");
    f->s3.before = wait_at_gate;
    f->s3.ctx = &gate;
    start_readers(f, readers, READERS);
    assert_true(poll_until(gate_is_reached, &gate, 2000));
    (void)poll(NULL, 0, 100); /* the others come to wait; nothing is decided by it */
    atomic_store(&gate.open, true);
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i].thread, NULL);
        assert_string_equal(readers[i].got.text, "one");
    }
    assert_int_equal(f->s3.gets, 1);
}

static void test_others_get_what_is_old_while_one_asks(void **state)
{
    struct fixture *f = *state;
    struct reader reader;
    struct gate gate = { .open = false };
    fake_set(f, "one");
    (void)get(f, 0);
    age_entry(f, 331000);
    fake_set(f, "two");
    f->s3.before = wait_at_gate;
    f->s3.ctx = &gate;
    start_readers(f, &reader, 1);
    assert_true(poll_until(gate_is_reached, &gate, 2000));
    assert_got(get(f, 0), OBJECT_STALE, "one");
    assert_got(get(f, 1), OBJECT_STALE, "one");
    atomic_store(&gate.open, true);
    pthread_join(reader.thread, NULL);
    assert_got(reader.got, OBJECT_MISS, "two");
    assert_got(get(f, 1), OBJECT_HIT, "two");
}

/* Who asks for all may be the one that has the least time. */
static void test_who_has_no_time_left_fails_for_itself_alone(void **state)
{
    struct fixture *f = *state;
    struct gate gate = { .open = false };
    struct reader late = { .f = f, .timeout_ms = 1500 }, other = { .f = f };
    fake_set(f, "one");
    f->s3.mood = FAKE_IS_SLOW;
    f->s3.before = wait_at_gate;
    f->s3.ctx = &gate;
    assert_int_equal(pthread_create(&late.thread, NULL, read_once, &late), 0);
    assert_true(poll_until(gate_is_reached, &gate, 1000));
    assert_int_equal(pthread_create(&other.thread, NULL, read_once, &other), 0);
    (void)poll(NULL, 0, 100); /* it comes to wait; nothing is decided by it */
    atomic_store(&gate.open, true);
    pthread_join(late.thread, NULL);
    pthread_join(other.thread, NULL);
    assert_int_equal(late.got.status, STATUS_S3_TIMED_OUT);
    assert_got(other.got, OBJECT_MISS, "one");
    assert_int_equal(f->s3.gets, 2);
}

static void test_a_lease_whose_holder_is_gone_does_not_stop_others(void **state)
{
    struct fixture *f = *state;
    char line[128];
    fake_set(f, "one");
    snprintf(line, sizeof line, "SET %s somebody PX 60000", lease_key());
    redis_command(f->redis, line);
    int64_t began_ms = monotonic_ms();
    assert_got(get_within(f, 0, 2000), OBJECT_BYPASS, "one");
    assert_in_range(monotonic_ms() - began_ms, 900, 1700); /* half of its time, and some for a busy machine */
}

/* ---- without the cache ---- */

static void test_without_the_cache_s3_is_asked(void **state)
{
    struct fixture *f = *state;
    fake_set(f, "one");
    (void)get(f, 0);
    redis_signal(f->redis, SIGSTOP);
    fake_set(f, "two");
    struct got got = get(f, 0);
    redis_signal(f->redis, SIGCONT);
    assert_got(got, OBJECT_BYPASS, "two");
}

/* Those that come while S3 is being asked get the answer to another question, all of them to the same. */
static void test_without_the_cache_many_at_once_share_few_questions(void **state)
{
    struct fixture *f = *state;
    struct reader readers[READERS];
    struct gate gate = { .open = false };
    fake_set(f, "one");
    f->s3.before = wait_at_gate;
    f->s3.ctx = &gate;
    redis_signal(f->redis, SIGSTOP);
    for (int i = 0; i < READERS; i++) {
        readers[i] = (struct reader){ .f = f };
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_once, &readers[i]), 0);
    }
    bool reached = poll_until(gate_is_reached, &gate, 2500);
    (void)poll(NULL, 0, 500); /* the others come to wait: two questions where all come in time, more where the machine is busy */
    atomic_store(&gate.open, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i].thread, NULL);
    redis_signal(f->redis, SIGCONT);
    assert_true(reached);
    for (int i = 0; i < READERS; i++)
        assert_got(readers[i].got, OBJECT_BYPASS, "one");
    assert_in_range(f->s3.gets, 1, READERS / 2);
}

/* ---- what can't be read ---- */

static void command_on(struct fixture *f, const char *before, const char *key, const char *behind)
{
    char line[256];
    snprintf(line, sizeof line, "%s %s %s", before, key, behind);
    assert_int_not_equal(redis_command(f->redis, line)[0], '-');
}

static int64_t damaged_so_far(struct fixture *f)
{
    struct buf text = BUF_INIT(1u << 16);
    long long n = -1;
    objects_write_metrics(f->instances[0], &text);
    const char *at = strstr(text.data, "\ncustomerd_objects_damaged_total ");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "\ncustomerd_objects_damaged_total %lld", &n), 1);
    buf_clean_up(&text);
    return n;
}

/* The next one who asks fills the place; nobody goes past it until it ends. */
static void test_what_can_not_be_read_is_dropped(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *before, *behind;
    } damages[] = {
        { "SETRANGE", "20 \"\\x05\\xff\\xff\"" },         /* a field that is longer than all */
        { "SETRANGE", "0 Z" },                              /* of no kind */
        { "SETRANGE", "1 \"\\x01\"" },                      /* of another format */
        { "SETRANGE", "23 \"\\x01\"" },                     /* a byte that can't stand in a head */
        { "APPEND", "." },                                  /* longer than it should be */
        { "PERSIST", "" },                                  /* without an end */
        { "SET", "F0" },                                    /* a fence without one */
        { "SET", "\"\" PX 100000" },
    };
    int64_t before = damaged_so_far(f);
    fake_set(f, "one");
    for (size_t i = 0; i < COUNT(damages); i++) {
        (void)get(f, 0);
        command_on(f, damages[i].before, entry_key(), damages[i].behind);
        assert_got(get(f, 0), OBJECT_MISS, "one");
        assert_got(get(f, 1), OBJECT_HIT, "one");
        assert_int_equal(damaged_so_far(f), before + 1 + (int64_t)i);
    }
}

static void test_what_is_no_string_is_dropped(void **state)
{
    struct fixture *f = *state;
    struct error err;
    fake_set(f, "one");
    command_on(f, "RPUSH", entry_key(), "a");
    assert_got(get(f, 0), OBJECT_MISS, "one");
    command_on(f, "DEL", entry_key(), "");
    command_on(f, "RPUSH", lease_key(), "a");
    assert_got(get(f, 0), OBJECT_MISS, "one");
    assert_false(has_lease(f));
    command_on(f, "DEL", entry_key(), "");
    command_on(f, "RPUSH", entry_key(), "a");
    assert_int_equal(put(f, 0, "two", &err), STATUS_OK);
    assert_got(get(f, 1), OBJECT_HIT, "two");
    command_on(f, "DEL", entry_key(), "");
    command_on(f, "RPUSH", entry_key(), "a");
    forget(f, "three");
    assert_int_equal(kept_kind(f), '-');
}

static void test_a_fence_that_ends_is_not_dropped(void **state)
{
    struct fixture *f = *state;
    int64_t before = damaged_so_far(f);
    fake_set(f, "one");
    command_on(f, "SET", entry_key(), "F0 PX 30000");
    assert_got(get(f, 0), OBJECT_BYPASS, "one");
    assert_int_equal(kept_kind(f), 'F');
    assert_int_equal(damaged_so_far(f), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, fixture_set_up, fixture_tear_down)
        TEST(a_miss_asks_s3_and_the_next_is_a_hit_in_every_instance),
        TEST(age_is_what_the_server_says),
        TEST(an_absent_object_is_remembered_briefly),
        TEST(absence_is_not_remembered_where_it_should_not_be),
        TEST(past_its_time_s3_is_asked_whether_it_changed),
        TEST(the_same_bytes_of_another_type_are_a_change),
        TEST(past_its_time_an_object_may_be_gone),
        TEST(while_s3_fails_what_is_past_its_time_is_served),
        TEST(a_miss_fails_while_s3_does_and_the_lease_ends),
        TEST(many_misses_at_once_ask_s3_once),
        TEST(others_get_what_is_old_while_one_asks),
        TEST(who_has_no_time_left_fails_for_itself_alone),
        TEST(a_lease_whose_holder_is_gone_does_not_stop_others),
        TEST(without_the_cache_s3_is_asked),
        TEST(without_the_cache_many_at_once_share_few_questions),
        TEST(what_can_not_be_read_is_dropped),
        TEST(what_is_no_string_is_dropped),
        TEST(a_fence_that_ends_is_not_dropped),
    };
    return objects_tests_run(tests, COUNT(tests));
}
