/* Idempotency-Keys: one effect, one answer, and what a key is refused for. */
#include "store_fixture.h"

#include "operation.h"

#define ANN "{\"name\":\"Ann\",\"email\":\"ann@example.net\"}"
#define EVE "{\"name\":\"Eve\",\"email\":\"eve@example.net\"}"

static struct outcome create_keyed(const struct replica *r, const char *json, const char *key)
{
    struct write_options options = options_keyed("POST", key);
    return do_create(r, json, &options);
}

static void expect_keyed(const struct replica *r, const char *json, const char *key, enum status expected)
{
    struct outcome o = create_keyed(r, json, key);
    assert_status(&o, expected);
    outcome_clean_up(&o);
}

static void assert_replayed(struct outcome first, struct outcome second)
{
    assert_status(&first, STATUS_OK);
    assert_status(&second, STATUS_OK);
    assert_false(first.answer.replayed);
    assert_true(second.answer.replayed);
    assert_int_equal(second.answer.version, first.answer.version);
    assert_memory_equal(second.answer.id.bytes, first.answer.id.bytes, UUID_BYTES);
    assert_slice(buf_slice(&second.answer.json), first.answer.json.data == NULL ? "" : first.answer.json.data);
    outcome_clean_up(&first);
    outcome_clean_up(&second);
}

/* In this order. */
#define ASSERT_REPLAYED(one, two)        \
    do {                                 \
        struct outcome first_ = (one);   \
        assert_replayed(first_, (two));  \
    } while (0)

static void every_write_is_replayed_by_every_replica(void **state)
{
    struct fixture *f = *state;
    ASSERT_REPLAYED(create_keyed(&f->a, ANN, "k"), create_keyed(&f->b, ANN, "k"));
    struct uuid id = create_ok(&f->a, EVE);
    struct write_options put = options_keyed("PUT", "k"), patch = options_keyed("PATCH", "k"),
                         drop = options_keyed("DELETE", "k");
    const char *same_email = "{\"name\":\"Eve\",\"email\":\"eve@example.net\",\"balance\":1}";
    ASSERT_REPLAYED(do_replace(&f->a, &id, same_email, &put), do_replace(&f->b, &id, same_email, &put));
    ASSERT_REPLAYED(do_patch(&f->a, &id, "{\"balance\":2}", &patch), do_patch(&f->b, &id, "{\"balance\":2}", &patch));
    ASSERT_REPLAYED(do_delete(&f->a, &id, &drop), do_delete(&f->b, &id, &drop));
}

static void an_email_change_is_replayed(void **state)
{
    struct fixture *f = *state;
    struct uuid id = create_ok(&f->a, ANN);
    struct write_options put = options_keyed("PUT", "k"), patch = options_keyed("PATCH", "k");
    const char *eve = "{\"name\":\"Ann\",\"email\":\"eve@example.net\",\"balance\":1}";
    const char *bob = "{\"email\":\"bob@example.net\"}";
    ASSERT_REPLAYED(do_replace(&f->a, &id, eve, &put), do_replace(&f->b, &id, eve, &put));
    ASSERT_REPLAYED(do_patch(&f->a, &id, bob, &patch), do_patch(&f->b, &id, bob, &patch));
    assert_owner(&f->a, "eve@example.net", NULL);
    assert_owner(&f->b, "bob@example.net", &id);
}

static void an_unkeyed_write_is_never_a_replay(void **state)
{
    struct fixture *f = *state;
    struct uuid id = create_ok(&f->a, ANN);
    for (uint64_t version = 2; version < 5; version++) {
        struct outcome o = do_patch(&f->a, &id, "{\"balance\":2}", NULL);
        assert_false(o.answer.replayed);
        assert_int_equal(o.answer.version, version);
        outcome_clean_up(&o);
    }
}

static void a_replay_gives_the_first_answer_after_a_later_change(void **state)
{
    struct fixture *f = *state;
    struct outcome first = create_keyed(&f->a, ANN, "k");
    expect_patch(&f->a, &first.answer.id, "{\"balance\":9,\"email\":\"eve@example.net\"}", STATUS_OK);
    create_ok(&f->a, ANN); /* the e-mail has another owner by now, which must not matter */
    assert_replayed(first, create_keyed(&f->b, ANN, "k"));
}

static void a_replay_comes_before_the_precondition(void **state)
{
    struct fixture *f = *state;
    struct uuid id = create_ok(&f->a, ANN);
    struct write_options patch = options_keyed("PATCH", "k");
    patch.if_match = (struct precondition){ .given = true, .n_versions = 1, .versions = { 1 } };
    ASSERT_REPLAYED(do_patch(&f->a, &id, "{\"balance\":2}", &patch), do_patch(&f->b, &id, "{\"balance\":2}", &patch));
}

