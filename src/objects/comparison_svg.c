#include "customerd/objects/comparison.h"

#include "customerd/core/json_utf8.h"

#include <stdio.h>

/* In the picture's own units, which a viewer scales. */
#define WIDTH 960
#define HEIGHT 580
#define LEFT 110
#define RIGHT 920
#define PANEL_HEIGHT 120
#define S3_BASE 260
#define CACHE_BASE 420
#define TABLE_TOP 488
#define NAME_MAX_CHARS 60
#define LEAST_BINS 10
#define MANY_BINS 30 /* beyond that only decades are named */

/* Which bins are shown, and how high a count is drawn. */
struct scale {
    size_t from, to; /* the last one excluded */
    size_t most;
};

static const char head[] =
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 960 580\" role=\"img\" "
    "font-family=\"system-ui, sans-serif\" font-size=\"14\">\n"
    "<style>.paper{fill:#fff}.ink{fill:#1b1f24}.soft{fill:#57606a}.line{stroke:#d0d7de}.s3{fill:#bc4c00}.cache{fill:#0969da}"
    ".mark{stroke:#1b1f24}@media(prefers-color-scheme:dark){.paper{fill:#0d1117}.ink{fill:#e6edf3}.soft{fill:#9198a1}"
    ".line{stroke:#3d444d}.s3{fill:#f0883e}.cache{fill:#58a6ff}.mark{stroke:#e6edf3}}</style>\n";

/* ---- texts ---- */

/* At most so many characters of it; what XML can't hold becomes a question mark. */
static void append_text(struct buf *out, struct slice text, size_t chars_max)
{
    for (size_t n = 0; text.len > 0; n++) {
        uint32_t c = 0;
        size_t len = utf8_decode(text, &c);
        if (n == chars_max) {
            buf_append_cstr(out, "\xE2\x80\xA6");
            return;
        }
        if (c == '&' || c == '<' || c == '>')
            buf_append_cstr(out, c == '&' ? "&amp;" : c == '<' ? "&lt;" : "&gt;");
        else if (len == 0 || c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xfffe || c == 0xffff)
            buf_append_byte(out, '?');
        else
            buf_append(out, slice_of(text.ptr, len));
        text = slice_from(text, len == 0 ? 1 : len);
    }
}

/* Three digits and a unit. */
static void append_duration(struct buf *out, int64_t ns)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = { { "\xC2\xB5s", 1e3 }, { "ms", 1e6 }, { "s", 1e9 } };
    size_t u = 0;
    while (u < 2 && (double)ns >= 999.5 * units[u].ns)
        u++;
    double value = (double)ns / units[u].ns;
    buf_appendf(out, "%.*f %s", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, units[u].name);
}

/* ---- the panels ---- */

static void widen(struct scale *scale, const struct latency_summary *s)
{
    for (size_t i = 0; i < LATENCY_BINS; i++) {
        if (s->bins[i] == 0)
            continue;
        scale->from = i < scale->from ? i : scale->from;
        scale->to = i + 1 > scale->to ? i + 1 : scale->to;
        scale->most = s->bins[i] > scale->most ? s->bins[i] : scale->most;
    }
}

/* An empty bin at each end, and a decade at least, so that a single bar is no wall. */
static struct scale find_scale(const struct comparison *c)
{
    struct scale scale = { .from = LATENCY_BINS, .to = 0, .most = 1 };
    widen(&scale, &c->s3.latency);
    widen(&scale, &c->cache.latency);
    while (scale.to <= scale.from || scale.to - scale.from < LEAST_BINS) {
        scale.from = scale.from > 0 ? scale.from - 1 : 0;
        scale.to = scale.to < LATENCY_BINS ? scale.to + 1 : LATENCY_BINS;
    }
    scale.from = scale.from > 0 ? scale.from - 1 : 0;
    scale.to = scale.to < LATENCY_BINS ? scale.to + 1 : LATENCY_BINS;
    return scale;
}

static double bin_x(const struct scale *scale, double bin)
{
    return LEFT + (RIGHT - LEFT) * (bin - (double)scale->from) / (double)(scale->to - scale->from);
}

/* Within its bin a time stands in proportion; what lies beyond the scale stands at its end. */
static double time_x(const struct scale *scale, int64_t ns)
{
    size_t bin = latency_bin_of(ns);
    double begin = (double)latency_bin_ns(bin), end = (double)latency_bin_ns(bin + 1);
    double x = bin_x(scale, (double)bin + ((double)ns - begin) / (end - begin));
    return x < LEFT ? LEFT : x > RIGHT ? RIGHT : x;
}

static void append_panel(struct buf *out, const struct scale *scale, const struct latency_summary *s, const char *name,
                         const char *class, int base)
{
    double average = time_x(scale, s->average_ns);
    bool right = average > (LEFT + RIGHT) / 2.0;
    buf_appendf(out, "<text x=\"%d\" y=\"%d\" class=\"%s\" font-weight=\"600\" text-anchor=\"end\">%s</text>\n", LEFT - 14,
                base - PANEL_HEIGHT / 2 + 5, class, name);
    buf_appendf(out, "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" class=\"line\"/>\n", LEFT, base, RIGHT, base);
    for (size_t i = scale->from; i < scale->to; i++) {
        double height = (double)PANEL_HEIGHT * (double)s->bins[i] / (double)scale->most;
        if (s->bins[i] == 0)
            continue;
        height = height < 2 ? 2 : height; /* one read is seen among a hundred thousand */
        buf_appendf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"%s\"><title>%zu</title></rect>\n",
                    bin_x(scale, (double)i) + 1, base - height, bin_x(scale, 1) - bin_x(scale, 0) - 2, height, class, s->bins[i]);
    }
    buf_appendf(out, "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" class=\"mark\" stroke-dasharray=\"4 3\"/>\n", average,
                base - PANEL_HEIGHT - 14, average, base);
    buf_appendf(out, "<text x=\"%.1f\" y=\"%d\" class=\"ink\" text-anchor=\"%s\">average ", average + (right ? -6 : 6),
                base - PANEL_HEIGHT - 4, right ? "end" : "start");
    append_duration(out, s->average_ns);
    buf_append_cstr(out, "</text>\n");
}

