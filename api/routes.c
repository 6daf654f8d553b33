/* A resource is served by a line here. One that needs another stands behind it. */
#include "customerd/api/resource.h"

extern const struct resource customers_resource;
extern const struct resource objects_resource;
extern const struct resource sessions_resource;

const struct resource *const resources_known[] = {
    &customers_resource,
    &sessions_resource,
    &objects_resource,
    NULL,
};

_Static_assert(sizeof resources_known / sizeof *resources_known <= RESOURCES_MAX + 1, "struct resources holds all");

const struct route *const routes_admin[] = {
    admin_routes,
    NULL,
};