static void a_replay_after_the_delete_tells_nothing_of_the_customer(void **state)
{
    struct fixture *f = *state;
    struct outcome first = create_keyed(&f->a, ANN, "k");
    struct write_options patch = options_keyed("PATCH", "p");
    struct outcome patched = do_patch(&f->a, &first.answer.id, "{\"balance\":2}", &patch);
    expect_delete(&f->a, &first.answer.id, STATUS_OK);
    struct outcome again[] = { create_keyed(&f->b, ANN, "k"),
                               do_patch(&f->b, &first.answer.id, "{\"balance\":2}", &patch) };
    for (size_t i = 0; i < 2; i++) {
        assert_status(&again[i], STATUS_NOT_FOUND);
        assert_true(again[i].answer.replayed);
        assert_int_equal(again[i].answer.json.len, 0);
        outcome_clean_up(&again[i]);
    }
    assert_owner(&f->a, "ann@example.net", NULL);
    outcome_clean_up(&patched);
    outcome_clean_up(&first);
}

static void another_body_is_a_mismatch_wherever_it_would_live(void **state)
{
    struct fixture *f = *state;
    expect_keyed(&f->a, ANN, "k", STATUS_OK);
    expect_keyed(&f->b, "{\"name\":\"Ann!\",\"email\":\"ann@example.net\"}", "k", STATUS_IDEMPOTENCY_MISMATCH);
    expect_keyed(&f->b, EVE, "k", STATUS_IDEMPOTENCY_MISMATCH);
    expect_keyed(&f->b, "{\"name\":\"Ann\"}", "k", STATUS_IDEMPOTENCY_MISMATCH);
    assert_owner(&f->a, "eve@example.net", NULL);

    struct uuid id = create_ok(&f->a, EVE);
    struct write_options patch = options_keyed("PATCH", "k");
    struct outcome o = do_patch(&f->a, &id, "{\"balance\":2}", &patch);
    assert_status(&o, STATUS_OK);
    outcome_clean_up(&o);
    o = do_patch(&f->b, &id, "{\"balance\":3}", &patch);
    assert_status(&o, STATUS_IDEMPOTENCY_MISMATCH);
    outcome_clean_up(&o);
    o = do_patch(&f->b, &id, "{\"email\":\"bob@example.net\"}", &patch);
    assert_status(&o, STATUS_IDEMPOTENCY_MISMATCH);
    outcome_clean_up(&o);
}

static void a_key_belongs_to_its_method(void **state)
{
    struct fixture *f = *state;
    struct uuid id = create_ok(&f->a, ANN);
    struct write_options patch = options_keyed("PATCH", "k"), put = options_keyed("PUT", "k");
    struct outcome one = do_patch(&f->a, &id, "{\"balance\":2}", &patch);
    struct outcome two = do_replace(&f->a, &id, "{\"name\":\"B\",\"balance\":3}", &put);
    assert_status(&one, STATUS_OK);
    assert_status(&two, STATUS_OK);
    assert_false(two.answer.replayed);
    outcome_clean_up(&one);
    outcome_clean_up(&two);
}

static struct operation operation_of(const struct replica *r, const char *json, const char *key)
{
    struct write_options options = options_keyed("POST", key);
    struct buf canonical = BUF_INIT(65536);
    struct customer customer;
    struct findings findings;
    struct operation op;
    struct error err;
    customer_init(&customer);
    findings_init(&findings);
    assert_int_equal(customer_parse(slice_cstr(json), CUSTOMER_CREATE, NULL, &customer, &findings, &err), STATUS_OK);
    customer_canonical(&customer, &canonical);
    assert_int_equal(operation_init(r->customers, &options.idempotency, buf_slice(&canonical), &op, &err), STATUS_OK);
    buf_clean_up(&canonical);
    customer_clean_up(&customer);
    findings_clean_up(&findings);
    return op;
}

/* As another request that is just creating the customer. */
static enum word open_as_another(const struct replica *r, const struct operation *op, uint64_t lease_ms)
{
    struct key opened = key_opened(op->id[0], op->id);
    struct args args;
    struct call *call = NULL;
    struct error err;
    enum word word;
    args_init_writing(&args, &opened, 1);
    operation_args(op, &args, false);
    args_number(&args, lease_ms);
    assert_int_equal(store_script(r->customers, &script_open, op->id[0], &args, soon_ms(), &call, &word, &err), STATUS_OK);
    call_release(call);
    return word;
}

