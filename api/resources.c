#include "customerd/api/resource.h"

#include "customerd/core/edit_distance.h"

#include <stdio.h>

void resources_init(struct resources *rs)
{
    memset(rs, 0, sizeof *rs);
    for (; resources_known[rs->n] != NULL && rs->n < RESOURCES_MAX; rs->n++) {
        struct resource_slot *slot = &rs->slots[rs->n];
        slot->resource = resources_known[rs->n];
        rs->parts[rs->n] = (struct config_part){ slot->resource->rows, slot->resource->n_rows, slot->settings };
    }
}

struct config_parts resources_parts(const struct resources *rs)
{
    return (struct config_parts){ .items = rs->parts, .n = rs->n };
}

/* ---- which are on ---- */

static struct resource_slot *find(struct resources *rs, struct slice name)
{
    for (size_t i = 0; i < rs->n; i++)
        if (slice_is(name, rs->slots[i].resource->name))
            return &rs->slots[i];
    return NULL;
}

static enum status unknown(const struct resources *rs, struct slice name, struct error *err)
{
    char known[128] = "";
    const char *nearest = NULL;
    size_t least = 3; /* farther than that nothing was meant */
    for (size_t i = 0; i < rs->n; i++) {
        const char *candidate = rs->slots[i].resource->name;
        size_t used = strlen(known);
        size_t distance = edit_distance(name, slice_cstr(candidate), EDIT_CASE_MATTERS);
        (void)snprintf(known + used, sizeof known - used, "%s%s", i == 0 ? "" : ", ", candidate);
        if (distance < least) {
            least = distance;
            nearest = candidate;
        }
    }
    int len = (int)(name.len < 40 ? name.len : 40);
    if (nearest != NULL)
        return error_set(err, STATUS_BAD_PARAMETER, "CUSTOMERD_RESOURCES: \"%.*s\" is no resource; did you mean %s?", len,
                         name.ptr, nearest);
    return error_set(err, STATUS_BAD_PARAMETER, "CUSTOMERD_RESOURCES: \"%.*s\" is no resource; known are %s", len, name.ptr,
                     known);
}

static enum status switch_on(struct resources *rs, struct slice name, struct error *err)
{
    struct resource_slot *slot = find(rs, name);
    if (slot == NULL)
        return unknown(rs, name, err);
    if (slot->on)
        return error_set(err, STATUS_BAD_PARAMETER, "CUSTOMERD_RESOURCES: \"%s\" stands there twice", slot->resource->name);
    slot->on = true;
    return STATUS_OK;
}

enum status resources_choose(struct resources *rs, const char *names, struct error *err)
{
    struct slice rest = slice_cstr(names);
    enum status status = rest.len > 0 ? STATUS_OK
                                      : error_set(err, STATUS_BAD_PARAMETER, "CUSTOMERD_RESOURCES: no resource is named");
    while (status == STATUS_OK && rest.len > 0) {
        bool more = memchr(rest.ptr, ',', rest.len) != NULL;
        status = switch_on(rs, slice_take(&rest, ','), err);
        if (status == STATUS_OK && more && rest.len == 0)
            status = switch_on(rs, rest, err); /* nothing stands behind the last comma */
    }
    for (size_t i = 0; status == STATUS_OK && i < rs->n; i++) {
        const struct resource *r = rs->slots[i].resource;
        if (rs->slots[i].on && r->needs != NULL && !resources_are_on(rs, r->needs->name))
            status = error_set(err, STATUS_BAD_PARAMETER, "CUSTOMERD_RESOURCES: \"%s\" needs \"%s\" beside it", r->name,
                               r->needs->name);
    }
    return status;
}

bool resources_are_on(const struct resources *rs, const char *name)
{
    for (size_t i = 0; i < rs->n; i++)
        if (rs->slots[i].on && strcmp(rs->slots[i].resource->name, name) == 0)
            return true;
    return false;
}

enum status resources_check(const struct resources *rs, const struct config *config, struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < rs->n; i++) {
        const struct resource_slot *slot = &rs->slots[i];
        if (slot->on && slot->resource->check != NULL)
            status = slot->resource->check(slot->settings, config, err);
    }
    return status;
}

bool resources_use_database(const struct resources *rs)
{
    bool use = false;
    for (size_t i = 0; i < rs->n; i++)
        use = use || (rs->slots[i].on && rs->slots[i].resource->uses_database);
    return use;
}

void resources_routes(const struct resources *rs, bool docs, const struct route *out[ROUTE_TABLES_SIZE])
{
    size_t n = 0;
    for (size_t i = 0; i < rs->n; i++)
        if (rs->slots[i].on)
            out[n++] = rs->slots[i].resource->routes;
    if (docs)
        out[n++] = docs_routes;
    out[n] = NULL;
}

/* ---- while they run ---- */

enum status resources_start(struct resources *rs, struct app *app, struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < rs->n; i++) {
        struct resource_slot *slot = &rs->slots[i];
        if (slot->on && slot->resource->start != NULL)
            status = slot->resource->start(app, slot->settings, &slot->state, err);
        slot->started = slot->on && status == STATUS_OK;
    }
    return status;
}

void resources_stop(struct resources *rs)
{
    for (size_t i = rs->n; i-- > 0;) {
        struct resource_slot *slot = &rs->slots[i];
        if (slot->started && slot->resource->stop != NULL)
            slot->resource->stop(slot->state);
        slot->started = false;
        slot->state = NULL;
    }
}

void *resource_state(const struct app *app, const struct resource *resource)
{
    const struct resources *rs = app->resources;
    size_t i = 0;
    while (i < rs->n && rs->slots[i].resource != resource)
        i++;
    return i < rs->n ? rs->slots[i].state : NULL;
}
