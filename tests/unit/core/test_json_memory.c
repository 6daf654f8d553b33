#include "customerd/core/json_memory.h"

#include "unit.h"

#include <stdbool.h>
#include <stdlib.h>

#define TEXT "{\"a long name, longer than the first buffer\":\"and a text that is longer than it as well\",\"n\":[1,2,\"x\"]}"

static unsigned long left; /* allocations until one fails */

static void *failing_malloc(size_t size)
{
    return left-- == 1 ? NULL : malloc(size);
}

static void a_text_is_read_whole_or_not_at_all(void **state)
{
    (void)state;
    json_error_t why;
    json_memory_init(NULL);
    json_t *whole = json_memory_load(TEXT, sizeof TEXT - 1, 0, &why);
    assert_non_null(whole);
    unsigned long failed = 0;
    json_memory_init(failing_malloc);
    for (unsigned long nth = 1;; nth++) {
        left = nth;
        json_t *tree = json_memory_load(TEXT, sizeof TEXT - 1, 0, &why);
        bool reached = left == 0 || left > nth;
        if (!reached) {
            assert_true(json_equal(tree, whole));
            json_decref(tree);
            break;
        }
        failed++;
        assert_null(tree);
        assert_int_equal(json_error_code(&why), json_error_out_of_memory);
    }
    assert_true(failed > 10);
    json_memory_init(NULL);
    json_decref(whole);
}

static void other_errors_stay_what_they_are(void **state)
{
    (void)state;
    json_error_t why;
    json_memory_init(NULL);
    assert_null(json_memory_load("{\"a\":1,\"a\":2}", 13, JSON_REJECT_DUPLICATES, &why));
    assert_int_equal(json_error_code(&why), json_error_duplicate_key);
    assert_null(json_memory_load("{", 1, 0, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_read_whole_or_not_at_all),
        cmocka_unit_test(other_errors_stay_what_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
