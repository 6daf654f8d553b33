/* Many threads on two replicas: one winner where there can be one, all where all can win, and never two owners. */
#include "store_fixture.h"

#include <pthread.h>
#include <stdio.h>

#define THREADS 8
#define PATCHES 10
#define SWAPS 40

struct worker {
    const struct fixture *f;
    int number;
    struct uuid id, other;
    int won;
    enum status bad; /* a status that should not have been */
};

static const struct replica *replica_of(const struct worker *w)
{
    return w->number % 2 == 0 ? &w->f->a : &w->f->b;
}

static void run_all(struct worker *workers, size_t n, void *(*run)(void *))
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < n; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, &workers[i]), 0);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (size_t i = 0; i < n; i++) {
        if (workers[i].bad != STATUS_OK)
            fail_msg("worker %zu: %s", i, status_slug(workers[i].bad));
    }
}

static void prepare(const struct fixture *f, struct worker workers[THREADS])
{
    for (int i = 0; i < THREADS; i++)
        workers[i] = (struct worker){ .f = f, .number = i };
}

static struct write_options patient(void)
{
    return (struct write_options){ .deadline_ms = monotonic_ms() + 60000 };
}

static void note(struct worker *w, const struct outcome *o, enum status may_be, enum status or_be)
{
    w->won += o->status == STATUS_OK;
    if (o->status != STATUS_OK && o->status != may_be && o->status != or_be)
        w->bad = o->status;
}

/* ---- one e-mail ---- */

static void *create_one_email(void *arg)
{
    struct worker *w = arg;
    char json[64];
    for (int round = 0; round < 20; round++) {
        snprintf(json, sizeof json, "{\"name\":\"A\",\"email\":\"race%d@example.net\"}", round);
        struct write_options options = patient();
        struct outcome o = do_create(replica_of(w), json, &options);
        note(w, &o, STATUS_EMAIL_TAKEN, STATUS_EMAIL_TAKEN);
        outcome_clean_up(&o);
    }
    return NULL;
}

static void creates_with_one_email_have_one_winner(void **state)
{
    struct worker workers[THREADS];
    int won = 0;
    prepare(*state, workers);
    run_all(workers, THREADS, create_one_email);
    for (int i = 0; i < THREADS; i++)
        won += workers[i].won;
    assert_int_equal(won, 20);
}

static void *change_to_one_email(void *arg)
{
    struct worker *w = arg;
    struct write_options options = patient();
    struct outcome o = do_patch(replica_of(w), &w->id, "{\"email\":\"prize@example.net\"}", &options);
    note(w, &o, STATUS_EMAIL_TAKEN, STATUS_UPDATE_IN_PROGRESS);
    outcome_clean_up(&o);
    return NULL;
}

static void changes_to_one_email_have_at_most_one_winner_and_it_owns_it(void **state)
{
    struct fixture *f = *state;
    struct worker workers[THREADS];
    char json[64];
    const struct uuid *winner = NULL;
    prepare(f, workers);
    for (int i = 0; i < THREADS; i++) {
        snprintf(json, sizeof json, "{\"name\":\"A\",\"email\":\"c%d@example.net\"}", i);
        workers[i].id = create_ok(&f->a, json);
    }
    run_all(workers, THREADS, change_to_one_email);
    for (int i = 0; i < THREADS; i++) {
        assert_false(has_intent(&f->a, &workers[i].id));
        if (workers[i].won > 0) {
            assert_null(winner);
            winner = &workers[i].id;
        }
    }
    assert_owner(&f->b, "prize@example.net", winner);
}

/* ---- one customer ---- */

static void *patch_one_customer(void *arg)
{
    struct worker *w = arg;
    char json[64];
    for (int i = 0; i < PATCHES; i++) {
        snprintf(json, sizeof json, "{\"metadata\":{\"t%dp%d\":%d}}", w->number, i % 5, i);
        struct write_options options = patient();
        struct outcome o = do_patch(replica_of(w), &w->id, json, &options);
        note(w, &o, STATUS_OK, STATUS_OK);
        outcome_clean_up(&o);
    }
    return NULL;
}

