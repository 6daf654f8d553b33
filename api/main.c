#include "customerd/api/commands.h"
#include "customerd/api/resource.h"

#include <stdio.h>
#include <string.h>

static const struct command commands[] = {
    { "serve", command_serve, "serve customers over HTTP until SIGTERM" },
    { "restore", command_restore, "make restored data whole, and let replicas write to them" },
    { "token", command_token, "print an IAM token for the database" },
    { "config", command_config, "print the effective configuration, or its reference" },
    { "version", command_version, "print the version" },
    { NULL, NULL, NULL },
};

/* The program's own, then those of the resources; NULL past the last. */
static const struct command *command_at(size_t at)
{
    const struct command *table = commands;
    for (size_t i = 0;; at--) {
        while (table == NULL || table->name == NULL) {
            if (resources_known[i] == NULL)
                return NULL;
            table = resources_known[i++]->commands;
        }
        if (at == 0)
            return table;
        table++;
    }
}

static void print_usage(FILE *out)
{
    fputs("usage: customerd COMMAND [OPTIONS]\n\ncommands:\n", out);
    const struct command *command;
    for (size_t i = 0; (command = command_at(i)) != NULL; i++)
        fprintf(out, "  %-8s %s\n", command->name, command->summary);
    fputs("\n`customerd COMMAND --help` tells a command's options.\n", out);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return 0;
    }
    const char *name = strcmp(argv[1], "--version") == 0 ? "version" : argv[1];
    const struct command *command;
    for (size_t i = 0; (command = command_at(i)) != NULL; i++)
        if (strcmp(name, command->name) == 0)
            return command->run(argc - 1, argv + 1);
    fprintf(stderr, "customerd: unknown command \"%s\"; known are", argv[1]);
    for (size_t i = 0; (command = command_at(i)) != NULL; i++)
        fprintf(stderr, "%s %s", i == 0 ? "" : ",", command->name);
    fputc('\n', stderr);
    return 2;
}
