#include "customerd/api/reserve.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

static bool starved;
static jmp_buf over;

static void *starved_malloc(size_t size)
{
    return starved ? NULL : malloc(size);
}

static void *starved_realloc(void *block, size_t size)
{
    return starved ? NULL : realloc(block, size);
}

static void note_end(void)
{
    longjmp(over, 1);
}

static const struct reserve_functions functions = { starved_malloc, starved_realloc, note_end };

/* Allocates until the program would end; returns how many blocks there were. Frees them. */
static size_t blocks_until_the_end(size_t size)
{
    static void *blocks[2000];
    static volatile size_t n;
    n = 0;
    if (setjmp(over) == 0) {
        while (n < 2000) {
            void *block = reserve_malloc(size);
            assert_non_null(block);
            memset(block, 1, size);
            blocks[n++] = block;
        }
    }
    for (size_t i = 0; i < n; i++)
        free(blocks[i]);
    return n;
}

static void the_reserve_serves_while_there_is_no_memory(void **state)
{
    (void)state;
    starved = false;
    assert_true(reserve_init(&functions));
    starved = true;
    assert_int_equal(blocks_until_the_end(256), 512 + 64);
    starved = false;
    free(reserve_malloc(1)); /* there is memory again: the shelves are filled */
    starved = true;
    assert_int_equal(blocks_until_the_end(257), 64);
    reserve_clean_up();
}

static void a_block_that_grows_keeps_its_bytes(void **state)
{
    (void)state;
    starved = false;
    assert_true(reserve_init(&functions));
    char *block = reserve_malloc(8);
    memcpy(block, "1234567", 8);
    starved = true;
    block = reserve_realloc(block, RESERVE_MAX_BYTES);
    assert_non_null(block);
    assert_string_equal(block, "1234567");
    block[RESERVE_MAX_BYTES - 1] = 'x';
    free(block);
    free(reserve_realloc(NULL, 100));
    reserve_clean_up();
}

static void bodies_are_refused(void **state)
{
    (void)state;
    starved = false;
    assert_true(reserve_init(&functions));
    char *block = reserve_malloc(8);
    starved = true;
    assert_null(reserve_malloc(RESERVE_MAX_BYTES + 1));
    assert_null(reserve_realloc(block, RESERVE_MAX_BYTES + 1));
    free(block);
    reserve_clean_up();
}

static void without_memory_there_is_no_reserve(void **state)
{
    (void)state;
    starved = true;
    assert_false(reserve_init(&functions));
    starved = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reserve_serves_while_there_is_no_memory),
        cmocka_unit_test(a_block_that_grows_keeps_its_bytes),
        cmocka_unit_test(bodies_are_refused),
        cmocka_unit_test(without_memory_there_is_no_reserve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
