/* service: everything that `serve` runs, built in order and taken down in reverse. */
#ifndef CUSTOMERD_API_SERVICE_H
#define CUSTOMERD_API_SERVICE_H

#include "customerd/api/resource.h"
#include "customerd/memorydb/database.h"

struct server;

/* Nothing in it may move between service_configure and service_clean_up. */
struct service {
    struct config config;
    struct resources resources;
    struct app app;
    struct database database; /* while a resource uses it */
    int listen_fd;
    int admin_listen_fd;
    uint16_t port;
    uint16_t admin_port;
    const struct route *routes[ROUTE_TABLES_SIZE]; /* of the public listener */
    struct server *admin;
    struct server *public;
};

/* Reads the settings and judges them; argv[0] is the subcommand. Zero the service before. */
enum status service_configure(struct service *s, int argc, char *const *argv, struct error *err) MUST_USE;
/* Every setting as a flag, for --help. */
void service_print_flags(FILE *out);

/* First what a wrong setting or a taken port makes fail, so that the failure is all that is printed; then the threads.
 * On failure the caller cleans up as after success. */
enum status service_build(struct service *s, struct error *err) MUST_USE;
/* Only the log, on this descriptor, and the database with what it takes to sign in: for a command beside the service. */
enum status service_build_database(struct service *s, int log_fd, struct error *err) MUST_USE;
void service_clean_up(struct service *s);
/* Tokens and keys are in memory: no core file, no reading by another process of the user. */
void service_protect_process(void);

#endif
