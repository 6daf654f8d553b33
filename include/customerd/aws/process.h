/* process: runs a program without a shell, bounded in time and output. */
#ifndef CUSTOMERD_AWS_PROCESS_H
#define CUSTOMERD_AWS_PROCESS_H

#include <stdatomic.h>

#include "customerd/core/buf.h"
#include "customerd/core/status.h"

#define PROCESS_ARGUMENTS_MAX 64

struct process_result {
    struct buf output; /* standard output; its maximum, given by the caller, bounds it */
    struct buf errors; /* the beginning of standard error, up to its maximum */
    int exit_code;     /* 128 + the signal when one ended it */
};

struct process_bounds {
    int64_t timeout_ms;
    const atomic_bool *cancelled; /* when it turns true, the program is killed within a fifth of a second; NULL: never */
};

/* Runs argv (found by PATH) with an empty standard input, no other descriptors and no signal blocked or ignored, in a
 * process group of its own, which is killed when the time ends, the output is too long or the run is cancelled: all
 * are failures. Blocks for timeout_ms at most, and a second more for the end of what it killed. */
enum status process_run(char *const *argv, const struct process_bounds *bounds, struct process_result *out,
                        struct error *err) MUST_USE;

/* A command line as a POSIX shell splits it, quotes and backslashes only: no expansion, no comments. */
struct process_command {
    char *argv[PROCESS_ARGUMENTS_MAX + 1];
    struct buf text; /* owns the arguments */
};

/* Fails on an open quote, a backslash at the end, and too many arguments. */
enum status process_command_split(struct slice line, struct process_command *out, struct error *err) MUST_USE;
void process_command_clean_up(struct process_command *command);

#endif
