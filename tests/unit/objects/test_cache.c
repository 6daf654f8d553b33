/* The scripts themselves, where a request does not show what they do: under a lease, or with a token, that is not the caller's. */
#include "objects_fixture.h"

#include "cache.h"

#include <stdio.h>
#include <stdlib.h>

struct bench {
    struct fixture *f;
    struct cache cache;
    struct cache_key key;
    struct cache_token mine;
    struct cache_token other;
    int64_t next_ms; /* that the next write's fence lasts */
};

static const struct object_name object = { SLICE(BUCKET), SLICE("a key") };

static int64_t soon(void)
{
    return monotonic_ms() + 2000;
}

static struct bench begin(void **state)
{
    struct bench b = { .f = *state, .next_ms = 30000 };
    struct error err;
    b.cache = (struct cache){ b.f->clusters[0], clock_system(), 1000 };
    assert_int_equal(cache_key_of(&object, &b.key, &err), STATUS_OK);
    assert_true(cache_token_new(&b.mine) && cache_token_new(&b.other));
    return b;
}

static enum cache_advice lease(struct bench *b, const struct cache_token *token)
{
    struct cache_found found;
    struct error err;
    enum cache_advice advice = CACHE_ADVICES;
    assert_int_equal(cache_lease(&b->cache, &b->key, token, 5000, soon(), &advice, &found, &err), STATUS_OK);
    call_release(found.call);
    return advice;
}

static bool touch(struct bench *b, const struct cache_token *token, const struct entry *entry)
{
    struct error err;
    bool kept;
    assert_int_equal(cache_touch(&b->cache, &b->key, token, entry, soon(), &kept, &err), STATUS_OK);
    return kept;
}

static void fence_for(struct bench *b, const struct cache_token *token, int64_t ms)
{
    struct error err;
    assert_int_equal(cache_fence(&b->cache, &b->key, token, ms, soon(), &err), STATUS_OK);
}

static void fence(struct bench *b, const struct cache_token *token)
{
    fence_for(b, token, 30000);
}

static enum cache_settlement settle(struct bench *b, const struct cache_token *token)
{
    struct error err;
    enum cache_settlement ended;
    const struct entry e = { .kind = ENTRY_TOO_LONG, .life_ms = 5000, .fresh_ms = 5000 };
    struct buf head = BUF_INIT(64);
    entry_write_head(&e, NULL, &head);
    const struct cache_content content = { e.life_ms, buf_slice(&head), { "", 0 } };
    assert_int_equal(cache_settle(&b->cache, &b->key, token, &content, soon(), &ended, &err), STATUS_OK);
    buf_clean_up(&head);
    return ended;
}

static void test_a_lease_is_its_holders(void **state)
{
    struct bench b = begin(state);
    assert_int_equal(lease(&b, &b.mine), CACHE_GO);
    assert_int_equal(lease(&b, &b.mine), CACHE_GO); /* asked again, since the answer was lost */
    assert_int_equal(lease(&b, &b.other), CACHE_WAIT);
    struct error err;
    assert_int_equal(cache_release(&b.cache, &b.key, &b.other, 0, soon(), &err), STATUS_OK);
    assert_int_equal(lease(&b, &b.other), CACHE_WAIT);
    assert_int_equal(cache_release(&b.cache, &b.key, &b.mine, 0, soon(), &err), STATUS_OK);
    assert_int_equal(lease(&b, &b.other), CACHE_GO);
}

static void test_only_the_leases_holder_prolongs_an_entry(void **state)
{
    struct bench b = begin(state);
    struct cache_found found;
    struct error err;
    fake_set(b.f, "one");
    (void)get(b.f, 0);
    age_entry(b.f, 331000);
    assert_int_equal(cache_read(&b.cache, &b.key, soon(), &found, &err), STATUS_OK);
    assert_int_equal(lease(&b, &b.mine), CACHE_GO);
    assert_false(touch(&b, &b.other, &found.entry));
    assert_true(has_lease(b.f));
    assert_true(touch(&b, &b.mine, &found.entry));
    assert_false(has_lease(b.f));
    call_release(found.call);
    assert_got(get(b.f, 1), OBJECT_HIT, "one");
}

