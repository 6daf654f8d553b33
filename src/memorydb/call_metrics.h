/* call_metrics: how long the database's operations take, by operation, shard and how they ended. Any thread. */
#ifndef CUSTOMERD_MEMORYDB_CALL_METRICS_H
#define CUSTOMERD_MEMORYDB_CALL_METRICS_H

#include "customerd/core/buf.h"

#include "call.h"

struct call_metrics;

/* The family's name is borrowed; NULL: db_client_operation_duration_seconds. NULL when out of memory. */
struct call_metrics *call_metrics_new(const char *family);
/* Accepts NULL. */
void call_metrics_destroy(struct call_metrics *m);

/* A call that has been run, by its caller, once its outcome is settled. What was given up counts with the time that was
 * waited for it. */
void call_metrics_observe(struct call_metrics *m, const struct call *call);
void call_metrics_write(const struct call_metrics *m, struct buf *out);

#endif