static void patches_of_one_customer_all_succeed_and_none_is_lost(void **state)
{
    struct fixture *f = *state;
    struct worker workers[THREADS];
    struct uuid id = create_ok(&f->a, "{\"name\":\"A\"}");
    char member[32];
    prepare(f, workers);
    for (int i = 0; i < THREADS; i++)
        workers[i].id = id;
    run_all(workers, THREADS, patch_one_customer);
    struct outcome o = do_get(&f->a, &id);
    assert_int_equal(o.answer.version, 1 + THREADS * PATCHES);
    for (int t = 0; t < THREADS; t++) {
        for (int p = 0; p < 5; p++) {
            snprintf(member, sizeof member, "\"t%dp%d\":%d", t, p, p + 5);
            assert_holds(&o.answer, member);
        }
    }
    outcome_clean_up(&o);
}

static void *create_with_one_key(void *arg)
{
    struct worker *w = arg;
    struct write_options options = options_keyed("POST", "one key");
    options.deadline_ms = monotonic_ms() + 60000;
    struct outcome o = do_create(replica_of(w), "{\"name\":\"A\"}", &options);
    note(w, &o, STATUS_IDEMPOTENCY_IN_PROGRESS, STATUS_IDEMPOTENCY_IN_PROGRESS);
    w->id = o.answer.id;
    outcome_clean_up(&o);
    return NULL;
}

static void creates_with_one_key_make_one_customer(void **state)
{
    struct fixture *f = *state;
    struct worker workers[THREADS];
    const struct worker *winner = NULL;
    prepare(f, workers);
    run_all(workers, THREADS, create_with_one_key);
    for (int i = 0; i < THREADS; i++) {
        if (workers[i].won == 0)
            continue;
        if (winner != NULL)
            assert_memory_equal(winner->id.bytes, workers[i].id.bytes, UUID_BYTES);
        winner = &workers[i];
    }
    assert_non_null(winner);
    struct page page;
    struct error err;
    page_init(&page);
    assert_int_equal(customers_list(f->a.customers, 100, slice_cstr(""), soon_ms(), &page, &err), STATUS_OK);
    assert_int_equal(page.count, 1);
    page_clean_up(&page);
}

/* ---- swaps ---- */

/* Moves this customer back and forth between two e-mails that another one wants just the other way round. */
static void *swap(void *arg)
{
    struct worker *w = arg;
    for (int i = 0; i < SWAPS; i++) {
        const char *json = (i + w->number) % 2 == 0 ? "{\"email\":\"left@example.net\"}" : "{\"email\":\"right@example.net\"}";
        struct write_options options = patient();
        struct outcome o = do_patch(replica_of(w), &w->id, i % 5 == 4 ? "{\"email\":null}" : json, &options);
        note(w, &o, STATUS_EMAIL_TAKEN, STATUS_UPDATE_IN_PROGRESS);
        outcome_clean_up(&o);
    }
    return NULL;
}

static bool has_email(const struct replica *r, const struct uuid *id, const char *email)
{
    struct outcome o = do_get(r, id);
    struct slice json = buf_slice(&o.answer.json);
    assert_status(&o, STATUS_OK);
    bool has = memmem(json.ptr, json.len, email, strlen(email)) != NULL;
    outcome_clean_up(&o);
    return has;
}

static void swaps_never_give_two_owners(void **state)
{
    static const char *const emails[] = { "left@example.net", "right@example.net" };
    struct fixture *f = *state;
    struct worker workers[THREADS];
    prepare(f, workers);
    workers[0].id = create_ok(&f->a, "{\"name\":\"L\",\"email\":\"left@example.net\"}");
    workers[1].id = create_ok(&f->a, "{\"name\":\"R\",\"email\":\"right@example.net\"}");
    run_all(workers, 2, swap);
    assert_true(workers[0].won + workers[1].won > 2);
    for (int e = 0; e < 2; e++) {
        bool left = has_email(&f->a, &workers[0].id, emails[e]), right = has_email(&f->b, &workers[1].id, emails[e]);
        assert_false(left && right);
        assert_owner(&f->a, emails[e], left ? &workers[0].id : right ? &workers[1].id : NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(creates_with_one_email_have_one_winner),
        STORE_TEST(changes_to_one_email_have_at_most_one_winner_and_it_owns_it),
        STORE_TEST(patches_of_one_customer_all_succeed_and_none_is_lost),
        STORE_TEST(creates_with_one_key_make_one_customer),
        STORE_TEST(swaps_never_give_two_owners),
    };
    return store_tests_run(tests, sizeof tests / sizeof *tests);
}
