#include "customerd/api/commands.h"

#include <stdio.h>
#include <string.h>

struct command {
    const char *name;
    int (*run)(int argc, char *const *argv);
    const char *summary;
};

static const struct command commands[] = {
    { "serve", command_serve, "serve customers over HTTP until SIGTERM" },
    { "restore", command_restore, "make restored data whole, and let replicas write to them" },
    { "token", command_token, "print an IAM token for the database" },
    { "config", command_config, "print the effective configuration, or its reference" },
    { "version", command_version, "print the version" },
};

static void print_usage(FILE *out)
{
    fputs("usage: customerd COMMAND [OPTIONS]\n\ncommands:\n", out);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
    fputs("\n`customerd COMMAND --help` tells a command's options.\n", out);
}

bool command_wants_help(int argc, char *const *argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
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
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "customerd: unknown command \"%s\"; known are serve, token, config and version\n", argv[1]);
    return 2;
}
