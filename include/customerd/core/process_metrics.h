/* process_metrics: what the kernel tells of this process, by the names that Prometheus's own clients use
 * (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics). */
#ifndef CUSTOMERD_CORE_PROCESS_METRICS_H
#define CUSTOMERD_CORE_PROCESS_METRICS_H

#include "customerd/core/buf.h"

/* Reads /proc; what can't be read is left out. */
void process_metrics_write(struct buf *out);

#endif
