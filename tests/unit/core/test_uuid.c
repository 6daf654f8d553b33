#include "customerd/core/uuid.h"

#include "unit.h"

#define MS INT64_C(1700000000123)

static void the_fields_come_back(void **state)
{
    (void)state;
    for (int bucket = 0; bucket < 256; bucket++) {
        struct uuid id;
        assert_true(uuid_new(MS + bucket, (uint8_t)bucket, &id));
        assert_int_equal(uuid_bucket(&id), bucket);
        assert_true(uuid_ms(&id) == MS + bucket);
        assert_int_equal(id.bytes[6] >> 4, 7);
        assert_int_equal(id.bytes[8] >> 6, 2);
    }
}

static void text_and_bytes_convert_both_ways(void **state)
{
    (void)state;
    struct uuid id, again;
    char text[UUID_TEXT_SIZE];
    assert_true(uuid_new(MS, 0xAB, &id));
    uuid_format(&id, text);
    assert_int_equal(strlen(text), 36);
    assert_int_equal(text[14], '7');
    assert_memory_equal(text + 15, "ab", 2);
    assert_true(uuid_parse(slice_cstr(text), &again));
    assert_memory_equal(id.bytes, again.bytes, UUID_BYTES);
}

static void the_published_example_is_read(void **state)
{
    (void)state;
    struct uuid id;
    char text[UUID_TEXT_SIZE];
    assert_true(uuid_parse(slice_cstr("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"), &id)); /* RFC 9562 appendix A.6 */
    assert_true(uuid_ms(&id) == INT64_C(0x017F22E279B0));
    assert_int_equal(uuid_bucket(&id), 0xCC);
    uuid_format(&id, text);
    assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

static void bytes_sort_as_time(void **state)
{
    (void)state;
    struct uuid earlier, later;
    assert_true(uuid_new(MS, 255, &earlier));
    assert_true(uuid_new(MS + 1, 0, &later));
    assert_true(memcmp(earlier.bytes, later.bytes, UUID_BYTES) < 0);
}

static void ids_differ(void **state)
{
    (void)state;
    struct uuid a, b;
    assert_true(uuid_new(MS, 1, &a));
    assert_true(uuid_new(MS, 1, &b));
    assert_memory_not_equal(a.bytes, b.bytes, UUID_BYTES);
}

static void anything_else_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "", "017f22e2", "017f22e2-79b0-7cc3-98c4-dc0c0c07398", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
        "017f22e279b07cc398c4dc0c0c07398f", "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
        "017f22e2-79b0-4cc3-98c4-dc0c0c07398f" /* version 4 */, "017f22e2-79b0-7cc3-58c4-dc0c0c07398f" /* variant */,
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g", "017f22e2+79b0-7cc3-98c4-dc0c0c07398f",
        " 17f22e2-79b0-7cc3-98c4-dc0c0c07398f", "017f22e2-79b0-7cc3-98c4_dc0c0c07398f",
        "00000000-0000-0000-0000-000000000000",
    };
    struct uuid id;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(uuid_parse(slice_cstr(wrong[i]), &id));
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    static const char whole[] = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
    struct uuid id;
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        char *text = exact_copy(whole, len);
        assert_false(uuid_parse(slice_of(text, len), &id));
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fields_come_back),          cmocka_unit_test(text_and_bytes_convert_both_ways),
        cmocka_unit_test(the_published_example_is_read), cmocka_unit_test(bytes_sort_as_time),
        cmocka_unit_test(ids_differ),                    cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(every_truncation_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
