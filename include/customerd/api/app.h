/* app: what the handlers work on. `serve` builds it and passes it down; it outlives the servers. */
#ifndef CUSTOMERD_API_APP_H
#define CUSTOMERD_API_APP_H

#include <stdatomic.h>
#include <stdbool.h>

#include "customerd/core/clock.h"
#include "customerd/core/config.h"
#include "customerd/core/log.h"

struct cluster;
struct customers;
struct iam_refresher;

struct app {
    const struct config *config;
    const struct clock *clock;
    struct log *log;
    struct iam_refresher *refresher; /* NULL unless the database wants IAM tokens */
    struct cluster *cluster;
    struct customers *customers;
    atomic_bool draining;
};

#endif
