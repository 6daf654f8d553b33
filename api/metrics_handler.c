/* GET /metrics, for Prometheus: each module appends what it counts. */
#include "customerd/api/http_metrics.h"
#include "customerd/api/operations.h"
#include "customerd/api/resource.h"
#include "customerd/api/version.h"
#include "customerd/auth/authenticator.h"
#include "customerd/aws/iam_refresher.h"
#include "customerd/core/metrics.h"
#include "customerd/core/process_metrics.h"
#include "customerd/memorydb/cluster.h"
#include "tls_listener.h"

static void write_service(struct app *app, struct buf *out)
{
    struct error err;
    bool draining = atomic_load(&app->draining);
    metrics_write_head(out, "customerd_build_info", METRICS_GAUGE, "The program's version.");
    metrics_write_int(out, "customerd_build_info", "version=\"" CUSTOMERD_VERSION "\"", 1);
    metrics_write_gauge(out, "customerd_ready", "Whether /readyz says yes.", operations_ready(app, &err));
    metrics_write_gauge(out, "customerd_draining", "Whether the service is stopping.", draining);
    metrics_write_gauge(out, "customerd_http_connections", "Connections of clients.", atomic_load(&app->connections));
    metrics_write_gauge(out, "customerd_http_connections_max", "How many there may be.",
                        app->config->http.max_connections);
    metrics_write_counter(out, "customerd_log_lines_dropped_total",
                          "Log lines that nobody took in time, those of the audit included.", log_dropped(app->log));
    metrics_write_counter(out, "customerd_audit_lines_dropped_total", "Lines of the audit among them.",
                          log_audit_dropped(app->log));
    if (app->tls != NULL)
        metrics_write_gauge(out, "customerd_tls_certificate_expiry_timestamp_seconds",
                            "When the listener's certificate ends, since 1970.", tls_listener_expires_s(app->tls));
}

enum status metrics_handler(struct exchange *x, struct error *err)
{
    struct app *app = x->app;
    struct buf *out = &x->response.body;
    (void)err;
    x->response.status = 200;
    x->response.content_type = METRICS_CONTENT_TYPE;
    response_header_text(&x->response, "Cache-Control", "no-store");
    http_metrics_write(app->metrics, out);
    if (app->cluster != NULL)
        cluster_write_metrics(app->cluster, out);
    if (app->refresher != NULL)
        iam_refresher_write_metrics(app->refresher, out);
    for (size_t i = 0; i < app->resources->n; i++) {
        const struct resource_slot *slot = &app->resources->slots[i];
        if (slot->started && slot->resource->write_metrics != NULL)
            slot->resource->write_metrics(slot->state, out);
    }
    if (app->authenticator != NULL)
        authenticator_write_metrics(app->authenticator, out);
    write_service(app, out);
    process_metrics_write(out);
    return STATUS_OK;
}
