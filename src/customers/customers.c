#include "customerd/customers/customers.h"

#include <stdio.h>
#include <stdlib.h>

#include "healer.h"

static const char *const resolution_labels[] = { [RESOLVED_TAKEN] = "result=\"taken\"",
                                                 [RESOLVED_RESERVED] = "result=\"reserved\"",
                                                 [RESOLVED_FREE] = "result=\"free\"" };
static const char *const walk_labels[] = { [WALK_STARTED] = "step=\"started\"",
                                           [WALK_CONTINUED] = "step=\"continued\"",
                                           [WALK_FINISHED] = "step=\"finished\"" };

static bool counts_init(struct store_counts *counts)
{
    struct metrics_options options = { .name = "customerd_store_claims_resolved_total",
                                       .help = "Claims that were in the way of an e-mail, by what stood behind them.",
                                       .dimensions = { { resolution_labels, 3 } },
                                       .n_dimensions = 1,
                                       .from_start = true };
    counts->claims_resolved = metrics_family_new(&options);
    options.name = "customerd_store_walks_total";
    options.help = "Pages of listings, by whether they began, went on with or ended a walk.";
    options.dimensions[0].labels = walk_labels;
    counts->walks = metrics_family_new(&options);
    return counts->claims_resolved != NULL && counts->walks != NULL;
}

static void release(struct customers *c)
{
    healer_destroy(c->healer);
    metrics_family_destroy(c->counts.claims_resolved);
    metrics_family_destroy(c->counts.walks);
    for (struct admission *a = atomic_load(&c->admission); a != NULL;) {
        struct admission *older = a->older;
        free(a);
        a = older;
    }
    crypto_wipe(&c->secrets, sizeof c->secrets);
    free(c);
}

struct customers *customers_new_unhealed(const struct customers_options *options, struct error *err)
{
    struct customers *c = calloc(1, sizeof *c);
    if (c == NULL) {
        error_set(err, STATUS_INTERNAL, "out of memory");
        return NULL;
    }
    c->options = *options;
    atomic_init(&c->checked, false);
    atomic_init(&c->admission, NULL);
    if (!counts_init(&c->counts)) {
        error_set(err, STATUS_INTERNAL, "out of memory");
        release(c);
        return NULL;
    }
    return c;
}

struct customers *customers_new(const struct customers_options *options, struct error *err)
{
    struct customers *c = customers_new_unhealed(options, err);
    if (c == NULL)
        return NULL;
    c->healer = healer_new(c, err);
    if (c->healer == NULL || healer_start(c->healer, err) != STATUS_OK) {
        release(c);
        return NULL;
    }
    return c;
}

void customers_destroy(struct customers *c)
{
    if (c == NULL)
        return;
    if (c->healer != NULL)
        healer_stop(c->healer);
    release(c);
}

enum status customers_ready(struct customers *c, struct error *err)
{
    if (atomic_load_explicit(&c->checked, memory_order_acquire))
        return STATUS_OK;
    char reason[200];
    healer_reason(c->healer, reason, sizeof reason);
    return error_set_retry(err, STATUS_NOT_READY, 1, "%s", reason);
}

void customers_state(struct customers *c, struct customers_state *out)
{
    healer_state(c->healer, out);
}

void customers_write_metrics(struct customers *c, struct buf *out)
{
    static const char heals[] = "customerd_store_heals_total";
    struct customers_state state;
    customers_state(c, &state);
    metrics_write_gauge(out, "customerd_store_checked", "Whether the check at boot has passed.", state.checked);
    metrics_write_counter(out, "customerd_store_sweeps_total", "Looks at all buckets for unfinished e-mail changes.",
                          state.sweeps);
    metrics_write_counter(out, "customerd_store_scrub_passes_total", "Comparisons of all records, claims and indexes.",
                          state.scrub_passes);
    metrics_write_head(out, heals, METRICS_COUNTER,
                       "What the healer mended. Fenced and released are ordinary; a removed orphan is a message that came late; a repair must not be needed.");
    metrics_write_int(out, heals, "kind=\"fenced\"", (int64_t)state.fenced);
    metrics_write_int(out, heals, "kind=\"released\"", (int64_t)state.released);
    metrics_write_int(out, heals, "kind=\"repaired_claim\"", (int64_t)state.repaired_claims);
    metrics_write_int(out, heals, "kind=\"repaired_index\"", (int64_t)state.repaired_index);
    metrics_write_int(out, heals, "kind=\"removed_orphan\"", (int64_t)state.removed_orphans);
    metrics_write_counter(out, "customerd_store_violations_total", "Customers found to share an e-mail.",
                          state.violations);
    metrics_family_write(c->counts.claims_resolved, out);
    metrics_family_write(c->counts.walks, out);
}
