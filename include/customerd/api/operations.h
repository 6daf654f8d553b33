/* operations: what the operator's listener tells of the service; none of it asks the database. */
#ifndef CUSTOMERD_API_OPERATIONS_H
#define CUSTOMERD_API_OPERATIONS_H

#include "customerd/api/route.h"

/* Whether requests should be sent here: while anything can be served, and the service is not stopping. */
bool operations_ready(struct app *app, struct error *reason);

enum status metrics_handler(struct exchange *x, struct error *err);

#endif
