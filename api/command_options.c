#include "customerd/api/command_options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

bool command_wants_help(int argc, char *const *argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

enum match { OTHER, TAKEN, LACKS_VALUE };

/* Steps over a value that stands behind. */
static enum match match(const struct command_option *option, int argc, char *const *argv, int *at)
{
    size_t n = strlen(option->name);
    const char *arg = argv[*at];
    if (strncmp(arg, option->name, n) != 0 || (arg[n] != '\0' && arg[n] != '='))
        return OTHER;
    if (option->flag != NULL) {
        if (arg[n] == '=')
            return OTHER;
        *option->flag = true;
        return TAKEN;
    }
    if (arg[n] == '=')
        *option->value = arg + n + 1;
    else if (*at + 1 < argc)
        *option->value = argv[++*at];
    else
        return LACKS_VALUE;
    return TAKEN;
}

enum status command_options_take(int argc, char *const *argv, const struct command_option *options, char **rest, int *n_rest,
                                 struct error *err)
{
    *n_rest = 0;
    for (int i = 1; i < argc; i++) {
        enum match found = OTHER;
        for (const struct command_option *o = options; o->name != NULL && found == OTHER; o++)
            found = match(o, argc, argv, &i);
        if (found == LACKS_VALUE)
            return error_set(err, STATUS_BAD_PARAMETER, "%.40s lacks its value", argv[i]);
        if (found == OTHER)
            rest[(*n_rest)++] = argv[i];
    }
    return STATUS_OK;
}

enum status command_option_number(const char *name, const char *text, int64_t min, int64_t max, int64_t *out, struct error *err)
{
    char *end = NULL;
    if (text == NULL)
        return STATUS_OK;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || value < min || value > max || *text < '0' || *text > '9')
        return error_set(err, STATUS_BAD_PARAMETER, "%s: \"%.40s\" is not a number from %" PRId64 " to %" PRId64, name, text, min,
                         max);
    *out = value;
    return STATUS_OK;
}
