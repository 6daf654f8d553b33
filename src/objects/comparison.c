#include "customerd/objects/comparison.h"

#include "customerd/core/json_utf8.h"

#include <stdio.h>

#define BAR_MAX_CHARS 30

static double us(int64_t ns)
{
    return (double)ns / 1e3;
}

/* A name can hold anything; a terminal must not. */
static void append_printable(struct buf *out, struct slice text)
{
    while (text.len > 0) {
        uint32_t code_point = 0;
        size_t len = utf8_decode(text, &code_point);
        bool control = len == 0 || code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0);
        if (control)
            buf_append_byte(out, '?');
        else
            buf_append(out, slice_of(text.ptr, len));
        text = slice_from(text, len == 0 ? 1 : len);
    }
}

static void append_row(struct buf *out, const char *name, int64_t s3_ns, int64_t cache_ns)
{
    buf_appendf(out, "  %-9s %12.1f %12.1f\n", name, us(s3_ns), us(cache_ns));
}

static size_t largest_bin(const struct latency_summary *s)
{
    size_t most = 0;
    for (size_t i = 0; i < LATENCY_BINS; i++)
        most = s->bins[i] > most ? s->bins[i] : most;
    return most;
}

/* At least one character for what is there at all. */
static void append_bar(struct buf *out, size_t count, size_t most, bool padded)
{
    size_t chars = most == 0 ? 0 : (count * BAR_MAX_CHARS + most - 1) / most;
    buf_appendf(out, " %6zu%s", count, chars > 0 || padded ? " " : "");
    for (size_t i = 0; i < chars; i++)
        buf_append_byte(out, '#');
    for (size_t i = chars; padded && i < BAR_MAX_CHARS; i++)
        buf_append_byte(out, ' ');
}

static void append_histogram(struct buf *out, const struct latency_summary *s3, const struct latency_summary *cache)
{
    size_t s3_most = largest_bin(s3), cache_most = largest_bin(cache);
    buf_appendf(out, "\n  %9s  %6s %-*s %6s\n", "below", "S3", BAR_MAX_CHARS, "", "cache");
    for (size_t i = 0; i < LATENCY_BINS; i++) {
        if (s3->bins[i] == 0 && cache->bins[i] == 0)
            continue;
        buf_appendf(out, "  %9.10g ", us(latency_bin_ns(i + 1)));
        append_bar(out, s3->bins[i], s3_most, true);
        append_bar(out, cache->bins[i], cache_most, false);
        buf_append_byte(out, '\n');
    }
}

void comparison_table(const struct comparison *c, struct buf *out)
{
    const struct latency_summary *s3 = &c->s3.latency, *cache = &c->cache.latency;
    append_printable(out, c->bucket);
    buf_append_byte(out, '/');
    append_printable(out, c->key);
    buf_appendf(out, ", %zu bytes, %zu %s of each; microseconds\n\n  %-9s %12s %12s\n", c->size, c->requests,
                c->requests == 1 ? "read" : "reads", "", "S3", "cache");
    buf_appendf(out, "  %-9s %12zu %12zu\n", "reads", s3->n, cache->n);
    append_row(out, "average", s3->average_ns, cache->average_ns);
    append_row(out, "minimum", s3->minimum_ns, cache->minimum_ns);
    append_row(out, "maximum", s3->maximum_ns, cache->maximum_ns);
    append_row(out, "p50", s3->p50_ns, cache->p50_ns);
    append_row(out, "p90", s3->p90_ns, cache->p90_ns);
    append_row(out, "p99", s3->p99_ns, cache->p99_ns);
    buf_appendf(out, "\n  improvement of the average: %.2f %%\n", latency_improvement(s3, cache));
    if (c->misses > 0)
        buf_appendf(out, "  not counted: %zu reads that the cache did not have\n", c->misses);
    if (c->s3.failures + c->cache.failures > 0)
        buf_appendf(out, "  not counted: %zu reads from S3 and %zu from the cache that failed\n", c->s3.failures, c->cache.failures);
    append_histogram(out, s3, cache);
}

/* ---- JSON ---- */

static void append_side(struct buf *out, const char *name, const struct comparison_side *side)
{
    const struct latency_summary *s = &side->latency;
    bool first = true;
    buf_appendf(out,
                ",\"%s\":{\"reads\":%zu,\"failures\":%zu,\"average_us\":%.3f,\"minimum_us\":%.3f,\"maximum_us\":%.3f,"
                "\"p50_us\":%.3f,\"p90_us\":%.3f,\"p99_us\":%.3f,\"histogram\":[",
                name, s->n, side->failures, us(s->average_ns), us(s->minimum_ns), us(s->maximum_ns), us(s->p50_ns),
                us(s->p90_ns), us(s->p99_ns));
    for (size_t i = 0; i < LATENCY_BINS; i++) {
        if (s->bins[i] == 0)
            continue;
        buf_appendf(out, "%s{\"from_us\":%.2f,\"below_us\":%.2f,\"reads\":%zu}", first ? "" : ",", us(latency_bin_ns(i)),
                    us(latency_bin_ns(i + 1)), s->bins[i]);
        first = false;
    }
    buf_append_cstr(out, "]}");
}

void comparison_json(const struct comparison *c, struct buf *out)
{
    buf_append_cstr(out, "{\"bucket\":\"");
    buf_append_json_escaped(out, c->bucket);
    buf_append_cstr(out, "\",\"key\":\"");
    buf_append_json_escaped(out, c->key);
    buf_appendf(out, "\",\"bytes\":%zu,\"requests\":%zu,\"misses\":%zu", c->size, c->requests, c->misses);
    append_side(out, "s3", &c->s3);
    append_side(out, "cache", &c->cache);
    buf_appendf(out, ",\"improvement_percent\":%.2f}\n", latency_improvement(&c->s3.latency, &c->cache.latency));
}
