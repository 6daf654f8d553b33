#include "customerd/core/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct series {
    _Atomic(uint64_t) sum_us; /* of a histogram */
    _Atomic(uint64_t) counts[]; /* of each bucket alone, the one without bound last; a counter has one */
};

struct metrics_family {
    struct metrics_options options;
    struct metrics_bounds bounds;
    size_t n_series;
    _Atomic(struct series *) series[];
};

static struct series *series_new(const struct metrics_family *f)
{
    return calloc(1, sizeof(struct series) + (f->bounds.n + 1) * sizeof(uint64_t));
}

static bool make_all(struct metrics_family *f)
{
    for (size_t i = 0; i < f->n_series; i++) {
        struct series *s = series_new(f);
        if (s == NULL)
            return false;
        atomic_store(&f->series[i], s);
    }
    return true;
}

struct metrics_family *metrics_family_new(const struct metrics_options *options)
{
    size_t n = 1;
    for (size_t i = 0; i < options->n_dimensions; i++)
        n *= options->dimensions[i].n;
    struct metrics_family *f = calloc(1, sizeof *f + n * sizeof f->series[0]);
    if (f == NULL)
        return NULL;
    f->options = *options;
    if (options->bounds != NULL)
        f->bounds = *options->bounds;
    f->n_series = n;
    if (options->from_start && !make_all(f)) {
        metrics_family_destroy(f);
        return NULL;
    }
    return f;
}

void metrics_family_destroy(struct metrics_family *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < f->n_series; i++)
        free(atomic_load(&f->series[i]));
    free(f);
}

/* ---- counting ---- */

/* Whoever comes second takes what the first has made. */
static struct series *series_at(struct metrics_family *f, const size_t *at)
{
    size_t index = 0;
    if (f == NULL)
        return NULL;
    for (size_t i = 0; i < f->options.n_dimensions; i++) {
        if (at[i] >= f->options.dimensions[i].n)
            return NULL;
        index = index * f->options.dimensions[i].n + at[i];
    }
    struct series *s = atomic_load_explicit(&f->series[index], memory_order_acquire);
    if (s != NULL)
        return s;
    struct series *made = series_new(f);
    if (made == NULL)
        return NULL;
    if (atomic_compare_exchange_strong(&f->series[index], &s, made))
        return made;
    free(made);
    return s;
}

static void add(_Atomic(uint64_t) *to, uint64_t n)
{
    (void)atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

void metrics_count(struct metrics_family *f, const size_t *at, uint64_t n)
{
    struct series *s = series_at(f, at);
    if (s != NULL)
        add(&s->counts[0], n);
}

void metrics_observe_us(struct metrics_family *f, const size_t *at, int64_t micros)
{
    struct series *s = series_at(f, at);
    size_t bucket = 0;
    if (s == NULL)
        return;
    while (bucket < f->bounds.n && micros > f->bounds.micros[bucket])
        bucket++;
    add(&s->counts[bucket], 1);
    add(&s->sum_us, micros > 0 ? (uint64_t)micros : 0);
}

/* ---- writing ---- */

static void write_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_appendf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Seconds without the zeros at the end, as bounds are usually written: 0.005, 1. */
static void append_seconds(struct buf *out, uint64_t micros)
{
    uint64_t rest = micros % 1000000;
    int digits = 6;
    buf_appendf(out, "%" PRIu64, micros / 1000000);
    if (rest == 0)
        return;
    for (; rest % 10 == 0; rest /= 10)
        digits--;
    buf_appendf(out, ".%0*" PRIu64, digits, rest);
}

static void append_labels(const struct metrics_family *f, size_t index, struct buf *out)
{
    size_t at[METRICS_DIMENSIONS_MAX] = { 0 };
    for (size_t i = f->options.n_dimensions; i-- > 0;) {
        at[i] = index % f->options.dimensions[i].n;
        index /= f->options.dimensions[i].n;
    }
    for (size_t i = 0; i < f->options.n_dimensions; i++)
        buf_appendf(out, "%s%s", i == 0 ? "" : ",", f->options.dimensions[i].labels[at[i]]);
}

static void write_counter(const struct metrics_family *f, size_t index, struct series *s, struct buf *out)
{
    buf_appendf(out, "%s{", f->options.name);
    append_labels(f, index, out);
    buf_appendf(out, "} %" PRIu64 "\n", atomic_load_explicit(&s->counts[0], memory_order_relaxed));
}

static void write_histogram(const struct metrics_family *f, size_t index, struct series *s, struct buf *out)
{
    const char *name = f->options.name;
    uint64_t total = 0;
    for (size_t i = 0; i <= f->bounds.n; i++) {
        total += atomic_load_explicit(&s->counts[i], memory_order_relaxed);
        buf_appendf(out, "%s_bucket{", name);
        append_labels(f, index, out);
        buf_append_cstr(out, f->options.n_dimensions == 0 ? "le=\"" : ",le=\"");
        if (i < f->bounds.n)
            append_seconds(out, (uint64_t)f->bounds.micros[i]);
        else
            buf_append_cstr(out, "+Inf");
        buf_appendf(out, "\"} %" PRIu64 "\n", total);
    }
    buf_appendf(out, "%s_sum{", name);
    append_labels(f, index, out);
    buf_append_cstr(out, "} ");
    append_seconds(out, atomic_load_explicit(&s->sum_us, memory_order_relaxed));
    buf_appendf(out, "\n%s_count{", name);
    append_labels(f, index, out);
    buf_appendf(out, "} %" PRIu64 "\n", total);
}

void metrics_family_write(const struct metrics_family *f, struct buf *out)
{
    bool histogram = f->options.bounds != NULL;
    write_head(out, f->options.name, histogram ? "histogram" : "counter", f->options.help);
    for (size_t i = 0; i < f->n_series; i++) {
        struct series *s = atomic_load_explicit(&f->series[i], memory_order_acquire);
        if (s == NULL)
            continue;
        if (histogram)
            write_histogram(f, i, s, out);
        else
            write_counter(f, i, s, out);
    }
}

void metrics_write_head(struct buf *out, const char *name, enum metrics_type type, const char *help)
{
    write_head(out, name, type == METRICS_COUNTER ? "counter" : "gauge", help);
}

static void append_name(struct buf *out, const char *name, const char *labels)
{
    if (labels[0] == '\0')
        buf_appendf(out, "%s ", name);
    else
        buf_appendf(out, "%s{%s} ", name, labels);
}

void metrics_write_int(struct buf *out, const char *name, const char *labels, int64_t value)
{
    append_name(out, name, labels);
    buf_appendf(out, "%" PRId64 "\n", value);
}

void metrics_write_ms(struct buf *out, const char *name, const char *labels, int64_t ms)
{
    append_name(out, name, labels);
    if (ms < 0)
        buf_append_byte(out, '-');
    append_seconds(out, (ms < 0 ? (uint64_t)-ms : (uint64_t)ms) * 1000);
    buf_append_byte(out, '\n');
}

void metrics_write_counter(struct buf *out, const char *name, const char *help, uint64_t value)
{
    write_head(out, name, "counter", help);
    buf_appendf(out, "%s %" PRIu64 "\n", name, value);
}

void metrics_write_gauge(struct buf *out, const char *name, const char *help, int64_t value)
{
    write_head(out, name, "gauge", help);
    metrics_write_int(out, name, "", value);
}

void metrics_write_gauge_ms(struct buf *out, const char *name, const char *help, int64_t ms)
{
    write_head(out, name, "gauge", help);
    metrics_write_ms(out, name, "", ms);
}

int64_t metrics_now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
