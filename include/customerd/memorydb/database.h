/* database: a cluster with what it takes to sign in to it, built and taken down in the right order. */
#ifndef CUSTOMERD_MEMORYDB_DATABASE_H
#define CUSTOMERD_MEMORYDB_DATABASE_H

#include <stdatomic.h>

#include "customerd/memorydb/cluster.h"
#include "customerd/memorydb/io_thread.h"

struct database_options {
    struct config_db db;   /* copied, as iam */
    struct config_iam iam; /* looked at when db.auth is iam */
    const char *password_setting; /* a literal, which errors name: "CUSTOMERD_DB_PASSWORD_FILE" */
    const char *ca_setting;       /* another: "CUSTOMERD_DB_CA_FILE" */
    const char *metrics_name;     /* as cluster_options has it */
    const struct clock *clock;
};

/* Zero before; it must not move between database_prepare and database_stop. */
struct database {
    struct database_options options;
    struct log *log;
    struct cluster *cluster;         /* NULL before it was started */
    struct iam_refresher *refresher; /* NULL unless tokens are needed */
    char region[64];
    struct login login; /* what the cluster signs in with */
    struct login_password login_password;
    struct login_iam login_iam;
    atomic_bool has_refresher; /* login_iam is filled */
};

/* What can be wrong with the settings, before any thread runs: the password's file, the region. */
enum status database_prepare(struct database *d, const struct database_options *options, struct error *err) MUST_USE;
/* Starts the cluster, on the I/O thread, and what signs it in (log may be NULL); does not wait for a connection. After a failure
 * database_stop is to be called, too. */
enum status database_start(struct database *d, struct io_thread *io, struct log *log, struct error *err) MUST_USE;
/* Nobody may be in a call of the cluster any more. Harmless when nothing was started, or twice. */
void database_stop(struct database *d);

#endif
