/* The operator's view, on a listener of its own: none of it asks the database. */
#include "customerd/api/operations.h"
#include "customerd/api/problem.h"
#include "customerd/api/resource.h"
#include "customerd/api/version.h"
#include "customerd/auth/authenticator.h"
#include "customerd/aws/iam_refresher.h"
#include "customerd/core/metrics.h"
#include "customerd/memorydb/cluster.h"

#include <inttypes.h>

static void begin_json(struct response *out, int http_status)
{
    out->status = http_status;
    out->content_type = CONTENT_TYPE_JSON;
    response_header_text(out, "Cache-Control", "no-store");
}

static enum status livez(struct exchange *x, struct error *err)
{
    (void)err;
    begin_json(&x->response, 200);
    buf_append_cstr(&x->response.body, "{\"status\":\"ok\"}");
    return STATUS_OK;
}

static enum status version(struct exchange *x, struct error *err)
{
    (void)err;
    begin_json(&x->response, 200);
    buf_append_cstr(&x->response.body, "{\"name\":\"customerd\",\"version\":\"" CUSTOMERD_VERSION "\"}");
    return STATUS_OK;
}

static const char *json_bool(bool value)
{
    return value ? "true" : "false";
}

static void append_string(struct buf *out, const char *name, const char *text)
{
    buf_appendf(out, ",\"%s\":\"", name);
    buf_append_json_escaped(out, slice_cstr(text));
    buf_append_byte(out, '"');
}

static void append_reason(struct buf *reasons, const char *text)
{
    if (reasons->len > 0)
        buf_append_byte(reasons, ',');
    buf_append_byte(reasons, '"');
    buf_append_json_escaped(reasons, slice_cstr(text));
    buf_append_byte(reasons, '"');
}

/* Appends the shards and returns how many of them serve. */
static size_t append_shards(struct buf *out, struct cluster *cluster, struct buf *reasons)
{
    struct cluster_shard_state shard;
    size_t serving = 0;
    for (size_t i = 0; cluster_shard_state(cluster, i, &shard); i++) {
        bool serves = shard.reads_ready && shard.writes_ready;
        serving += serves;
        buf_append_cstr(out, i == 0 ? "{\"serves\":" : ",{\"serves\":");
        buf_append_cstr(out, json_bool(serves));
        append_string(out, "node", shard.node);
        buf_appendf(out, ",\"slots\":%u,\"reads_ready\":%s,\"writes_ready\":%s,\"reads_waiting\":%zu,"
                         "\"writes_waiting\":%zu}",
                    shard.slots, json_bool(shard.reads_ready), json_bool(shard.writes_ready), shard.reads_waiting,
                    shard.writes_waiting);
        if (!serves) {
            char reason[320];
            (void)snprintf(reason, sizeof reason, "shard %zu (%s) does not serve", i, shard.node);
            append_reason(reasons, reason);
        }
    }
    return serving;
}

static size_t append_database(struct buf *out, struct cluster *cluster, struct buf *reasons)
{
    struct cluster_state state;
    cluster_state(cluster, &state);
    buf_appendf(out, ",\"database\":{\"cluster_mode\":%s,\"slots_served\":%u,\"topology_age_ms\":%" PRId64
                     ",\"reconnects\":%" PRIu64 ",\"redirects\":%" PRIu64 ",\"reauths\":%" PRIu64
                     ",\"reauth_failures\":%" PRIu64,
                json_bool(state.cluster_mode), state.slots_served, state.topology_age_ms, state.reconnects,
                state.redirects, state.reauths, state.reauth_failures);
    append_string(out, "last_failure", state.last_failure);
    buf_append_cstr(out, ",\"shards\":[");
    size_t serving = append_shards(out, cluster, reasons);
    buf_append_cstr(out, "]}");
    return serving;
}

static void append_iam(struct buf *out, const struct app *app)
{
    struct iam_refresher_state state;
    if (app->refresher == NULL)
        return;
    iam_refresher_state(app->refresher, &state);
    int64_t now_ms = clock_realtime_ms(app->clock);
    bool minted = state.token_minted_ms > 0;
    buf_appendf(out, ",\"iam\":{\"has_token\":%s,\"token_age_ms\":%" PRId64 ",\"token_valid_ms\":%" PRId64,
                json_bool(minted), minted ? now_ms - state.token_minted_ms : -1,
                minted ? state.token_valid_until_ms - now_ms : 0);
    if (minted && state.credentials_expire_ms != CREDENTIALS_NEVER_EXPIRE)
        buf_appendf(out, ",\"credentials_valid_ms\":%" PRId64, state.credentials_expire_ms - now_ms);
    append_string(out, "source", state.source == NULL ? "" : state.source);
    buf_appendf(out, ",\"refreshes\":%" PRIu64 ",\"failures\":%" PRIu64, state.refreshes, state.failures);
    append_string(out, "last_failure", state.last_failure);
    buf_append_byte(out, '}');
}

