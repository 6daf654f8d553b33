/* resource: a part of the service that has a name of its own in CUSTOMERD_RESOURCES: its paths, settings, commands, and what
 * it keeps while it runs.
 *
 * It is a folder in src/, a file in api/ with its descriptor, its paths in openapi/<name>.yaml, and its tests; a line of
 * routes.c lists it. What is switched off is never started. */
#ifndef CUSTOMERD_API_RESOURCE_H
#define CUSTOMERD_API_RESOURCE_H

#include <stdalign.h>

#include "customerd/api/route.h"
#include "customerd/core/config.h"

#define RESOURCES_MAX 6
#define RESOURCE_SETTINGS_MAX_BYTES 4096

struct command;

struct resource {
    const char *name;
    const struct route *routes;
    const struct resource *needs;    /* must be on, too, and stands before it in the list; NULL: none */
    bool uses_database;              /* app->cluster is there */
    const struct config_row *rows;   /* its settings, over a struct of at most RESOURCE_SETTINGS_MAX_BYTES; NULL: none */
    size_t n_rows;
    const struct command *commands;  /* ended by one without a name; NULL: none */
    /* Each of these may be NULL. What check and start are given are the resource's settings, which outlive its state. */
    enum status (*check)(const void *settings, const struct config *config, struct error *err);
    enum status (*start)(struct app *app, const void *settings, void **state, struct error *err);
    void (*stop)(void *state);
    /* Whether it can serve; the reason goes to /readyz. */
    enum status (*ready)(void *state, struct error *reason);
    /* Appends members of /readyz, each with a comma before it. */
    void (*write_readiness)(void *state, struct buf *out);
    void (*write_metrics)(void *state, struct buf *out);
};

/* What may be served (routes.c), NULL-terminated. */
extern const struct resource *const resources_known[];

struct resource_slot {
    const struct resource *resource;
    bool on;
    bool started;
    void *state;
    alignas(max_align_t) unsigned char settings[RESOURCE_SETTINGS_MAX_BYTES];
};

/* All known resources with their settings; those that are on, with their state. Must not move once it is used. */
struct resources {
    struct resource_slot slots[RESOURCES_MAX];
    size_t n;
    struct config_part parts[RESOURCES_MAX];
};

/* All known, none on, settings zeroed. */
void resources_init(struct resources *rs);
/* The tables of settings, for config_load. */
struct config_parts resources_parts(const struct resources *rs);
/* Switches on what CUSTOMERD_RESOURCES names. BAD_PARAMETER when a name is not known or stands there twice, none is there, or
 * one needs another. */
enum status resources_choose(struct resources *rs, const char *names, struct error *err) MUST_USE;
/* The checks of those that are on. */
enum status resources_check(const struct resources *rs, const struct config *config, struct error *err) MUST_USE;
bool resources_use_database(const struct resources *rs);

/* Starts those that are on, in order. After a failure resources_stop must be called, too. */
enum status resources_start(struct resources *rs, struct app *app, struct error *err) MUST_USE;
/* In reverse order. */
void resources_stop(struct resources *rs);

/* The routes of those that are on, and the documentation's, NULL-terminated. */
void resources_routes(const struct resources *rs, bool docs, const struct route *out[ROUTE_TABLES_SIZE]);
bool resources_are_on(const struct resources *rs, const char *name);
/* What start gave; NULL when it is off. */
void *resource_state(const struct app *app, const struct resource *resource);

#endif
