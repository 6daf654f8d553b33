/* An e-mail change through the store, while another customer's change stands at each of its steps; and what a replica
 * leaves behind that dies between two of them. */
#include "store_fixture.h"

#define ANN "{\"name\":\"Ann\",\"email\":\"ann@example.net\",\"balance\":0}"
#define BOB "{\"name\":\"Bob\",\"email\":\"bob@example.net\",\"balance\":0}"
#define TO_EVE "{\"email\":\"eve@example.net\"}"
#define NEW_EVE "{\"name\":\"Eve\",\"email\":\"eve@example.net\"}"
#define BOB_AS_EVE "{\"name\":\"Bob\",\"email\":\"eve@example.net\",\"balance\":0}"
#define LONG_MS 60000

static const char eve[] = "eve@example.net";

struct pair {
    struct uuid ann, bob;
};

static struct pair two_customers(const struct fixture *f)
{
    return (struct pair){ create_ok(&f->a, ANN), create_ok(&f->a, BOB) };
}

static void assert_claim(const struct replica *r, const char *email, const struct uuid *id)
{
    struct claim claim;
    assert_true(claim_of(r, email, &claim));
    assert_memory_equal(claim.id.bytes, id->bytes, UUID_BYTES);
}

static void a_change_leaves_one_claim_and_nothing_pending(void **state)
{
    struct fixture *f = *state;
    struct uuid ann = create_ok(&f->a, ANN);
    expect_patch(&f->a, &ann, TO_EVE, STATUS_OK);
    assert_claim(&f->a, eve, &ann);
    assert_false(has_intent(&f->a, &ann));
    assert_owner(&f->b, "ann@example.net", NULL);
    create_ok(&f->b, ANN);
}

static void there_and_back_again_keeps_the_claim(void **state)
{
    struct fixture *f = *state;
    struct uuid ann = create_ok(&f->a, ANN);
    for (int i = 0; i < 5; i++) {
        expect_patch(&f->a, &ann, TO_EVE, STATUS_OK);
        expect_patch(&f->b, &ann, "{\"email\":\"ann@example.net\"}", STATUS_OK);
    }
    assert_claim(&f->a, "ann@example.net", &ann);
    assert_owner(&f->a, "ann@example.net", &ann);
    expect_create(&f->a, ANN, STATUS_EMAIL_TAKEN);
}

static void a_change_to_a_taken_email_names_the_owner_and_leaves_no_intent(void **state)
{
    struct fixture *f = *state;
    struct pair p = two_customers(f);
    struct outcome o = do_patch(&f->b, &p.bob, "{\"email\":\"ann@example.net\"}", NULL);
    assert_status(&o, STATUS_EMAIL_TAKEN);
    assert_memory_equal(o.answer.owner.bytes, p.ann.bytes, UUID_BYTES);
    assert_int_equal(o.err.applied, APPLIED_NO);
    outcome_clean_up(&o);
    assert_false(has_intent(&f->a, &p.bob));
    assert_owner(&f->a, "bob@example.net", &p.bob);
    expect_patch(&f->a, &p.bob, TO_EVE, STATUS_OK);
}

/* ---- Bob's change to eve@ stands at a step; Ann, or a new customer, wants eve@ too ---- */

static void another_has_begun(void **state)
{
    struct fixture *f = *state;
    struct pair p = two_customers(f);
    uint64_t n = step_begin(&f->a, &p.bob, eve, LONG_MS);
    expect_patch(&f->b, &p.ann, TO_EVE, STATUS_OK);
    assert_int_equal(step_claim(&f->a, &p.bob, eve, n), WORD_TAKEN);
    assert_owner(&f->a, eve, &p.ann);
}

