/* app: what the handlers work on. `serve` builds it and passes it down; it outlives the servers. */
#ifndef CUSTOMERD_API_APP_H
#define CUSTOMERD_API_APP_H

#include <stdatomic.h>
#include <stdbool.h>

#include "customerd/core/clock.h"
#include "customerd/core/config.h"
#include "customerd/core/log.h"

struct authenticator;
struct cluster;
struct docs_contract;
struct http_metrics;
struct iam_refresher;
struct io_thread;
struct rate_limiter;
struct resources;
struct tls_listener;

struct app {
    const struct config *config;
    const struct clock *clock;
    struct log *log;
    struct io_thread *io;            /* of all clusters, and of the public listener */
    struct iam_refresher *refresher; /* NULL unless the database wants IAM tokens */
    struct cluster *cluster;         /* NULL unless a resource uses it */
    const struct resources *resources;
    struct docs_contract *docs;      /* NULL: not served */
    struct authenticator *authenticator; /* NULL: anybody may call */
    struct rate_limiter *rate_limiter;   /* NULL: as often as they like */
    struct http_metrics *metrics;        /* of the public listener */
    atomic_int_least64_t connections;    /* of the public listener */
    struct tls_listener *tls;            /* of the public listener; NULL: plain HTTP */
    atomic_bool draining;
};

#endif
