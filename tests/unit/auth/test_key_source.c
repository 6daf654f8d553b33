#include "key_source.h"

#include "fake_issuer.h"
#include "signature.h"
#include "token_maker.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define URL "https://issuer/keys"
#define MINUTE_MS 60000

static struct token_key *keys[2];
static struct fake_issuer issuer;
static struct key_source *source;
static char path[64];

static int make_keys(void **state)
{
    (void)state;
    keys[0] = token_key_new(JWT_ES256, "zero", 0);
    keys[1] = token_key_new(JWT_ES256, "one", 0);
    return signature_global_init() ? 0 : -1;
}

static int free_keys(void **state)
{
    (void)state;
    token_key_free(keys[0]);
    token_key_free(keys[1]);
    signature_global_clean_up();
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    fake_issuer_init(&issuer, 0);
    (void)snprintf(path, sizeof path, "/tmp/customerd-keys-XXXXXX");
    int fd = mkstemp(path);
    return fd >= 0 && close(fd) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    key_source_destroy(source);
    source = NULL;
    (void)unlink(path);
    return 0;
}

static const char *set_of(int first, int last)
{
    return first == last ? text_of("{\"keys\":[%s]}", token_key_jwk(keys[first], ""))
                         : text_of("{\"keys\":[%s,%s]}", token_key_jwk(keys[0], ""), token_key_jwk(keys[1], ""));
}

static enum status start(const char *from)
{
    struct error err = { .code = STATUS_OK };
    const struct key_source_options options = { .from = from, .http = &issuer.http, .clock = &issuer.clock };
    source = key_source_new(&options, &err);
    return err.code;
}

static size_t count(void)
{
    struct key_source_state state;
    key_source_state(source, &state);
    return state.n_keys;
}

static bool has_keys(void *ctx)
{
    return count() == *(const size_t *)ctx;
}

static void expect_keys(size_t n)
{
    assert_true(eventually(has_keys, &n));
}

static void start_with(const char *set, size_t n_keys)
{
    fake_issuer_answer(&issuer, 200, set);
    assert_int_equal(start(URL), STATUS_OK);
    expect_keys(n_keys);
}

static bool has_fetched(void *ctx)
{
    return atomic_load(&issuer.fetches) >= *(const int *)ctx;
}

static void expect_fetches(int n)
{
    assert_true(eventually(has_fetched, &n));
}

static int64_t in_ms(int64_t ms)
{
    return clock_monotonic_ms(&issuer.clock) + ms;
}

static struct key_set *newer_than(const struct key_set *known, int64_t ms, bool *certain)
{
    return key_source_get_newer(source, known, in_ms(ms), certain);
}

static bool finds(const struct key_set *s, const char *kid)
{
    struct jwt_header header = { .alg = JWT_ES256 };
    (void)snprintf(header.kid, sizeof header.kid, "%s", kid);
    return s != NULL && key_set_find(s, &header) != NULL;
}

static void a_server_that_is_not_there_yet_is_asked_again(void **state)
{
    (void)state;
    assert_int_equal(start(URL), STATUS_OK);
    expect_fetches(1);
    assert_null(key_source_get(source));
    fake_issuer_answer(&issuer, 200, set_of(0, 1));
    expect_keys(2);
    struct key_source_state s;
    key_source_state(source, &s);
    assert_true(s.failures >= 1);
    assert_string_equal(s.last_failure, "");
}

static void an_outage_keeps_the_last_good_set(void **state)
{
    (void)state;
    start_with(set_of(0, 1), 2);
    static const struct {
        int status;
        const char *text;
    } bad[] = { { 0, NULL }, { 500, "{\"keys\":[]}" }, { 200, "<html>" }, { 200, "{\"keys\":{}}" }, { 302, "" } };
    for (size_t i = 0; i < COUNT(bad); i++) {
        int before = atomic_load(&issuer.fetches);
        fake_issuer_answer(&issuer, bad[i].status, bad[i].text);
        atomic_fetch_add(&issuer.skipped_ms, 6 * MINUTE_MS);
        bool certain;
        struct key_set *known = key_source_get(source);
        key_set_release(newer_than(known, 5000, &certain));
        expect_fetches(before + 1);
        assert_int_equal(count(), 2);
        assert_false(certain);
        key_set_release(known);
    }
    assert_int_equal(key_source_withdrawals(source), 0);
}

static void a_missed_key_is_fetched_for_whoever_waits(void **state)
{
    (void)state;
    start_with(set_of(0, 0), 1);
    fake_issuer_answer(&issuer, 200, set_of(0, 1));
    atomic_fetch_add(&issuer.skipped_ms, MINUTE_MS);
    struct key_set *known = key_source_get(source);
    bool certain;
    struct key_set *newer = newer_than(known, 5000, &certain);
    assert_true(finds(newer, "one"));
    assert_true(certain);
    key_set_release(known);
    key_set_release(newer);
}