static void another_has_claimed_in_its_time(void **state)
{
    struct fixture *f = *state;
    struct pair p = two_customers(f);
    uint64_t n = step_begin(&f->a, &p.bob, eve, LONG_MS);
    assert_int_equal(step_claim(&f->a, &p.bob, eve, n), WORD_CLAIMED);
    struct outcome both[] = { do_patch(&f->b, &p.ann, TO_EVE, NULL), do_create(&f->b, NEW_EVE, NULL) };
    for (size_t i = 0; i < 2; i++) {
        assert_status(&both[i], STATUS_UPDATE_IN_PROGRESS);
        assert_int_equal(both[i].err.applied, APPLIED_NO);
        assert_true(both[i].err.retry_after_s > 0);
        outcome_clean_up(&both[i]);
    }
    assert_owner(&f->b, eve, NULL);
    assert_owner(&f->b, "bob@example.net", &p.bob);
    assert_false(has_intent(&f->b, &p.ann));
    assert_int_equal(step_commit(&f->a, &p.bob, n, BOB_AS_EVE), WORD_DONE);
    assert_owner(&f->b, eve, &p.bob);
    assert_owner(&f->b, "bob@example.net", NULL);
}

static void another_has_claimed_and_is_past_its_deadline(void **state)
{
    struct fixture *f = *state;
    struct pair p = two_customers(f);
    uint64_t n = step_begin(&f->a, &p.bob, eve, 0);
    assert_int_equal(step_claim(&f->a, &p.bob, eve, n), WORD_CLAIMED);
    expect_patch(&f->b, &p.ann, TO_EVE, STATUS_OK);
    assert_int_equal(step_commit(&f->a, &p.bob, n, BOB_AS_EVE), WORD_FENCED);
    assert_owner(&f->a, eve, &p.ann);
    assert_owner(&f->a, "bob@example.net", &p.bob);
    assert_int_equal(step_claim(&f->a, &p.bob, eve, n), WORD_TAKEN); /* as a late repetition */
    assert_claim(&f->a, eve, &p.ann);
}

static void a_new_customer_takes_over_what_is_past_its_deadline(void **state)
{
    struct fixture *f = *state;
    struct pair p = two_customers(f);
    uint64_t n = step_begin(&f->a, &p.bob, eve, 0);
    assert_int_equal(step_claim(&f->a, &p.bob, eve, n), WORD_CLAIMED);
    struct uuid id = create_ok(&f->b, NEW_EVE);
    assert_int_equal(step_commit(&f->a, &p.bob, n, BOB_AS_EVE), WORD_FENCED);
    assert_owner(&f->a, eve, &id);
}

static void another_has_committed(void **state)
{
    struct fixture *f = *state;
    struct pair p = two_customers(f);
    uint64_t n = step_begin(&f->a, &p.bob, eve, 0); /* past its deadline, but nobody minded before it committed */
    assert_int_equal(step_claim(&f->a, &p.bob, eve, n), WORD_CLAIMED);
    assert_int_equal(step_commit(&f->a, &p.bob, n, BOB_AS_EVE), WORD_DONE);
    expect_patch(&f->b, &p.ann, TO_EVE, STATUS_EMAIL_TAKEN);
    expect_create(&f->b, NEW_EVE, STATUS_EMAIL_TAKEN);
    assert_owner(&f->b, eve, &p.bob);
    /* Nobody has released Bob's old claim; whoever wants that e-mail takes it over. */
    assert_claim(&f->b, "bob@example.net", &p.bob);
    assert_owner(&f->b, "bob@example.net", NULL);
    expect_patch(&f->b, &p.ann, "{\"email\":\"bob@example.net\"}", STATUS_OK);
    assert_owner(&f->b, "bob@example.net", &p.ann);
}

static void another_was_deleted_and_left_its_claim(void **state)
{
    struct fixture *f = *state;
    struct pair p = two_customers(f);
    step_delete(&f->a, &p.bob);
    assert_claim(&f->b, "bob@example.net", &p.bob);
    expect_patch(&f->b, &p.ann, "{\"email\":\"bob@example.net\"}", STATUS_OK);
    create_ok(&f->b, ANN);
    assert_claim(&f->b, "bob@example.net", &p.ann);
}

static void another_was_deleted_in_the_midst_of_its_change(void **state)
{
    struct fixture *f = *state;
    struct pair p = two_customers(f);
    uint64_t n = step_begin(&f->a, &p.bob, eve, LONG_MS);
    assert_int_equal(step_claim(&f->a, &p.bob, eve, n), WORD_CLAIMED);
    expect_delete(&f->b, &p.bob, STATUS_OK);
    assert_int_equal(step_commit(&f->a, &p.bob, n, BOB_AS_EVE), WORD_MISSING);
    expect_patch(&f->b, &p.ann, TO_EVE, STATUS_OK);
    assert_owner(&f->b, eve, &p.ann);
}