static void test_another_entry_is_not_prolonged(void **state)
{
    struct bench b = begin(state);
    struct cache_found found;
    struct error err;
    fake_set(b.f, "one");
    (void)get(b.f, 0);
    age_entry(b.f, 331000);
    assert_int_equal(cache_read(&b.cache, &b.key, soon(), &found, &err), STATUS_OK);
    fake_set(b.f, "two");
    (void)get(b.f, 0);
    age_entry(b.f, 331000);
    assert_int_equal(lease(&b, &b.mine), CACHE_GO);
    assert_false(touch(&b, &b.mine, &found.entry));
    call_release(found.call);
}

static void test_a_settlement_that_comes_twice_or_late_only_drops(void **state)
{
    struct bench b = begin(state);
    fence(&b, &b.mine);
    assert_int_equal(settle(&b, &b.mine), CACHE_KEPT);
    assert_int_equal(settle(&b, &b.mine), CACHE_DROPPED);
    assert_int_equal(kept_kind(b.f), '-');
    fence(&b, &b.other);
    assert_int_equal(settle(&b, &b.mine), CACHE_FENCED);
    assert_int_equal(kept_kind(b.f), 'F');
    assert_int_equal(settle(&b, &b.other), CACHE_DROPPED); /* not kept: something came beside it */
}

static void test_a_fence_that_comes_twice_lists_its_write_once(void **state)
{
    struct bench b = begin(state);
    fence(&b, &b.mine);
    fence(&b, &b.mine);
    assert_int_equal(settle(&b, &b.mine), CACHE_KEPT);
}

/* Then it can't be told when all are settled: it lasts its time. */
static void test_a_fence_of_too_many_writes_stays(void **state)
{
    struct bench b = begin(state);
    struct cache_token tokens[33];
    for (int i = 0; i < 33; i++) {
        assert_true(cache_token_new(&tokens[i]));
        fence(&b, &tokens[i]);
    }
    for (int i = 0; i < 33; i++)
        assert_int_equal(settle(&b, &tokens[i]), CACHE_FENCED);
    assert_int_equal(kept_kind(b.f), 'F');
    assert_int_equal(lease(&b, &b.mine), CACHE_BYPASS);
}

static int64_t time_left(struct bench *b)
{
    char line[128];
    snprintf(line, sizeof line, "PTTL %s", entry_key());
    return atoll(redis_command(b->f->redis, line) + 1);
}

/* Of a write that was not settled, or of too many. Others that come later do not prolong it, nor what it is for. */
static bool next_write_is_kept(void *arg)
{
    struct bench *b = arg;
    struct cache_token token;
    assert_true(cache_token_new(&token));
    fence_for(b, &token, b->next_ms);
    return settle(b, &token) == CACHE_KEPT;
}

static void test_a_write_is_listed_for_its_own_time(void **state)
{
    struct bench b = begin(state);
    fence_for(&b, &b.mine, 400);
    fence(&b, &b.other);
    assert_in_range(time_left(&b), 20000, 30000);
    assert_int_equal(settle(&b, &b.other), CACHE_FENCED);
    assert_in_range(time_left(&b), 1, 400); /* the fence ends with the last that it lists */
    assert_false(next_write_is_kept(&b));
    assert_true(poll_until(next_write_is_kept, &b, 5000));
}

static void test_so_are_too_many_writes(void **state)
{
    struct bench b = begin(state);
    struct cache_token token;
    b.next_ms = 1000; /* while there are too many, the next is not listed either */
    for (int i = 0; i < 33; i++) {
        assert_true(cache_token_new(&token));
        fence_for(&b, &token, 1000);
    }
    assert_false(next_write_is_kept(&b));
    assert_true(poll_until(next_write_is_kept, &b, 5000));
}

