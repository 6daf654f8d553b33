/* What a replica refuses to work with, and says; and what an epoch does. */
#include "store_fixture.h"


static const struct slice meta = SLICE(META_KEY);

struct told {
    struct replica *replica;
    const char *word;
};

static bool tells(void *ctx)
{
    const struct told *t = ctx;
    struct error err = { .code = STATUS_OK };
    return customers_ready(t->replica->customers, &err) == STATUS_NOT_READY && strstr(err.detail, t->word) != NULL;
}

/* A replica that starts now says why it does not serve. */
static void assert_refused(struct fixture *f, const char *word)
{
    struct replica r;
    replica_start(f, &r, IDLE_MS, IDLE_MS);
    struct told told = { .replica = &r, .word = word };
    if (!poll_until(tells, &told, 10000)) {
        struct error err = { .detail = "ready" };
        enum status status = customers_ready(r.customers, &err);
        fail_msg("%s, and not \"%s\": %s", status_slug(status), word, err.detail);
    }
    expect_create(&r, "{\"name\":\"A\"}", STATUS_NOT_READY);
    struct customers_state told_state;
    customers_state(r.customers, &told_state);
    assert_false(told_state.checked);
    replica_stop(&r);
}

static void set_meta(const struct fixture *f, const char *field, const char *value)
{
    RAW(&f->a, slice_cstr("HSET"), meta, slice_cstr(field), slice_cstr(value));
}

static void a_policy_that_evicts_is_refused_until_it_is_mended(void **state)
{
    struct fixture *f = *state;
    redis_command(f->redis, "CONFIG SET maxmemory-policy allkeys-lru");
    struct replica r;
    replica_start(f, &r, IDLE_MS, IDLE_MS);
    struct told told = { .replica = &r, .word = "maxmemory-policy is allkeys-lru" };
    bool refused = poll_until(tells, &told, 10000);
    redis_command(f->redis, "CONFIG SET maxmemory-policy noeviction");
    assert_true(refused);
    replica_await_ready(&r);
    replica_stop(&r);
}

static void an_unknown_schema_is_refused(void **state)
{
    set_meta(*state, "schema", "2");
    assert_refused(*state, "schema \"2\"");
}

static void another_number_of_buckets_is_refused(void **state)
{
    set_meta(*state, "buckets", "1024");
    assert_refused(*state, "1024 buckets");
}

static void a_damaged_salt_is_refused(void **state)
{
    set_meta(*state, "salt", "abc");
    assert_refused(*state, "damaged");
    set_meta(*state, "salt", "Z123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    assert_refused(*state, "damaged");
}

static void a_damaged_epoch_is_refused(void **state)
{
    static const char *const bad[] = { "", "0", "65536", "x", "1x", "-1", "99999999999999999999" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        set_meta(*state, "epoch", bad[i]);
        assert_refused(*state, "damaged");
    }
}

static void half_a_meta_key_is_refused(void **state)
{
    struct fixture *f = *state;
    RAW(&f->a, slice_cstr("HDEL"), meta, slice_cstr("salt"));
    assert_refused(f, "damaged");
}

static void a_meta_key_of_another_type_is_refused(void **state)
{
    struct fixture *f = *state;
    RAW(&f->a, slice_cstr("SET"), meta, slice_cstr("x"));
    assert_refused(f, "WRONGTYPE");
}

static void a_lost_meta_key_is_not_replaced_while_there_are_customers(void **state)
{
    struct fixture *f = *state;
    create_ok(&f->a, "{\"name\":\"Ann\"}");
    RAW(&f->a, slice_cstr("DEL"), meta);
    assert_refused(f, "is missing");
    assert_int_equal(RAW(&f->a, slice_cstr("EXISTS"), meta), 0);
}

static void all_replicas_use_one_salt(void **state)
{
    struct fixture *f = *state;
    assert_memory_equal(&f->a.customers->secrets, &f->b.customers->secrets, sizeof(struct store_secrets));
    assert_memory_not_equal(f->a.customers->secrets.email_key, f->a.customers->secrets.operation_key, SHA256_BYTES);
}

static void claim_numbers_start_above_those_of_older_epochs(void **state)
{
    struct fixture *f = *state;
    struct claim claim;
    struct uuid old = create_ok(&f->a, "{\"name\":\"A\",\"email\":\"a@example.net\"}");
    set_meta(f, "epoch", "7");
    struct replica r;
    replica_start(f, &r, IDLE_MS, IDLE_MS);
    replica_await_ready(&r);
    assert_true(claim_of(&r, "a@example.net", &claim));
    assert_int_equal(claim.n, (UINT64_C(1) << 32) + 1);
    expect_patch(&r, &old, "{\"email\":\"b@example.net\"}", STATUS_OK);
    assert_true(claim_of(&r, "b@example.net", &claim));
    assert_int_equal(claim.n, (UINT64_C(7) << 32) + 1);
    create_ok(&r, "{\"name\":\"C\",\"email\":\"c@example.net\"}");
    assert_true(claim_of(&r, "c@example.net", &claim));
    assert_int_equal(claim.n, (UINT64_C(7) << 32) + 1);
    expect_patch(&r, &old, "{\"email\":\"d@example.net\"}", STATUS_OK);
    assert_true(claim_of(&r, "d@example.net", &claim));
    assert_int_equal(claim.n, (UINT64_C(7) << 32) + 2);
    replica_stop(&r);
}

static void the_highest_epoch_fits(void **state)
{
    struct fixture *f = *state;
    struct claim claim;
    set_meta(f, "epoch", "65535");
    struct replica r;
    replica_start(f, &r, IDLE_MS, IDLE_MS);
    replica_await_ready(&r);
    struct uuid id = create_ok(&r, "{\"name\":\"A\",\"email\":\"a@example.net\"}");
    expect_patch(&r, &id, "{\"email\":\"b@example.net\"}", STATUS_OK);
    assert_true(claim_of(&r, "b@example.net", &claim));
    assert_int_equal(claim.n, (UINT64_C(65535) << 32) + 2);
    assert_owner(&r, "b@example.net", &id);
    replica_stop(&r);
}

static void a_server_that_is_not_there_is_told(void **state)
{
    struct fixture *f = *state;
    struct redis nowhere = { .port = free_port() };
    struct fixture other = { .redis = &nowhere };
    struct replica r;
    (void)f;
    replica_start(&other, &r, IDLE_MS, IDLE_MS);
    expect_create(&r, "{\"name\":\"A\"}", STATUS_NOT_READY);
    struct told told = { .replica = &r, .word = "has not been reached" };
    assert_true(poll_until(tells, &told, 10000));
    replica_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_policy_that_evicts_is_refused_until_it_is_mended),
        STORE_TEST(an_unknown_schema_is_refused),
        STORE_TEST(another_number_of_buckets_is_refused),
        STORE_TEST(a_damaged_salt_is_refused),
        STORE_TEST(a_damaged_epoch_is_refused),
        STORE_TEST(half_a_meta_key_is_refused),
        STORE_TEST(a_meta_key_of_another_type_is_refused),
        STORE_TEST(a_lost_meta_key_is_not_replaced_while_there_are_customers),
        STORE_TEST(all_replicas_use_one_salt),
        STORE_TEST(claim_numbers_start_above_those_of_older_epochs),
        STORE_TEST(the_highest_epoch_fits),
        STORE_TEST(a_server_that_is_not_there_is_told),
    };
    return store_tests_run(tests, sizeof tests / sizeof *tests);
}
