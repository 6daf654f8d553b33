/* objects_command: what the commands of the resource objects share: its settings, and what it takes to reach the cache
 * and S3. */
#ifndef CUSTOMERD_OBJECTS_COMMAND_H
#define CUSTOMERD_OBJECTS_COMMAND_H

#include <stdio.h>

#include "customerd/api/commands.h"
#include "customerd/api/resource.h"
#include "customerd/objects/objects.h"

#define EXIT_USAGE 2
#define EXIT_IN_PART 3

/* warm and compare; ended by one without a name. */
extern const struct command objects_commands[];

/* Zero it before; it must not move afterwards. */
struct objects_command {
    struct config config;
    struct resources resources;
    const struct objects_settings *settings; /* in resources */
    struct log *log;
    struct io_thread *io;
    struct objects_service *service;
};

/* Reads the settings (n flags, over the environment) and judges those of the cache and S3, whether the resource is on or
 * not. */
enum status objects_command_configure(struct objects_command *c, int n, char *const *flags, struct error *err) MUST_USE;
/* Whether objects of it may be read. */
enum status objects_command_check_bucket(const struct objects_command *c, const char *bucket, struct error *err) MUST_USE;
/* Starts the log (on stderr, errors unless another level was asked for) and the service. After a failure, too,
 * objects_command_clean_up must be called. */
enum status objects_command_start(struct objects_command *c, struct error *err) MUST_USE;
/* Until the cache is whole and requests to S3 can be signed, a while at most; ends early, with NOT_READY, when
 * stop(ctx) says so (NULL: never). */
enum status objects_command_wait(struct objects_command *c, bool (*stop)(void *ctx), void *ctx, struct error *err) MUST_USE;
void objects_command_clean_up(struct objects_command *c);

/* By when one operation must have ended that starts now. */
int64_t objects_command_deadline_ms(const struct objects_command *c);
/* All settings as flags, for --help. */
void objects_command_print_flags(FILE *out);

int command_compare(int argc, char *const *argv);
int command_warm(int argc, char *const *argv);

#endif