/* Both answers have the same members; one that is not ready is a problem too. */
static void answer_readiness(struct exchange *x, bool ready, struct slice members)
{
    struct response *out = &x->response;
    struct error err;
    if (ready) {
        begin_json(out, 200);
        buf_append_cstr(&out->body, "{\"status\":200");
        buf_append(&out->body, members);
        buf_append_byte(&out->body, '}');
        return;
    }
    (void)error_set_retry(&err, STATUS_NOT_READY, 1, "`reasons` tells why");
    const struct problem problem = {
        .error = &err,
        .instance = x->request.path,
        .request_id = x->request.id,
        .members = members,
    };
    problem_render(&problem, out);
}

static size_t count_serving(struct cluster *cluster)
{
    struct cluster_shard_state shard;
    size_t serving = 0;
    for (size_t i = 0; cluster_shard_state(cluster, i, &shard); i++)
        serving += shard.reads_ready && shard.writes_ready;
    return serving;
}

/* The next resource that is on and not ready, from *at on; NULL when there is none. */
static const struct resource *next_unready(const struct resources *rs, size_t *at, struct error *reason)
{
    while (*at < rs->n) {
        const struct resource_slot *slot = &rs->slots[(*at)++];
        if (slot->started && slot->resource->ready != NULL && slot->resource->ready(slot->state, reason) != STATUS_OK)
            return slot->resource;
    }
    return NULL;
}

/* One shard that is down is a reason to look, not to be taken out of service; without keys no caller can be let in. */
bool operations_ready(struct app *app, struct error *reason)
{
    size_t at = 0;
    return !atomic_load(&app->draining) && next_unready(app->resources, &at, reason) == NULL &&
           (app->authenticator == NULL || authenticator_ready(app->authenticator, reason) == STATUS_OK) &&
           (app->cluster == NULL || count_serving(app->cluster) > 0);
}

static void append_resources(struct buf *out, const struct resources *rs)
{
    for (size_t i = 0; i < rs->n; i++)
        if (rs->slots[i].started && rs->slots[i].resource->write_readiness != NULL)
            rs->slots[i].resource->write_readiness(rs->slots[i].state, out);
}

static enum status readyz(struct exchange *x, struct error *err)
{
    struct app *app = x->app;
    struct buf reasons = BUF_INIT(RESPONSE_MAX_BYTES);
    struct buf parts = BUF_INIT(RESPONSE_MAX_BYTES);
    struct buf members = BUF_INIT(RESPONSE_MAX_BYTES);
    bool draining = atomic_load(&app->draining);
    bool ready = operations_ready(app, err);
    if (draining)
        append_reason(&reasons, "stopping");
    for (size_t at = 0; next_unready(app->resources, &at, err) != NULL;)
        append_reason(&reasons, err->detail);
    if (app->authenticator != NULL && authenticator_ready(app->authenticator, err) != STATUS_OK)
        append_reason(&reasons, err->detail);
    if (app->cluster != NULL && append_database(&parts, app->cluster, &reasons) == 0)
        append_reason(&reasons, "no shard serves");
    append_iam(&parts, app);
    append_resources(&parts, app->resources);
    buf_appendf(&members, ",\"ready\":%s,\"draining\":%s,\"reasons\":[", json_bool(ready), json_bool(draining));
    buf_append(&members, buf_slice(&reasons));
    buf_append_byte(&members, ']');
    buf_append(&members, buf_slice(&parts));
    answer_readiness(x, ready, buf_slice(&members));
    buf_clean_up(&members);
    buf_clean_up(&parts);
    buf_clean_up(&reasons);
    return STATUS_OK;
}

const struct route admin_routes[] = {
    { .method = METHOD_GET, .path = "/livez", .operation = "getLiveness", .handler = livez },
    { .method = METHOD_GET, .path = "/readyz", .operation = "getReadiness", .handler = readyz },
    { .method = METHOD_GET, .path = "/metrics", .operation = "getMetrics", .handler = metrics_handler,
      .produces = METRICS_CONTENT_TYPE },
    { .method = METHOD_GET, .path = "/version", .operation = "getVersion", .handler = version },
    { .path = NULL },
};
