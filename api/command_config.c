#include "customerd/api/command_options.h"
#include "customerd/api/commands.h"
#include "customerd/api/problem.h"
#include "customerd/api/resource.h"
#include "customerd/api/version.h"
#include "customerd/core/config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Of the resources that are on. */
static void print_routes(const struct resources *resources)
{
    const struct route *public[ROUTE_TABLES_SIZE];
    resources_routes(resources, true, public);
    puts("| listener | method | path | operation | scope | query | takes | gives |\n|---|---|---|---|---|---|---|---|");
    route_print_reference("public", public, stdout);
    route_print_reference("admin", routes_admin, stdout);
}

static int finish(void)
{
    return fflush(stdout) == 0 ? 0 : 1;
}

static void print_help(const struct resources *resources)
{
    puts("usage: customerd config [--reference | --problems | --routes] [FLAGS]\n\n"
         "Prints the effective value of each setting with its source; secrets are masked.\n\n"
         "  --reference   the table of settings, in Markdown\n"
         "  --problems    the table of problem types, in Markdown\n"
         "  --routes      the table of routes, in Markdown: of all resources, or, with flags, of those that are on\n\nflags:");
    config_print_flags(resources_parts(resources), stdout);
}

/* What the flags, the environment and the defaults come to: its values, or its routes. */
static int print_effective(int argc, char *const *argv, struct resources *resources, bool routes)
{
    struct config config;
    struct config_sources sources;
    struct error err;
    const struct config_input input = { argc, argv, environ, resources_parts(resources) };
    enum status status = config_load(&input, &config, &sources, &err);
    if (status == STATUS_OK)
        status = resources_choose(resources, config.resources, &err);
    if (status != STATUS_OK) {
        fprintf(stderr, "customerd: %s\n", err.detail);
        return 1;
    }
    if (routes)
        print_routes(resources);
    else
        config_print(&config, &sources, stdout);
    return finish();
}

int command_config(int argc, char *const *argv)
{
    struct resources resources;
    resources_init(&resources);
    bool routes = argc >= 2 && strcmp(argv[1], "--routes") == 0;
    if (command_wants_help(argc, argv)) {
        print_help(&resources);
    } else if (argc == 2 && strcmp(argv[1], "--reference") == 0) {
        config_print_reference(resources_parts(&resources), stdout);
    } else if (argc == 2 && strcmp(argv[1], "--problems") == 0) {
        problem_print_reference(stdout);
    } else if (argc == 2 && routes) {
        for (size_t i = 0; i < resources.n; i++)
            resources.slots[i].on = true;
        print_routes(&resources);
    } else {
        return print_effective(argc - 1 - routes, argv + 1 + routes, &resources, routes);
    }
    return finish();
}

int command_version(int argc, char *const *argv)
{
    if (command_wants_help(argc, argv))
        puts("usage: customerd version\n\nPrints the program's name and version.");
    else if (argc > 1) {
        fprintf(stderr, "customerd: version takes no options, got \"%s\"\n", argv[1]);
        return 2;
    } else
        puts("customerd " CUSTOMERD_VERSION);
    return finish();
}
