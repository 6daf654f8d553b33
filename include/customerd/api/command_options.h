/* command_options: a subcommand's own options, apart from the flags of settings that stand among them. */
#ifndef CUSTOMERD_API_COMMAND_OPTIONS_H
#define CUSTOMERD_API_COMMAND_OPTIONS_H

#include <stdint.h>

#include "customerd/core/status.h"

/* Whether --help or -h stands among the arguments. */
bool command_wants_help(int argc, char *const *argv);

struct command_option {
    const char *name;   /* "--bucket"; NULL ends a table */
    const char **value; /* of one with a value: "--bucket NAME" or "--bucket=NAME"; the last one counts */
    bool *flag;         /* of one without */
};

/* Takes the options out of the arguments behind argv[0]; what else is there comes to rest (room for argc), in order. BAD_PARAMETER
 * when one lacks its value. */
enum status command_options_take(int argc, char *const *argv, const struct command_option *options, char **rest, int *n_rest,
                                 struct error *err) MUST_USE;

/* An option's number; *out stays as it is when text is NULL. BAD_PARAMETER names the option. */
enum status command_option_number(const char *name, const char *text, int64_t min, int64_t max, int64_t *out,
                                  struct error *err) MUST_USE;

#endif