/* 1, 2 and 5 of each decade, or the decades alone. */
static bool is_named(const struct scale *scale, size_t bin)
{
    size_t at = bin % LATENCY_BINS_PER_DECADE;
    return at == 0 || (scale->to - scale->from <= MANY_BINS && (at == 3 || at == 7));
}

static void append_axis(struct buf *out, const struct scale *scale)
{
    for (size_t i = scale->from; i <= scale->to; i++) {
        static const char *const units[] = { "\xC2\xB5s", "ms", "s" };
        double x = bin_x(scale, (double)i);
        if (!is_named(scale, i))
            continue;
        int64_t value = latency_bin_ns(i) / 1000;
        size_t unit = 0;
        for (; value >= 1000; value /= 1000)
            unit++;
        if (unit > 2) { /* the end of the last bin: 1000 s */
            value *= 1000;
            unit = 2;
        }
        buf_appendf(out, "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" class=\"line\"/>\n", x, CACHE_BASE, x, CACHE_BASE + 6);
        buf_appendf(out, "<text x=\"%.1f\" y=\"%d\" class=\"soft\" text-anchor=\"middle\" font-size=\"13\">%d %s</text>\n", x,
                    CACHE_BASE + 22, (int)value, units[unit]);
    }
}

/* ---- figures ---- */

static void append_row(struct buf *out, const struct latency_summary *s, const char *name, const char *class, int y)
{
    const int64_t values[] = { s->average_ns, s->minimum_ns, s->p50_ns, s->p90_ns, s->p99_ns, s->maximum_ns };
    buf_appendf(out, "<text x=\"%d\" y=\"%d\" class=\"%s\" font-weight=\"600\" text-anchor=\"end\">%s</text>\n", LEFT - 14, y, class,
                name);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        buf_appendf(out, "<text x=\"%d\" y=\"%d\" class=\"ink\" text-anchor=\"end\">", LEFT + 90 + 130 * (int)i, y);
        append_duration(out, values[i]);
        buf_append_cstr(out, "</text>\n");
    }
}

static void append_table(struct buf *out, const struct comparison *c)
{
    static const char *const names[] = { "average", "minimum", "p50", "p90", "p99", "maximum" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        buf_appendf(out, "<text x=\"%d\" y=\"%d\" class=\"soft\" text-anchor=\"end\">%s</text>\n", LEFT + 90 + 130 * (int)i,
                    TABLE_TOP, names[i]);
    append_row(out, &c->s3.latency, "S3", "s3", TABLE_TOP + 28);
    append_row(out, &c->cache.latency, "cache", "cache", TABLE_TOP + 54);
    if (c->misses + c->s3.failures + c->cache.failures > 0)
        buf_appendf(out,
                    "<text x=\"%d\" y=\"%d\" class=\"soft\" font-size=\"12\" text-anchor=\"end\">not counted: %zu reads that the cache "
                    "did not have; %zu from S3 and %zu from the cache that failed</text>\n",
                    RIGHT, HEIGHT - 10, c->misses, c->s3.failures, c->cache.failures);
}

static void append_title(struct buf *out, const struct comparison *c)
{
    double improvement = latency_improvement(&c->s3.latency, &c->cache.latency);
    double difference = improvement < 0 ? -improvement : improvement;
    buf_append_cstr(out, "<title>Reads from S3 and from the cache</title>\n");
    buf_appendf(out, "<rect width=\"%d\" height=\"%d\" class=\"paper\"/>\n", WIDTH, HEIGHT);
    buf_append_cstr(out, "<svg x=\"40\" y=\"0\" width=\"650\" height=\"90\">"
                         "<text x=\"0\" y=\"46\" class=\"ink\" font-size=\"20\" font-weight=\"600\">");
    append_text(out, c->bucket, NAME_MAX_CHARS);
    buf_append_byte(out, '/');
    append_text(out, c->key, NAME_MAX_CHARS);
    buf_appendf(out, "</text>\n<text x=\"0\" y=\"72\" class=\"soft\">%zu %s of each, %zu bytes; how many took how long</text></svg>\n",
                c->requests, c->requests == 1 ? "read" : "reads", c->size);
    buf_appendf(out, "<text x=\"%d\" y=\"50\" class=\"cache\" font-size=\"38\" font-weight=\"700\" text-anchor=\"end\">", RIGHT);
    buf_appendf(out, difference < 1e4 ? "%.2f %%</text>\n" : "%.1e %%</text>\n", difference);
    buf_appendf(out, "<text x=\"%d\" y=\"74\" class=\"soft\" text-anchor=\"end\">%s on average</text>\n", RIGHT,
                improvement < 0 ? "longer" : "shorter");
}

void comparison_svg(const struct comparison *c, struct buf *out)
{
    struct scale scale = find_scale(c);
    buf_append_cstr(out, head);
    append_title(out, c);
    append_panel(out, &scale, &c->s3.latency, "S3", "s3", S3_BASE);
    append_panel(out, &scale, &c->cache.latency, "cache", "cache", CACHE_BASE);
    append_axis(out, &scale);
    append_table(out, c);
    buf_append_cstr(out, "</svg>\n");
}
