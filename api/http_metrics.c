#include "customerd/api/http_metrics.h"

#include "customerd/api/route.h"
#include "customerd/core/metrics.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define ROUTES_MAX 64
#define ENDINGS_MAX (STATUS_COUNT + 8)
#define LABEL_SIZE 128

/* The service's successes. A failure's status comes from the table of statuses. */
static const int successes[] = { 200, 201, 202, 204, 206, 304 };

/* What the combination of status and error is called. Several failures of the caller share one. */
struct ending {
    int http_status;
    char label[LABEL_SIZE];
};

struct http_metrics {
    struct metrics_family *durations;
    atomic_int_least64_t active;
    const char *scheme;
    const char *routes[ROUTES_MAX];
    size_t n_routes;
    struct ending endings[ENDINGS_MAX];
    size_t n_endings;
    size_t of_outcome[STATUS_COUNT]; /* which ending a failure has */
    char method_texts[ROUTE_METHOD_LABELS][LABEL_SIZE];
    char route_texts[ROUTES_MAX][LABEL_SIZE];
    const char *method_labels[ROUTE_METHOD_LABELS];
    const char *route_labels[ROUTES_MAX];
    const char *ending_labels[ENDINGS_MAX];
};

static const int64_t bounds_us[] = { 5000,   10000,  25000,   50000,   75000,   100000,  250000,
                                     500000, 750000, 1000000, 2500000, 5000000, 7500000, 10000000 };
static const struct metrics_bounds bounds = { bounds_us, sizeof bounds_us / sizeof *bounds_us };

static void add_route(struct http_metrics *m, const char *path)
{
    for (size_t i = 0; i < m->n_routes; i++)
        if (strcmp(m->routes[i], path) == 0)
            return;
    if (m->n_routes == ROUTES_MAX)
        return;
    char *text = m->route_texts[m->n_routes];
    (void)snprintf(text, LABEL_SIZE, "http_route=\"%s\"", path);
    m->route_labels[m->n_routes] = text;
    m->routes[m->n_routes++] = path;
}

/* error_type is told of failures of the service alone: a caller's mistake is none of its errors. */
static size_t add_ending(struct http_metrics *m, int http_status, const char *error_type)
{
    char label[LABEL_SIZE];
    (void)snprintf(label, sizeof label, "http_response_status_code=\"%d\",error_type=\"%s\"", http_status,
                   http_status >= 500 ? error_type : "");
    for (size_t i = 0; i < m->n_endings; i++)
        if (strcmp(m->endings[i].label, label) == 0)
            return i;
    struct ending *e = &m->endings[m->n_endings];
    e->http_status = http_status;
    memcpy(e->label, label, sizeof label);
    m->ending_labels[m->n_endings] = e->label;
    return m->n_endings++;
}

static void name_all(struct http_metrics *m, const struct route *const *tables)
{
    for (size_t i = 0; i < ROUTE_METHOD_LABELS; i++) {
        (void)snprintf(m->method_texts[i], LABEL_SIZE, "http_request_method=\"%s\",url_scheme=\"%s\"",
                       route_method_labels[i], m->scheme);
        m->method_labels[i] = m->method_texts[i];
    }
    add_route(m, "");
    add_route(m, "*");
    for (size_t t = 0; tables[t] != NULL; t++)
        for (const struct route *r = tables[t]; r->path != NULL; r++)
            add_route(m, r->path);
    for (size_t i = 0; i < sizeof successes / sizeof *successes; i++)
        (void)add_ending(m, successes[i], "");
    for (int code = STATUS_OK + 1; code < STATUS_COUNT; code++)
        m->of_outcome[code] = add_ending(m, status_http((enum status)code), status_slug((enum status)code));
}

struct http_metrics *http_metrics_new(const struct route *const *tables, bool tls)
{
    struct http_metrics *m = calloc(1, sizeof *m);
    if (m == NULL)
        return NULL;
    m->scheme = tls ? "https" : "http";
    name_all(m, tables);
    const struct metrics_options options = {
        .name = "http_server_request_duration_seconds",
        .help = "Time from a request's first line until its answer was sent.",
        .bounds = &bounds,
        .dimensions = { { m->method_labels, ROUTE_METHOD_LABELS },
                        { m->route_labels, m->n_routes },
                        { m->ending_labels, m->n_endings } },
        .n_dimensions = 3,
    };
    m->durations = metrics_family_new(&options);
    if (m->durations == NULL) {
        free(m);
        return NULL;
    }
    return m;
}

void http_metrics_destroy(struct http_metrics *m)
{
    if (m == NULL)
        return;
    metrics_family_destroy(m->durations);
    free(m);
}

int64_t http_metrics_begin(struct http_metrics *m)
{
    return atomic_fetch_add_explicit(&m->active, 1, memory_order_relaxed) + 1;
}

void http_metrics_end(struct http_metrics *m)
{
    (void)atomic_fetch_sub_explicit(&m->active, 1, memory_order_relaxed);
}

static size_t method_at(const char *method)
{
    size_t i = 0;
    while (i < ROUTE_METHOD_LABELS - 1 && strcmp(route_method_labels[i], method) != 0)
        i++;
    return i;
}

static size_t route_at(const struct http_metrics *m, const char *route)
{
    for (size_t i = 0; i < m->n_routes; i++)
        if (m->routes[i] == route || strcmp(m->routes[i], route) == 0)
            return i;
    return 0;
}

static size_t ending_at(const struct http_metrics *m, const struct http_measure *measure)
{
    if (measure->outcome != STATUS_OK)
        return m->of_outcome[measure->outcome];
    size_t i = 0;
    while (i < m->n_endings && m->endings[i].http_status != measure->http_status)
        i++;
    return i;
}

void http_metrics_observe(struct http_metrics *m, const struct http_measure *measure)
{
    const size_t at[] = { method_at(measure->method), route_at(m, measure->route), ending_at(m, measure) };
    metrics_observe_us(m->durations, at, measure->duration_us);
}

void http_metrics_write(const struct http_metrics *m, struct buf *out)
{
    char labels[LABEL_SIZE];
    static const char active[] = "http_server_active_requests";
    metrics_family_write(m->durations, out);
    (void)snprintf(labels, sizeof labels, "url_scheme=\"%s\"", m->scheme);
    metrics_write_head(out, active, METRICS_GAUGE, "Requests that run now.");
    metrics_write_int(out, active, labels, atomic_load(&m->active));
}