/* Its write can't be asked about, and may still be done. */
static void test_a_write_whose_time_is_over_is_not_kept(void **state)
{
    struct bench b = begin(state);
    fence_for(&b, &b.other, 100);
    fence(&b, &b.mine);
    assert_int_equal(settle(&b, &b.mine), CACHE_FENCED);
    assert_true(poll_until(keeps_nothing, b.f, 2000));
    fence_for(&b, &b.other, 100);
    assert_true(poll_until(keeps_nothing, b.f, 2000));
    assert_int_equal(settle(&b, &b.other), CACHE_DROPPED);
}

/* As while instances are replaced. What it is for is not known, and lasts the time that it has. */
static void test_a_fence_of_another_version_lasts_its_time(void **state)
{
    struct bench b = begin(state);
    /* Of one token, and of six: then it is as long as one of this version may be. */
    static const char *const fences[] = { "F0token...", "F0tokens..tokens..tokens..tokens..tokens..tokens.." };
    char line[160];
    for (size_t i = 0; i < COUNT(fences); i++) {
        snprintf(line, sizeof line, "SET %s %s PX 1000", entry_key(), fences[i]);
        redis_command(b.f->redis, line);
        assert_false(next_write_is_kept(&b));
        assert_in_range(time_left(&b), 1, 1000);
        assert_true(poll_until(next_write_is_kept, &b, 5000));
    }
}

static void test_what_is_no_entry_is_asked_for_anew(void **state)
{
    struct bench b = begin(state);
    char line[128];
    fake_set(b.f, "one");
    snprintf(line, sizeof line, "SET %s Orubbish PX 60000", entry_key());
    redis_command(b.f->redis, line);
    assert_got(get(b.f, 0), OBJECT_MISS, "one");
    assert_got(get(b.f, 1), OBJECT_HIT, "one");
}

static void test_names_that_differ_have_keys_that_differ(void **state)
{
    (void)state;
    struct cache_key a;
    struct cache_key b;
    struct error err;
    const struct object_name one = { SLICE("shop"), SLICE("x:y") };
    const struct object_name two = { SLICE("shop"), SLICE("x:y ") };
    const struct object_name none = { SLICE("shop"), SLICE("") };
    char much[OBJECT_KEY_MAX_BYTES + 1];
    memset(much, 'k', sizeof much);
    const struct object_name longest = { SLICE("shop"), { much, OBJECT_KEY_MAX_BYTES } };
    const struct object_name too_long = { SLICE("shop"), { much, sizeof much } };
    assert_int_equal(cache_key_of(&one, &a, &err), STATUS_OK);
    assert_int_equal(cache_key_of(&two, &b, &err), STATUS_OK);
    assert_false(slice_equal(slice_of(a.entry, a.len), slice_of(b.entry, b.len)));
    assert_int_equal(a.slot, cluster_key_slot(slice_of(a.entry, a.len)));
    assert_int_equal(a.slot, cluster_key_slot(slice_of(a.lease, a.len)));
    assert_int_equal(cache_key_of(&none, &a, &err), STATUS_BAD_REQUEST);
    assert_int_equal(cache_key_of(&longest, &a, &err), STATUS_OK);
    assert_int_equal(cache_key_of(&too_long, &a, &err), STATUS_BAD_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, fixture_set_up, fixture_tear_down)
        TEST(a_lease_is_its_holders),
        TEST(only_the_leases_holder_prolongs_an_entry),
        TEST(another_entry_is_not_prolonged),
        TEST(a_settlement_that_comes_twice_or_late_only_drops),
        TEST(a_fence_that_comes_twice_lists_its_write_once),
        TEST(a_fence_of_too_many_writes_stays),
        TEST(a_write_is_listed_for_its_own_time),
        TEST(so_are_too_many_writes),
        TEST(a_write_whose_time_is_over_is_not_kept),
        TEST(a_fence_of_another_version_lasts_its_time),
        TEST(what_is_no_entry_is_asked_for_anew),
        TEST(names_that_differ_have_keys_that_differ),
    };
    return objects_tests_run(tests, COUNT(tests));
}
