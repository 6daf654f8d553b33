#include "customerd/objects/comparison.h"

#include "customerd/core/json_read.h"

#include <stdio.h>

#include "unit.h"

#define OUT_MAX_BYTES (1u << 20)

/* Reads of S3 around 20 ms, and of the cache around 0.4 ms. */
static struct comparison sample(void)
{
    int64_t s3[] = { 18000000, 19000000, 20000000, 21000000, 22000000 };
    int64_t cache[] = { 300000, 350000, 400000, 450000, 500000 };
    struct comparison c = {
        .bucket = slice_cstr("catalogue"),
        .key = slice_cstr("images/a.png"),
        .size = 1024,
        .requests = 5,
        .s3 = { .latency = latency_summarize(s3, COUNT(s3)) },
        .cache = { .latency = latency_summarize(cache, COUNT(cache)) },
    };
    return c;
}

static const char table[] = "catalogue/images/a.png, 1024 bytes, 5 reads of each; microseconds\n"
                            "\n"
                            "                      S3        cache\n"
                            "  reads                5            5\n"
                            "  average        20000.0        400.0\n"
                            "  minimum        18000.0        300.0\n"
                            "  maximum        22000.0        500.0\n"
                            "  p50            20000.0        400.0\n"
                            "  p90            22000.0        500.0\n"
                            "  p99            22000.0        500.0\n"
                            "\n"
                            "  improvement of the average: 98.00 %\n"
                            "\n"
                            "      below      S3                                 cache\n"
                            "        315       0                                     1 ###############\n"
                            "        400       0                                     1 ###############\n"
                            "        500       0                                     2 ##############################\n"
                            "        630       0                                     1 ###############\n"
                            "      20000       2 ####################                0\n"
                            "      25000       3 ##############################      0\n";

static void a_table_tells_both_sides(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(OUT_MAX_BYTES);
    struct comparison c = sample();
    comparison_table(&c, &out);
    assert_slice(buf_slice(&out), table);
    buf_clean_up(&out);
}

static void what_was_not_counted_is_told(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(OUT_MAX_BYTES);
    struct comparison c = sample();
    c.misses = 3;
    c.s3.failures = 2;
    c.cache.failures = 1;
    comparison_table(&c, &out);
    assert_non_null(strstr(out.data, "  not counted: 3 reads that the cache did not have\n"));
    assert_non_null(strstr(out.data, "  not counted: 2 reads from S3 and 1 from the cache that failed\n"));
    buf_clear(&out);
    comparison_svg(&c, &out);
    assert_non_null(strstr(out.data, "not counted: 3 reads that the cache did not have; 2 from S3 and 1 from the cache that failed"));
    buf_clean_up(&out);
}

static void the_json_has_the_same_figures(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(OUT_MAX_BYTES);
    struct comparison c = sample();
    c.key = slice_cstr("a\"\n\xc3\xbc");
    comparison_json(&c, &out);
    json_t *json = json_read_own(buf_slice(&out));
    assert_non_null(json);
    assert_string_equal(json_string_value(json_object_get(json, "key")), "a\"\n\xc3\xbc");
    assert_true(json_real_value(json_object_get(json, "improvement_percent")) == 98.0);
    json_t *s3 = json_object_get(json, "s3");
    assert_int_equal(json_integer_value(json_object_get(s3, "reads")), 5);
    assert_true(json_real_value(json_object_get(s3, "average_us")) == 20000.0);
    assert_true(json_real_value(json_object_get(s3, "p99_us")) == 22000.0);
    json_t *bins = json_object_get(json_object_get(json, "cache"), "histogram");
    assert_int_equal(json_array_size(bins), 4);
    assert_true(json_real_value(json_object_get(json_array_get(bins, 2), "from_us")) == 400.0);
    assert_true(json_real_value(json_object_get(json_array_get(bins, 2), "below_us")) == 500.0);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(bins, 2), "reads")), 2);
    json_decref(json);
    buf_clean_up(&out);
}

static void names_do_not_command_the_terminal_or_the_picture(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(OUT_MAX_BYTES);
    struct comparison c = sample();
    c.key = slice_cstr("\x1b[2J<script>\xff&\xc2\x85\xef\xbf\xbf");
    comparison_table(&c, &out);
    assert_null(strchr(out.data, '\x1b'));
    assert_true(slice_starts_with(buf_slice(&out), "catalogue/?[2J<script>?&?"));
    buf_clear(&out);
    comparison_svg(&c, &out);
    assert_null(strchr(out.data, '\x1b'));
    assert_null(strstr(out.data, "<script>"));
    assert_non_null(strstr(out.data, "catalogue/?[2J&lt;script&gt;?&amp;?" "?</text>"));
    buf_clean_up(&out);
}

/* What stands behind each `before` in turn lies between the bounds. */
static void expect_between(const struct buf *svg, const char *before, double min, double max)
{
    for (const char *at = strstr(svg->data, before); at != NULL; at = strstr(at, before)) {
        at += strlen(before);
        double value = strtod(at, NULL);
        if (!(value >= min && value <= max))
            fail_msg("%s%.8s is not within %g and %g", before, at, min, max);
    }
}

static void expect_sound(const struct comparison *c)
{
    struct buf out = BUF_INIT(OUT_MAX_BYTES);
    comparison_svg(c, &out);
    assert_true(buf_ok(&out));
    assert_true(slice_starts_with(buf_slice(&out), "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 960 580\""));
    expect_between(&out, " x=\"", 0, 960);
    expect_between(&out, " y=\"", 0, 580);
    expect_between(&out, " x1=\"", 0, 960);
    expect_between(&out, " width=\"", 1, 960);
    expect_between(&out, " height=\"", 2, 580);
    assert_null(strstr(out.data, "nan"));
    assert_null(strstr(out.data, "inf"));
    buf_clean_up(&out);
}

static void the_picture_keeps_within_its_frame(void **state)
{
    (void)state;
    static const int64_t pairs[][2] = { { 20000000, 400000 }, { 400000, 20000000 }, { 0, 0 }, { 1, INT64_C(5000000000000) },
                                        { INT64_C(2000000000000), INT64_C(2000000000000) }, { 999999, 1000000 } };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        int64_t s3[] = { pairs[i][0] }, cache[] = { pairs[i][1] };
        struct comparison c = sample();
        c.s3.latency = latency_summarize(s3, 1);
        c.cache.latency = latency_summarize(cache, 1);
        expect_sound(&c);
    }
    struct comparison c = sample();
    c.s3.latency.bins[0] = 1;
    c.s3.latency.bins[LATENCY_BINS - 1] = 100000;
    c.size = SIZE_MAX;
    c.requests = c.misses = SIZE_MAX;
    char *key = repeated("W", 1024);
    c.key = slice_cstr(key);
    expect_sound(&c);
    free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_tells_both_sides),
        cmocka_unit_test(what_was_not_counted_is_told),
        cmocka_unit_test(the_json_has_the_same_figures),
        cmocka_unit_test(names_do_not_command_the_terminal_or_the_picture),
        cmocka_unit_test(the_picture_keeps_within_its_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
