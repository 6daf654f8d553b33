#include "customerd/api/commands.h"
#include "customerd/api/problem.h"
#include "customerd/api/route.h"
#include "customerd/api/version.h"
#include "customerd/core/config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void print_routes(void)
{
    const struct route *public[ROUTE_TABLES_SIZE];
    routes_choose_public(NULL, public);
    puts("| listener | method | path | operation | scope | query | takes | gives |\n|---|---|---|---|---|---|---|---|");
    route_print_reference("public", public, stdout);
    route_print_reference("admin", routes_admin, stdout);
}

static int finish(void)
{
    return fflush(stdout) == 0 ? 0 : 1;
}

int command_config(int argc, char *const *argv)
{
    if (command_wants_help(argc, argv)) {
        puts("usage: customerd config [--reference | --problems | --routes | FLAGS]\n\n"
             "Prints the effective value of each setting with its source; secrets are masked.\n\n"
             "  --reference   the table of settings, in Markdown\n"
             "  --problems    the table of problem types, in Markdown\n"
             "  --routes      the table of routes, in Markdown\n\nflags:");
        config_print_flags(stdout);
        return finish();
    }
    if (argc == 2 && strcmp(argv[1], "--reference") == 0) {
        config_print_reference(stdout);
        return finish();
    }
    if (argc == 2 && strcmp(argv[1], "--problems") == 0) {
        problem_print_reference(stdout);
        return finish();
    }
    if (argc == 2 && strcmp(argv[1], "--routes") == 0) {
        print_routes();
        return finish();
    }
    struct config config;
    struct config_sources sources;
    struct error err;
    if (config_load(argc - 1, argv + 1, environ, &config, &sources, &err) != STATUS_OK) {
        fprintf(stderr, "customerd: %s\n", err.detail);
        return 1;
    }
    config_print(&config, &sources, stdout);
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
