#include "customerd/api/trace.h"

#include "unit.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"

static const uint8_t random_bytes_given[TRACE_RANDOM_BYTES] = { 0xaa, [15] = 0xbb, 0xcc, [23] = 0xdd };

static struct trace begin(const char *first, const char *second)
{
    struct headers h = { .n = 0 };
    struct trace t;
    if (first != NULL)
        headers_add(&h, slice_cstr("traceparent"), slice_cstr(first));
    if (second != NULL)
        headers_add(&h, slice_cstr("Traceparent"), slice_cstr(second));
    trace_begin(&h, random_bytes_given, &t);
    return t;
}

static void a_trace_goes_on_in_a_span_of_its_own(void **state)
{
    (void)state;
    const char *const good[] = {
        "00-" TRACE "-" PARENT "-01", "00-" TRACE "-" PARENT "-00", " 00-" TRACE "-" PARENT "-ff ",
        "cc-" TRACE "-" PARENT "-01", "cc-" TRACE "-" PARENT "-01-what-comes-later",
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        struct trace t = begin(good[i], NULL);
        assert_string_equal(t.trace_id, TRACE);
        assert_string_equal(t.parent_id, PARENT);
        assert_string_equal(t.span_id, "cc000000000000dd");
    }
}

static void anything_else_begins_a_new_one(void **state)
{
    (void)state;
    const char *const bad[] = {
        "", "00", "ff-" TRACE "-" PARENT "-01", "00-" TRACE "-" PARENT "-01-more", "00-" TRACE "-" PARENT "-0",
        "00-" TRACE "-" PARENT "-0g", "0g-" TRACE "-" PARENT "-01", "00_" TRACE "-" PARENT "-01",
        "00-" TRACE "_" PARENT "-01", "00-" TRACE "-" PARENT "_01", "00-00000000000000000000000000000000-" PARENT "-01",
        "00-" TRACE "-0000000000000000-01", "00-0AF7651916CD43DD8448EB211C80319C-" PARENT "-01",
        "00-" TRACE "-b7ad6b716920333-101", "cc-" TRACE "-" PARENT "-01.x", "00-" TRACE "-" PARENT "-01\"",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct trace t = begin(bad[i], NULL);
        if (strcmp(t.trace_id, "aa0000000000000000000000000000bb") != 0 || t.parent_id[0] != '\0')
            fail_msg("taken: %s", bad[i]);
    }
    struct trace t = begin(NULL, NULL);
    assert_string_equal(t.trace_id, "aa0000000000000000000000000000bb");
    t = begin("00-" TRACE "-" PARENT "-01", "00-" TRACE "-" PARENT "-01");
    assert_string_equal(t.parent_id, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trace_goes_on_in_a_span_of_its_own),
        cmocka_unit_test(anything_else_begins_a_new_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
