#include "customerd/core/secret.h"

#include "unit.h"

static void a_secret_is_a_copy_with_nul_after_it(void **state)
{
    (void)state;
    char source[] = "hush\0hush";
    struct secret s = SECRET_INIT;
    assert_true(secret_set(&s, slice_of(source, 9)));
    source[0] = 'X';
    assert_int_equal(s.len, 9);
    assert_memory_equal(s.ptr, "hush\0hush", 10);
    assert_int_equal(secret_slice(&s).len, 9);
    secret_clean_up(&s);
    assert_null(s.ptr);
    assert_int_equal(s.len, 0);
    secret_clean_up(&s);
    secret_clean_up(NULL);
}

static void setting_again_replaces_even_from_its_own_bytes(void **state)
{
    (void)state;
    struct secret s = SECRET_INIT;
    assert_true(secret_set(&s, slice_cstr("long-secret")));
    assert_true(secret_set(&s, slice_from(secret_slice(&s), 5)));
    assert_string_equal(s.ptr, "secret");
    assert_true(secret_set(&s, slice_cstr("")));
    assert_int_equal(s.len, 0);
    assert_string_equal(s.ptr, "");
    secret_clean_up(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_a_copy_with_nul_after_it),
        cmocka_unit_test(setting_again_replaces_even_from_its_own_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
