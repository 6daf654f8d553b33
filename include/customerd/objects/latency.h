/* latency: what a number of measured times comes to. Pure; any thread. */
#ifndef CUSTOMERD_OBJECTS_LATENCY_H
#define CUSTOMERD_OBJECTS_LATENCY_H

#include <stddef.h>
#include <stdint.h>

/* Bins between preferred numbers (ISO 3, R10): ten a decade, from 1 us to 1000 s; the first and the last take what lies
 * beyond. */
#define LATENCY_BINS_PER_DECADE 10
#define LATENCY_BINS 90

struct latency_summary {
    size_t n; /* nothing else means anything when it is 0 */
    int64_t average_ns, minimum_ns, maximum_ns;
    int64_t p50_ns, p90_ns, p99_ns; /* nearest rank: the least time that so many per cent do not exceed */
    size_t bins[LATENCY_BINS];
};

/* Sorts the times, none of them negative. */
struct latency_summary latency_summarize(int64_t *ns, size_t n);

/* How much shorter the second average is, in per cent of the first: 100 would be no time at all; below 0 it is longer. */
double latency_improvement(const struct latency_summary *first, const struct latency_summary *second);

/* Where a bin begins; it ends where the next one begins (at LATENCY_BINS: the last one's end). */
int64_t latency_bin_ns(size_t bin);
size_t latency_bin_of(int64_t ns);

#endif
