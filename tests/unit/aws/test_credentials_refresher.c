/* What test_iam_refresher.c does not show: products without an end, and waiting for a round. */
#include "customerd/aws/credentials_refresher.h"

#include <stdlib.h>

#include "../core/unit.h"
#include "fake_env.h"

#define DEADLINE_MS 10000

struct product {
    char id[32];
};

static atomic_int alive;
static atomic_bool makes_nothing;

static void *make(void *ctx, const struct credentials *credentials, int64_t now_ms, struct credentials_life *life,
                  struct error *err)
{
    (void)ctx;
    struct product *p = atomic_load(&makes_nothing) ? NULL : calloc(1, sizeof *p);
    if (p == NULL) {
        (void)error_set(err, STATUS_INTERNAL, "nothing can be made");
        return NULL;
    }
    memcpy(p->id, credentials->access_key_id.ptr, credentials->access_key_id.len);
    *life = (struct credentials_life){ .made_ms = now_ms, .valid_until_ms = CREDENTIALS_NEVER_EXPIRE };
    atomic_fetch_add(&alive, 1);
    return p;
}

static void destroy(void *product)
{
    if (product != NULL)
        atomic_fetch_sub(&alive, 1);
    free(product);
}

static bool copy(void *to, const void *product)
{
    memcpy(to, product, sizeof(struct product));
    return true;
}

static bool copy_fails(void *to, const void *product)
{
    (void)to;
    (void)product;
    return false;
}

static struct fake_env f;
static atomic_int key; /* which one the environment has */

static const char *variable(void *ctx, const char *name)
{
    static const char *const ids[] = { NULL, "AKID1", "AKID2" };
    (void)ctx;
    if (strcmp(name, "AWS_ACCESS_KEY_ID") == 0)
        return ids[atomic_load(&key)];
    if (strcmp(name, "AWS_SECRET_ACCESS_KEY") == 0)
        return ids[atomic_load(&key)] != NULL ? "secret" : NULL;
    return strcmp(name, "AWS_EC2_METADATA_DISABLED") == 0 ? "true" : NULL;
}

static struct credentials_refresher *begin(int first_key)
{
    static const struct credentials_product product = { .name = "copy", .refreshed_event = "refreshed", .failed_event = "failed",
                                                        .refreshes_metric = "copies_total", .refreshes_help = "Copies.",
                                                        .failures_metric = "copy_failures_total", .failures_help = "None.",
                                                        .make = make, .destroy = destroy };
    struct credentials_refresher_options options = { .product = &product, .env = &f.env };
    struct error err;
    fake_env_init(&f);
    f.env.getenv = variable;
    atomic_store(&key, first_key);
    atomic_store(&makes_nothing, false);
    struct credentials_refresher *r = credentials_refresher_new(&options, &err);
    assert_non_null(r);
    return r;
}

static void end(struct credentials_refresher *r)
{
    credentials_refresher_destroy(r);
    assert_int_equal(atomic_load(&alive), 0);
}

static void until_rounds(struct credentials_refresher *r, uint64_t rounds)
{
    credentials_refresher_wait(r, rounds - 1, clock_monotonic_ms(clock_system()) + DEADLINE_MS);
    assert_true(credentials_refresher_rounds(r) >= rounds);
}

static void expect_id(struct credentials_refresher *r, const char *id)
{
    struct product p;
    struct error err;
    assert_int_equal(credentials_refresher_read(r, copy, &p, &err), STATUS_OK);
    assert_string_equal(p.id, id);
}

/* A quarter of an hour, of which 60 to 70 % pass before it is made anew. */
static void keys_without_an_end_are_looked_at_again_in_time(void **state)
{
    (void)state;
    struct credentials_refresher_state s;
    struct error err;
    struct credentials_refresher *r = begin(1);
    until_rounds(r, 1);
    expect_id(r, "AKID1");
    credentials_refresher_state(r, &s);
    assert_true(s.valid_until_ms == CREDENTIALS_NEVER_EXPIRE);
    assert_string_equal(s.source, "environment");
    assert_int_equal(credentials_refresher_read(r, copy_fails, NULL, &err), STATUS_INTERNAL);
    atomic_store(&key, 2);
    atomic_fetch_add(&f.realtime_ms, 650000);
    atomic_fetch_add(&f.monotonic_ms, 650000);
    until_rounds(r, 2);
    expect_id(r, "AKID2");
    end(r);
}

static void a_failure_keeps_what_there_is_and_a_refusal_is_looked_at_at_once(void **state)
{
    (void)state;
    struct error err;
    struct product p;
    struct credentials_refresher *r = begin(0);
    until_rounds(r, 1);
    assert_int_equal(credentials_refresher_read(r, copy, &p, &err), STATUS_UNAVAILABLE);
    assert_non_null(strstr(err.detail, "there is no copy yet: "));
    atomic_store(&key, 1);
    atomic_fetch_add(&f.monotonic_ms, 60000);
    atomic_fetch_add(&f.realtime_ms, 60000);
    until_rounds(r, 2);
    expect_id(r, "AKID1");
    atomic_store(&makes_nothing, true);
    atomic_fetch_add(&f.monotonic_ms, 2000);
    atomic_fetch_add(&f.realtime_ms, 2000);
    credentials_refresher_refused(r);
    until_rounds(r, 3);
    expect_id(r, "AKID1");
    end(r);
}

static void a_wait_ends_with_its_time(void **state)
{
    (void)state;
    struct credentials_refresher *r = begin(1);
    until_rounds(r, 1);
    int64_t since_ms = clock_monotonic_ms(clock_system());
    credentials_refresher_wait(r, 1, since_ms + 100);
    assert_in_range(clock_monotonic_ms(clock_system()) - since_ms, 99, 5000);
    assert_int_equal(credentials_refresher_rounds(r), 1);
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_without_an_end_are_looked_at_again_in_time),
        cmocka_unit_test(a_failure_keeps_what_there_is_and_a_refusal_is_looked_at_at_once),
        cmocka_unit_test(a_wait_ends_with_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