/* ---- the same customer is changed by somebody else ---- */

static void a_begun_change_holds_up_another_of_the_same_customer_until_its_deadline(void **state)
{
    struct fixture *f = *state;
    struct pair p = two_customers(f);
    step_begin(&f->a, &p.bob, eve, LONG_MS);
    struct outcome o = do_patch(&f->b, &p.bob, "{\"email\":\"tom@example.net\"}", NULL);
    assert_status(&o, STATUS_UPDATE_IN_PROGRESS);
    assert_int_equal(o.err.applied, APPLIED_NO);
    outcome_clean_up(&o);
    expect_patch(&f->b, &p.bob, "{\"balance\":1}", STATUS_OK); /* other members may change */

    uint64_t n = step_begin(&f->a, &p.ann, eve, 0);
    step_begin(&f->a, &p.ann, "tom@example.net", 0);
    assert_int_equal(step_commit(&f->a, &p.ann, n, BOB_AS_EVE), WORD_FENCED); /* another's number is pending */
    expect_patch(&f->b, &p.ann, "{\"email\":\"tom@example.net\"}", STATUS_OK);
    assert_int_equal(step_commit(&f->a, &p.ann, n, BOB_AS_EVE), WORD_FENCED);
    assert_owner(&f->b, "tom@example.net", &p.ann);
}

static void a_claim_of_an_unfinished_change_does_not_keep_its_own_customer_out(void **state)
{
    struct fixture *f = *state;
    struct pair p = two_customers(f);
    uint64_t n = step_begin(&f->a, &p.bob, eve, 0);
    assert_int_equal(step_claim(&f->a, &p.bob, eve, n), WORD_CLAIMED);
    expect_patch(&f->b, &p.bob, TO_EVE, STATUS_OK);
    assert_int_equal(step_claim(&f->a, &p.bob, eve, n), WORD_STALE);
    assert_int_equal(step_commit(&f->a, &p.bob, n, BOB_AS_EVE), WORD_FENCED);
    assert_owner(&f->b, eve, &p.bob);
    assert_false(has_intent(&f->b, &p.bob));
}

static void a_damaged_claim_is_told(void **state)
{
    struct fixture *f = *state;
    struct email_hash eh = hash_of(&f->a, eve);
    struct key claims = key_claims(eh.bytes);
    struct uuid ann = create_ok(&f->a, ANN);
    RAW(&f->a, slice_cstr("HSET"), key_slice(&claims), slice_of(eh.bytes, sizeof eh.bytes), slice_cstr("?"));
    expect_create(&f->a, NEW_EVE, STATUS_RECORD_DAMAGED);
    struct outcome o = do_patch(&f->a, &ann, TO_EVE, NULL);
    assert_status(&o, STATUS_RECORD_DAMAGED);
    assert_int_equal(o.err.applied, APPLIED_NO);
    outcome_clean_up(&o);
    assert_false(has_intent(&f->a, &ann));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_change_leaves_one_claim_and_nothing_pending),
        STORE_TEST(there_and_back_again_keeps_the_claim),
        STORE_TEST(a_change_to_a_taken_email_names_the_owner_and_leaves_no_intent),
        STORE_TEST(another_has_begun),
        STORE_TEST(another_has_claimed_in_its_time),
        STORE_TEST(another_has_claimed_and_is_past_its_deadline),
        STORE_TEST(a_new_customer_takes_over_what_is_past_its_deadline),
        STORE_TEST(another_has_committed),
        STORE_TEST(another_was_deleted_and_left_its_claim),
        STORE_TEST(another_was_deleted_in_the_midst_of_its_change),
        STORE_TEST(a_begun_change_holds_up_another_of_the_same_customer_until_its_deadline),
        STORE_TEST(a_claim_of_an_unfinished_change_does_not_keep_its_own_customer_out),
        STORE_TEST(a_damaged_claim_is_told),
    };
    return store_tests_run(tests, sizeof tests / sizeof *tests);
}
