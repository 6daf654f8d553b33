#include "customerd/core/metrics.h"

#include <stdio.h>

#include "inner.h"

typedef int64_t (*shard_value_fn)(const struct cluster_shard_state *shard, enum call_lane lane);

static int64_t depth(const struct cluster_shard_state *shard, enum call_lane lane)
{
    return (int64_t)(lane == CALL_READ ? shard->reads_waiting : shard->writes_waiting);
}

static int64_t ready(const struct cluster_shard_state *shard, enum call_lane lane)
{
    return lane == CALL_READ ? shard->reads_ready : shard->writes_ready;
}

struct names {
    const char *of_cluster;
    char text[64];
};

static const char *named(struct names *n, const char *what)
{
    snprintf(n->text, sizeof n->text, "customerd_%s_%s", n->of_cluster, what);
    return n->text;
}

static void write_lanes(struct cluster *cluster, const char *name, const char *help, shard_value_fn value_of,
                        struct buf *out)
{
    struct cluster_shard_state shard;
    char labels[64];
    metrics_write_head(out, name, METRICS_GAUGE, help);
    for (size_t i = 0; cluster_shard_state(cluster, i, &shard); i++) {
        for (enum call_lane lane = CALL_READ; lane <= CALL_WRITE; lane++) {
            snprintf(labels, sizeof labels, "shard=\"%zu\",lane=\"%s\"", i, lane == CALL_READ ? "read" : "write");
            metrics_write_int(out, name, labels, value_of(&shard, lane));
        }
    }
}

static void write_requests(struct cluster *cluster, const char *name, struct buf *out)
{
    struct cluster_shard_state shard;
    char labels[64];
    metrics_write_head(out, name, METRICS_GAUGE, "Requests that wait for the shard, however many calls each has there.");
    for (size_t i = 0; cluster_shard_state(cluster, i, &shard); i++) {
        snprintf(labels, sizeof labels, "shard=\"%zu\"", i);
        metrics_write_int(out, name, labels, (int64_t)shard.requests);
    }
}

void cluster_write_metrics(struct cluster *cluster, struct buf *out)
{
    struct cluster_state state;
    struct names n = { .of_cluster = cluster->options.metrics_name == NULL ? "db" : cluster->options.metrics_name };
    cluster_state(cluster, &state);
    call_metrics_write(cluster->metrics, out);
    write_lanes(cluster, named(&n, "lane_depth"), "Calls that wait for the lane or for their reply.", depth, out);
    write_requests(cluster, named(&n, "shard_requests"), out);
    write_lanes(cluster, named(&n, "lane_ready"), "Whether the lane is connected and signed in.", ready, out);
    metrics_write_gauge(out, named(&n, "shards"), "Shards that are known.", (int64_t)state.n_shards);
    metrics_write_gauge(out, named(&n, "slots_served"), "Slots whose primary has both lanes ready, of 16384.",
                        state.slots_served);
    if (state.topology_age_ms >= 0)
        metrics_write_gauge_ms(out, named(&n, "topology_age_seconds"), "Time since the shards were last asked for.",
                               state.topology_age_ms);
    metrics_write_counter(out, named(&n, "reconnects_total"), "Connections made anew after one was lost.",
                          state.reconnects);
    metrics_write_counter(out, named(&n, "redirects_total"), "Calls sent on by MOVED or ASK.", state.redirects);
    metrics_write_counter(out, named(&n, "reauths_total"), "Times that a connection signed in again.", state.reauths);
    metrics_write_counter(out, named(&n, "reauth_failures_total"), "Times that this was refused.", state.reauth_failures);
}
