/* http_metrics: what one listener counts of its requests, by OpenTelemetry's names
 * (https://opentelemetry.io/docs/specs/semconv/http/http-metrics/). Any thread. */
#ifndef CUSTOMERD_API_HTTP_METRICS_H
#define CUSTOMERD_API_HTTP_METRICS_H

#include <stdint.h>

#include "customerd/core/buf.h"
#include "customerd/core/status.h"

struct http_metrics;
struct route;

/* Of the listener that serves these NULL-terminated tables. NULL when out of memory. */
struct http_metrics *http_metrics_new(const struct route *const *tables, bool tls);
/* Accepts NULL. */
void http_metrics_destroy(struct http_metrics *m);

/* A request runs; how many do so now. */
int64_t http_metrics_begin(struct http_metrics *m);
void http_metrics_end(struct http_metrics *m);

struct http_measure {
    const char *method; /* of route_method_label */
    const char *route;  /* a template of the tables, or "" */
    int http_status;
    enum status outcome; /* of the failure that was answered; STATUS_OK for none */
    int64_t duration_us;
};

void http_metrics_observe(struct http_metrics *m, const struct http_measure *measure);
void http_metrics_write(const struct http_metrics *m, struct buf *out);

#endif
