#include "customerd/core/metrics.h"

#include <pthread.h>

#include "unit.h"

static const char *const colours[] = { "colour=\"red\"", "colour=\"blue\"" };
static const char *const sizes[] = { "size=\"s\",fits=\"no\"", "size=\"l\",fits=\"yes\"" };
static const int64_t bounds_us[] = { 5000, 1000000, 2500000 };
static const struct metrics_bounds bounds = { bounds_us, 3 };

static struct metrics_family *family(const char *name, bool histogram, size_t n_dimensions)
{
    const struct metrics_options options = {
        .name = name,
        .help = "What it is.",
        .bounds = histogram ? &bounds : NULL,
        .dimensions = { { colours, 2 }, { sizes, 2 } },
        .n_dimensions = n_dimensions,
    };
    struct metrics_family *f = metrics_family_new(&options);
    assert_non_null(f);
    return f;
}

static void assert_text(const struct metrics_family *f, const char *expected)
{
    struct buf out = BUF_INIT(65536);
    metrics_family_write(f, &out);
    assert_true(buf_ok(&out));
    assert_string_equal(out.data, expected);
    buf_clean_up(&out);
}

static void a_counter_has_the_series_that_were_counted(void **state)
{
    (void)state;
    struct metrics_family *f = family("things_total", false, 2);
    assert_text(f, "# HELP things_total What it is.\n# TYPE things_total counter\n");
    metrics_count(f, (const size_t[]){ 1, 0 }, 2);
    metrics_count(f, (const size_t[]){ 1, 0 }, 1);
    metrics_count(f, (const size_t[]){ 0, 1 }, 7);
    assert_text(f, "# HELP things_total What it is.\n# TYPE things_total counter\n"
                   "things_total{colour=\"red\",size=\"l\",fits=\"yes\"} 7\n"
                   "things_total{colour=\"blue\",size=\"s\",fits=\"no\"} 3\n");
    metrics_family_destroy(f);
}

static void a_histogram_s_buckets_add_up(void **state)
{
    (void)state;
    struct metrics_family *f = family("took_seconds", true, 1);
    const size_t red[] = { 0 };
    const int64_t micros[] = { 0, 5000, 5001, 2500000, 2500001, -3 };
    for (size_t i = 0; i < sizeof micros / sizeof *micros; i++)
        metrics_observe_us(f, red, micros[i]);
    assert_text(f, "# HELP took_seconds What it is.\n# TYPE took_seconds histogram\n"
                   "took_seconds_bucket{colour=\"red\",le=\"0.005\"} 3\n"
                   "took_seconds_bucket{colour=\"red\",le=\"1\"} 4\n"
                   "took_seconds_bucket{colour=\"red\",le=\"2.5\"} 5\n"
                   "took_seconds_bucket{colour=\"red\",le=\"+Inf\"} 6\n"
                   "took_seconds_sum{colour=\"red\"} 5.010002\n"
                   "took_seconds_count{colour=\"red\"} 6\n");
    metrics_family_destroy(f);
}

static void few_series_may_be_there_from_the_start(void **state)
{
    (void)state;
    const struct metrics_options options = { .name = "things_total", .help = "What it is.", .from_start = true,
                                             .dimensions = { { colours, 2 } }, .n_dimensions = 1 };
    struct metrics_family *f = metrics_family_new(&options);
    metrics_count(f, (const size_t[]){ 1 }, 5);
    assert_text(f, "# HELP things_total What it is.\n# TYPE things_total counter\n"
                   "things_total{colour=\"red\"} 0\nthings_total{colour=\"blue\"} 5\n");
    metrics_family_destroy(f);
}

static void what_is_out_of_range_is_dropped(void **state)
{
    (void)state;
    struct metrics_family *f = family("things_total", false, 2);
    metrics_count(f, (const size_t[]){ 2, 0 }, 1);
    metrics_count(f, (const size_t[]){ 0, SIZE_MAX }, 1);
    metrics_count(NULL, (const size_t[]){ 0, 0 }, 1);
    assert_text(f, "# HELP things_total What it is.\n# TYPE things_total counter\n");
    metrics_family_destroy(f);
    metrics_family_destroy(NULL);
}

#define THREADS 4
#define ROUNDS 20000

static void *count_all(void *arg)
{
    for (int i = 0; i < ROUNDS; i++)
        metrics_count(arg, (const size_t[]){ (size_t)i % 2, 0 }, 1);
    return NULL;
}

static void nothing_is_lost_between_threads(void **state)
{
    (void)state;
    struct metrics_family *f = family("things_total", false, 2);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_all, f), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_text(f, "# HELP things_total What it is.\n# TYPE things_total counter\n"
                   "things_total{colour=\"red\",size=\"s\",fits=\"no\"} 40000\n"
                   "things_total{colour=\"blue\",size=\"s\",fits=\"no\"} 40000\n");
    metrics_family_destroy(f);
}

static void values_of_the_moment_are_written(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(4096);
    metrics_write_counter(&out, "a_total", "A.", 18446744073709551615u);
    metrics_write_gauge(&out, "b", "B.", -1);
    metrics_write_gauge_ms(&out, "c_seconds", "C.", -1500);
    metrics_write_head(&out, "d", METRICS_GAUGE, "D.");
    metrics_write_int(&out, "d", "shard=\"0\"", 4);
    metrics_write_ms(&out, "d", "shard=\"1\"", 20);
    assert_string_equal(out.data, "# HELP a_total A.\n# TYPE a_total counter\na_total 18446744073709551615\n"
                                  "# HELP b B.\n# TYPE b gauge\nb -1\n"
                                  "# HELP c_seconds C.\n# TYPE c_seconds gauge\nc_seconds -1.5\n"
                                  "# HELP d D.\n# TYPE d gauge\nd{shard=\"0\"} 4\nd{shard=\"1\"} 0.02\n");
    buf_clean_up(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_counter_has_the_series_that_were_counted),
        cmocka_unit_test(a_histogram_s_buckets_add_up),
        cmocka_unit_test(few_series_may_be_there_from_the_start),
        cmocka_unit_test(what_is_out_of_range_is_dropped),
        cmocka_unit_test(nothing_is_lost_between_threads),
        cmocka_unit_test(values_of_the_moment_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
