#include "customerd/memorydb/args.h"

#include "customerd/core/decimal.h"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "call.h"

static const struct script script = { .name = "script", .source = SLICE("return 1"), .sha1 = "0123456789012345678901234567890123456789" };

/* The words of a call of the script; 0 when there is none. EVALSHA, the digest and the number of keys are three of them. */
static size_t words_of(const struct args *a)
{
    struct call *call = args_call(a, CALL_WRITE, &script, 7);
    size_t words = call == NULL ? 0 : call->about.words;
    call_release(call);
    return words;
}

static void an_argument_too_many_makes_no_call(void **state)
{
    struct args a;
    (void)state;
    args_init(&a, NULL, 0);
    for (size_t i = 0; i < ARGS_MAX; i++)
        args_slice(&a, slice_cstr("argument"));
    args_last(&a, slice_cstr("last"));
    assert_int_equal(words_of(&a), 3 + ARGS_MAX + 1);
    args_slice(&a, slice_cstr("one more"));
    assert_int_equal(words_of(&a), 0);
    args_init(&a, NULL, 0);
    assert_int_equal(words_of(&a), 3);
}

static void a_key_too_many_makes_no_call(void **state)
{
    struct args a;
    (void)state;
    args_init(&a, NULL, 0);
    for (size_t i = 0; i < ARGS_MAX; i++)
        args_bytes(&a, "argument", 8);
    args_own_key(&a, bucket_key(7, 'e', slice_of("", 0)));
    assert_int_equal(words_of(&a), 0);
}

static void a_number_too_many_makes_no_call(void **state)
{
    struct args a;
    size_t n = 0;
    (void)state;
    args_init(&a, NULL, 0);
    for (; a.numbers_used + DECIMAL_MAX_CHARS <= sizeof a.numbers; n++)
        args_number(&a, UINT64_MAX);
    assert_true(n > 0 && n < ARGS_MAX);
    assert_int_equal(words_of(&a), 3 + n);
    args_number(&a, 1);
    args_slice(&a, slice_cstr("behind it"));
    assert_int_equal(words_of(&a), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_argument_too_many_makes_no_call),
        cmocka_unit_test(a_key_too_many_makes_no_call),
        cmocka_unit_test(a_number_too_many_makes_no_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