static void a_twin_that_runs_is_told_and_one_that_died_is_followed(void **state)
{
    struct fixture *f = *state;
    struct operation op = operation_of(&f->a, ANN, "k");
    assert_int_equal(open_as_another(&f->a, &op, 60000), WORD_OPENED);
    struct outcome o = create_keyed(&f->b, ANN, "k");
    assert_status(&o, STATUS_IDEMPOTENCY_IN_PROGRESS);
    assert_int_equal(o.err.applied, APPLIED_NO);
    assert_in_range(o.err.retry_after_s, 1, 61);
    outcome_clean_up(&o);
    expect_keyed(&f->b, EVE, "k", STATUS_IDEMPOTENCY_MISMATCH);
    assert_int_equal(open_as_another(&f->a, &op, 0), WORD_OPENED); /* its lease ends, as by itself */
    expect_keyed(&f->b, ANN, "k", STATUS_OK);
}

static void a_twin_that_is_done_but_holds_its_lease_is_replayed(void **state)
{
    struct fixture *f = *state;
    struct outcome first = create_keyed(&f->a, ANN, "k");
    struct operation op = operation_of(&f->b, ANN, "k");
    assert_int_equal(open_as_another(&f->a, &op, 1), WORD_RUNNING);
    assert_replayed(first, create_keyed(&f->b, ANN, "k"));
}

static void a_definite_failure_frees_the_key_at_once(void **state)
{
    struct fixture *f = *state;
    struct uuid ann = create_ok(&f->a, ANN);
    expect_keyed(&f->a, ANN, "k", STATUS_EMAIL_TAKEN);
    expect_keyed(&f->b, ANN, "k", STATUS_EMAIL_TAKEN); /* not "still running" */
    expect_delete(&f->a, &ann, STATUS_OK);
    expect_keyed(&f->b, ANN, "k", STATUS_OK);
}

static void a_key_guards_as_long_as_its_marker_lives(void **state)
{
    struct fixture *f = *state;
    struct uuid ann = create_ok(&f->a, ANN);
    expect_keyed(&f->a, ANN, "k", STATUS_EMAIL_TAKEN);
    struct operation op = operation_of(&f->a, ANN, "k");
    struct key opened = key_opened(op.id[0], op.id);
    RAW(&f->a, slice_cstr("EXPIRE"), key_slice(&opened), slice_cstr("1000")); /* nearly a day later */
    expect_delete(&f->a, &ann, STATUS_OK);
    expect_keyed(&f->a, ANN, "k", STATUS_OK);
    assert_in_range(RAW(&f->a, slice_cstr("TTL"), key_slice(&opened)), 86300, 86400);
}

static void own_markers_live_longer_than_any_request(void **state)
{
    struct fixture *f = *state;
    struct idempotency none = { .given = false };
    struct operation op;
    struct error err;
    assert_int_equal(operation_init(f->a.customers, &none, slice_cstr(""), &op, &err), STATUS_OK);
    assert_int_equal(op.marker_ttl_s, 60);
    f->a.customers->options.request_timeout_ms = 60000;
    assert_int_equal(operation_init(f->a.customers, &none, slice_cstr(""), &op, &err), STATUS_OK);
    assert_int_equal(op.marker_ttl_s, 120);
}

static void a_replay_that_can_not_be_answered_does_not_say_that_nothing_was_applied(void **state)
{
    struct fixture *f = *state;
    struct outcome first = create_keyed(&f->a, ANN, "k");
    assert_status(&first, STATUS_OK);
    outcome_clean_up(&first);
    struct operation op = operation_of(&f->a, ANN, "k");
    struct email_hash eh = hash_of(&f->a, "ann@example.net");
    struct key marker = key_marker(email_bucket(eh.bytes), op.id);
    RAW(&f->a, slice_cstr("APPEND"), key_slice(&marker), slice_cstr("x"));
    struct outcome o = create_keyed(&f->b, ANN, "k");
    assert_status(&o, STATUS_RECORD_DAMAGED);
    assert_int_equal(o.err.applied, APPLIED_UNKNOWN);
    outcome_clean_up(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(every_write_is_replayed_by_every_replica),
        STORE_TEST(an_email_change_is_replayed),
        STORE_TEST(an_unkeyed_write_is_never_a_replay),
        STORE_TEST(a_replay_gives_the_first_answer_after_a_later_change),
        STORE_TEST(a_replay_comes_before_the_precondition),
        STORE_TEST(a_replay_after_the_delete_tells_nothing_of_the_customer),
        STORE_TEST(another_body_is_a_mismatch_wherever_it_would_live),
        STORE_TEST(a_key_belongs_to_its_method),
        STORE_TEST(a_twin_that_runs_is_told_and_one_that_died_is_followed),
        STORE_TEST(a_twin_that_is_done_but_holds_its_lease_is_replayed),
        STORE_TEST(a_definite_failure_frees_the_key_at_once),
        STORE_TEST(a_key_guards_as_long_as_its_marker_lives),
        STORE_TEST(own_markers_live_longer_than_any_request),
        STORE_TEST(a_replay_that_can_not_be_answered_does_not_say_that_nothing_was_applied),
    };
    return store_tests_run(tests, sizeof tests / sizeof *tests);
}
