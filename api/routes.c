/* A resource is served by a line here. */
#include "customerd/api/route.h"

const struct route *const routes_public[] = {
    customers_routes,
    NULL,
};

const struct route *const routes_admin[] = {
    admin_routes,
    NULL,
};
