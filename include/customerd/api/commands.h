/* commands: the program's subcommands. argv[0] is the subcommand; the result is the exit code. */
#ifndef CUSTOMERD_API_COMMANDS_H
#define CUSTOMERD_API_COMMANDS_H

struct command {
    const char *name; /* NULL ends a table */
    int (*run)(int argc, char *const *argv);
    const char *summary;
};

int command_serve(int argc, char *const *argv);
int command_restore(int argc, char *const *argv);
int command_token(int argc, char *const *argv);
int command_config(int argc, char *const *argv);
int command_version(int argc, char *const *argv);

#endif
