#include "customerd/objects/warm_queue.h"

#include <stdio.h>

#include "unit.h"

static const struct warm_mark nothing = { .len = 0 };

static void set_up(struct warm_queue *q, size_t n)
{
    assert_true(warm_queue_init(q, &nothing));
    for (size_t i = 0; i < n; i++) {
        char key[24];
        (void)snprintf(key, sizeof key, "k%zu", i);
        warm_queue_push(q, slice_cstr(key), i + 1, -1);
    }
}

static void expect_mark(const struct warm_queue *q, const char *key, uint64_t line)
{
    const struct warm_mark *mark = warm_queue_resume_at(q);
    assert_slice(slice_of(mark->key, mark->len), key);
    assert_int_equal(mark->line, line);
}

static void the_mark_waits_for_the_slowest(void **state)
{
    (void)state;
    struct warm_queue q;
    set_up(&q, 4);
    struct warm_item *first = warm_queue_take(&q), *second = warm_queue_take(&q), *third = warm_queue_take(&q);
    assert_slice(slice_of(first->place.key, first->place.len), "k0");
    warm_queue_finish(&q, second, WARM_FILLED);
    warm_queue_finish(&q, third, WARM_FRESH);
    expect_mark(&q, "", 0);
    assert_int_equal(warm_queue_finished(&q), 2);
    warm_queue_finish(&q, first, WARM_ABSENT);
    expect_mark(&q, "k2", 3);
    assert_int_equal(warm_queue_finished(&q), 3);
    assert_false(warm_queue_is_empty(&q));
    warm_queue_finish(&q, warm_queue_take(&q), WARM_TOO_LONG);
    expect_mark(&q, "k3", 4);
    assert_true(warm_queue_is_empty(&q));
    assert_null(warm_queue_take(&q));
    for (size_t i = WARM_FILLED; i <= WARM_TOO_LONG; i++)
        assert_int_equal(q.counts[i], 1);
    warm_queue_clean_up(&q);
}

/* A failure that others outlive is passed; those that nothing has come after are gone over again. */
static void failures_in_a_row_hold_the_mark_back(void **state)
{
    (void)state;
    struct warm_queue q;
    set_up(&q, 6);
    static const enum warm_outcome outcomes[] = { WARM_FILLED, WARM_FAILED, WARM_FILLED, WARM_FAILED, WARM_FAILED };
    static const char *const marks[] = { "k0", "k0", "k2", "k2", "k2" };
    static const uint64_t rows[] = { 0, 1, 0, 1, 2 };
    for (size_t i = 0; i < COUNT(outcomes); i++) {
        warm_queue_finish(&q, warm_queue_take(&q), outcomes[i]);
        assert_slice(slice_of(warm_queue_resume_at(&q)->key, warm_queue_resume_at(&q)->len), marks[i]);
        assert_int_equal(q.failing, rows[i]);
    }
    warm_queue_finish(&q, warm_queue_take(&q), WARM_FRESH);
    expect_mark(&q, "k5", 6);
    warm_queue_clean_up(&q);
}

static void it_goes_on_where_it_is_told(void **state)
{
    (void)state;
    struct warm_queue q;
    const struct warm_mark begin = { .key = "before", .len = 6, .line = 9 };
    assert_true(warm_queue_init(&q, &begin));
    expect_mark(&q, "before", 9);
    warm_queue_push(&q, slice_cstr("x"), 10, 5);
    struct warm_item *item = warm_queue_take(&q);
    assert_int_equal(item->size, 5);
    warm_queue_finish(&q, item, WARM_FAILED);
    expect_mark(&q, "before", 9);
    warm_queue_clean_up(&q);
}

static void it_is_bounded_and_goes_round(void **state)
{
    (void)state;
    struct warm_queue q;
    char *key = repeated("k", OBJECT_KEY_MAX_BYTES);
    set_up(&q, 0);
    for (uint64_t i = 0; i < WARM_QUEUE_SIZE; i++) {
        assert_false(warm_queue_is_full(&q));
        warm_queue_push(&q, slice_cstr(key), i + 1, -1);
    }
    assert_true(warm_queue_is_full(&q));
    struct warm_item *first = warm_queue_take(&q);
    for (int i = 1; i < WARM_QUEUE_SIZE; i++)
        warm_queue_finish(&q, warm_queue_take(&q), WARM_FILLED);
    assert_true(warm_queue_is_full(&q)); /* the first one is still under way */
    warm_queue_finish(&q, first, WARM_FILLED);
    assert_true(warm_queue_is_empty(&q));
    assert_int_equal(warm_queue_resume_at(&q)->line, WARM_QUEUE_SIZE);
    assert_int_equal(warm_queue_resume_at(&q)->len, OBJECT_KEY_MAX_BYTES);
    for (uint64_t i = 0; i < 3 * WARM_QUEUE_SIZE; i++) {
        warm_queue_push(&q, slice_cstr("again"), i, -1);
        warm_queue_finish(&q, warm_queue_take(&q), WARM_BUSY);
    }
    expect_mark(&q, "again", 3 * WARM_QUEUE_SIZE - 1);
    warm_queue_clean_up(&q);
    free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mark_waits_for_the_slowest),
        cmocka_unit_test(failures_in_a_row_hold_the_mark_back),
        cmocka_unit_test(it_goes_on_where_it_is_told),
        cmocka_unit_test(it_is_bounded_and_goes_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
