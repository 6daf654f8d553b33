/* gate: the checks common to all requests, in the order in which they are made. */
#ifndef CUSTOMERD_API_GATE_H
#define CUSTOMERD_API_GATE_H

#include "customerd/api/route.h"

/* Before the route is known: sizes and framing. Sets response.close where the framing is in doubt. */
enum status gate_check_message(struct exchange *x, struct error *err) MUST_USE;
/* Then: whether the body is longer than the route takes. Sets response.close where it is. */
enum status gate_check_body_size(struct exchange *x, struct error *err) MUST_USE;
/* For a route: Accept, query parameters, Content-Type, Content-Encoding, a required If-Match. */
enum status gate_check_route(struct exchange *x, const struct route *route, struct error *err) MUST_USE;

#endif
