#include "customerd/objects/latency.h"

#include <stdlib.h>

#define FIRST_NS 1000

static int compare(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

int64_t latency_bin_ns(size_t bin)
{
    static const int64_t preferred[LATENCY_BINS_PER_DECADE] = { 100, 125, 160, 200, 250, 315, 400, 500, 630, 800 };
    int64_t decade = FIRST_NS / 100;
    for (size_t i = bin / LATENCY_BINS_PER_DECADE; i > 0; i--)
        decade *= 10;
    return decade * preferred[bin % LATENCY_BINS_PER_DECADE];
}

size_t latency_bin_of(int64_t ns)
{
    size_t bin = 0;
    while (bin + 1 < LATENCY_BINS && ns >= latency_bin_ns(bin + 1))
        bin++;
    return bin;
}

/* The ceiling of n * per_cent / 100 is at least 1, since n is. */
static int64_t nearest_rank(const int64_t *sorted, size_t n, size_t per_cent)
{
    return sorted[(n * per_cent + 99) / 100 - 1];
}

struct latency_summary latency_summarize(int64_t *ns, size_t n)
{
    struct latency_summary s = { .n = n };
    int64_t total = 0;
    if (n == 0)
        return s;
    qsort(ns, n, sizeof *ns, compare);
    for (size_t i = 0; i < n; i++) {
        total += ns[i];
        s.bins[latency_bin_of(ns[i])]++;
    }
    s.average_ns = (total + (int64_t)n / 2) / (int64_t)n;
    s.minimum_ns = ns[0];
    s.maximum_ns = ns[n - 1];
    s.p50_ns = nearest_rank(ns, n, 50);
    s.p90_ns = nearest_rank(ns, n, 90);
    s.p99_ns = nearest_rank(ns, n, 99);
    return s;
}

double latency_improvement(const struct latency_summary *first, const struct latency_summary *second)
{
    if (first->average_ns == 0)
        return 0;
    return 100.0 * (double)(first->average_ns - second->average_ns) / (double)first->average_ns;
}
