#include "customerd/memorydb/cluster.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint16_t slot(const char *key)
{
    return cluster_key_slot(slice_cstr(key));
}

static void the_specifications_vector_holds(void **state)
{
    (void)state;
    assert_int_equal(slot("123456789"), 0x31C3 % CLUSTER_SLOTS);
    assert_int_equal(slot("foo"), 12182);
    assert_int_equal(slot("bar"), 5061);
    assert_int_equal(slot(""), 0);
}

static void only_the_first_filled_tag_counts(void **state)
{
    (void)state;
    assert_int_equal(slot("{user1000}.following"), slot("user1000"));
    assert_int_equal(slot("foo{bar}{zap}"), slot("bar"));
    assert_int_equal(slot("foo{{bar}}zap"), slot("{bar"));
    assert_int_equal(slot("{a}"), slot("a"));
}

static void an_empty_or_open_tag_is_no_tag(void **state)
{
    (void)state;
    assert_int_equal(slot("foo{}{bar}"), 8363);
    assert_int_not_equal(slot("foo{}{bar}"), slot("bar"));
    assert_int_equal(slot("foo{bar"), 15278);
    assert_int_not_equal(slot("foo{bar"), slot("bar"));
}

static void bytes_count_whatever_they_are(void **state)
{
    (void)state;
    struct slice with_nul = SLICE("a\0b"), with_high = SLICE("\xff\x80");
    assert_int_not_equal(cluster_key_slot(with_nul), slot("a"));
    assert_in_range(cluster_key_slot(with_high), 0, CLUSTER_SLOTS - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_specifications_vector_holds),
        cmocka_unit_test(only_the_first_filled_tag_counts),
        cmocka_unit_test(an_empty_or_open_tag_is_no_tag),
        cmocka_unit_test(bytes_count_whatever_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
