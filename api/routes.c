/* A resource is served by a line here. */
#include "customerd/api/route.h"

static bool docs_are_on(const struct config *config)
{
    return config->http.docs;
}

static const struct {
    const struct route *table;
    bool (*is_on)(const struct config *config); /* NULL: always */
} public_tables[] = {
    { customers_routes, NULL },
    { docs_routes, docs_are_on },
};

_Static_assert(sizeof public_tables / sizeof *public_tables < ROUTE_TABLES_SIZE, "all tables and NULL fit");

void routes_choose_public(const struct config *config, const struct route *out[ROUTE_TABLES_SIZE])
{
    size_t n = 0;
    for (size_t i = 0; i < sizeof public_tables / sizeof *public_tables; i++)
        if (config == NULL || public_tables[i].is_on == NULL || public_tables[i].is_on(config))
            out[n++] = public_tables[i].table;
    out[n] = NULL;
}

const struct route *const routes_admin[] = {
    admin_routes,
    NULL,
};