static void missed_keys_ask_the_server_seldom(void **state)
{
    (void)state;
    start_with(set_of(0, 0), 1);
    for (int i = 0; i < 1000; i++) {
        struct key_set *known = key_source_get(source);
        bool certain;
        key_set_release(newer_than(known, 5000, &certain));
        assert_true(certain);
        key_set_release(known);
    }
    assert_int_equal(atomic_load(&issuer.fetches), 1);
}

#define WAITERS 32

static void *wait_for_newer(void *arg)
{
    struct key_set *known = arg;
    bool certain;
    key_set_release(newer_than(known, 10000, &certain));
    return NULL;
}

static void many_that_wait_share_one_fetch(void **state)
{
    (void)state;
    pthread_t threads[WAITERS];
    start_with(set_of(0, 0), 1);
    atomic_store(&issuer.hangs, true);
    atomic_fetch_add(&issuer.skipped_ms, MINUTE_MS);
    struct key_set *known = key_source_get(source);
    for (int i = 0; i < WAITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_newer, known), 0);
    expect_fetches(2);
    atomic_store(&issuer.hangs, false);
    for (int i = 0; i < WAITERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&issuer.fetches), 2);
    key_set_release(known);
}

static void a_withdrawn_key_is_counted(void **state)
{
    (void)state;
    start_with(set_of(0, 1), 2);
    fake_issuer_answer(&issuer, 200, set_of(1, 1));
    atomic_fetch_add(&issuer.skipped_ms, MINUTE_MS);
    struct key_set *known = key_source_get(source);
    bool certain;
    struct key_set *newer = newer_than(known, 5000, &certain);
    assert_false(finds(newer, "zero"));
    assert_int_equal(key_source_withdrawals(source), 1);
    key_set_release(known);
    /* The last one, too. */
    fake_issuer_answer(&issuer, 200, "{\"keys\":[]}");
    atomic_fetch_add(&issuer.skipped_ms, MINUTE_MS);
    struct key_set *none = newer_than(newer, 5000, &certain);
    assert_int_equal(key_set_count(none), 0);
    assert_int_equal(key_source_withdrawals(source), 2);
    key_set_release(newer);
    key_set_release(none);
}

static void while_a_fetch_hangs_nothing_is_certain(void **state)
{
    (void)state;
    start_with(set_of(0, 0), 1);
    atomic_store(&issuer.hangs, true);
    atomic_fetch_add(&issuer.skipped_ms, MINUTE_MS);
    struct key_set *known = key_source_get(source);
    for (int i = 0; i < 3; i++) {
        bool certain;
        key_set_release(newer_than(known, 20, &certain));
        assert_false(certain);
    }
    key_set_release(known);
}

static void a_fetch_that_hangs_does_not_hold_up_the_end(void **state)
{
    (void)state;
    atomic_store(&issuer.hangs, true);
    assert_int_equal(start(URL), STATUS_OK);
    expect_fetches(1);
    key_source_destroy(source);
    source = NULL;
}

static void write_file(const char *text)
{
    char next[80];
    (void)snprintf(next, sizeof next, "%s.next", path);
    FILE *file = fopen(next, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(next, path), 0);
}

static void a_file_must_have_keys_at_the_start(void **state)
{
    (void)state;
    assert_int_equal(start("/nowhere/keys.json"), STATUS_UNAVAILABLE);
    assert_null(source);
    write_file("{\"keys\":[]}");
    assert_int_equal(start(path), STATUS_UNAVAILABLE);
    assert_null(source);
}

static void a_file_that_changes_is_read_again(void **state)
{
    (void)state;
    write_file(set_of(0, 0));
    assert_int_equal(start(path), STATUS_OK);
    assert_int_equal(count(), 1);
    write_file(set_of(0, 1));
    expect_keys(2);
    write_file("half a fi");
    struct key_source_state s = { .failures = 0 };
    for (int i = 0; i < 1000 && s.failures == 0; i++) {
        usleep(10000);
        key_source_state(source, &s);
    }
    assert_true(s.failures > 0);
    assert_int_equal(count(), 2);
    assert_int_equal(atomic_load(&issuer.fetches), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_server_that_is_not_there_yet_is_asked_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_outage_keeps_the_last_good_set, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missed_key_is_fetched_for_whoever_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(missed_keys_ask_the_server_seldom, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_that_wait_share_one_fetch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_withdrawn_key_is_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(while_a_fetch_hangs_nothing_is_certain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fetch_that_hangs_does_not_hold_up_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_must_have_keys_at_the_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_changes_is_read_again, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
