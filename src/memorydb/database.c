#include "customerd/memorydb/database.h"

/* The cluster is built before the refresher, since its settings can be wrong and the refresher already speaks. Until
 * there is one the cluster hears that there is no token yet, as it also would from a refresher that has just begun. */
static enum status iam_get(void *ctx, struct secret *user, struct secret *password, struct error *err)
{
    struct database *d = ctx;
    if (!atomic_load(&d->has_refresher))
        return error_set(err, STATUS_UNAVAILABLE, "there is no token yet");
    struct login login = login_iam(&d->login_iam);
    return login.get(login.ctx, user, password, err);
}

static void iam_refused(void *ctx)
{
    struct database *d = ctx;
    if (!atomic_load(&d->has_refresher))
        return;
    struct login login = login_iam(&d->login_iam);
    login.refused(login.ctx);
}

static enum status check_password_file(struct database *d, struct error *err)
{
    struct secret user = SECRET_INIT;
    struct secret password = SECRET_INIT;
    struct error reason;
    enum status status = d->login.get(d->login.ctx, &user, &password, &reason);
    secret_clean_up(&user);
    secret_clean_up(&password);
    return status == STATUS_OK ? status
                               : error_set(err, status, "%s: %.200s", d->options.password_setting, reason.detail);
}

enum status database_prepare(struct database *d, const struct database_options *options, struct error *err)
{
    d->options = *options;
    const struct config_db *db = &d->options.db;
    d->login = login_none();
    if (db->auth == DB_AUTH_PASSWORD) {
        d->login_password = (struct login_password){ .user = db->user, .file = db->password_file };
        d->login = login_password(&d->login_password);
        return check_password_file(d, err);
    }
    if (db->auth == DB_AUTH_IAM) {
        d->login = (struct login){ .get = iam_get, .refused = iam_refused, .ctx = d };
        return aws_region(credentials_env_system(), d->region, sizeof d->region, err);
    }
    return STATUS_OK;
}

static enum status start_cluster(struct database *d, struct io_thread *io, struct error *err)
{
    const struct cluster_options options = {
        .io = io,
        .db = d->options.db,
        .login = d->login,
        .ca_setting = d->options.ca_setting,
        .metrics_name = d->options.metrics_name,
        .clock = d->options.clock,
        .log = d->log,
        .requests_are_fibers = true,
    };
    d->cluster = cluster_new(&options, err);
    return d->cluster == NULL ? err->code : STATUS_OK;
}

static void iam_renewed(void *ctx)
{
    struct database *d = ctx;
    cluster_login_changed(d->cluster);
}

static enum status start_refresher(struct database *d, struct error *err)
{
    const struct config_iam *iam = &d->options.iam;
    const struct iam_refresher_options options = {
        .token = { .service = iam->service,
                   .resource = iam->resource,
                   .user = d->options.db.user,
                   .region = d->region,
                   .serverless = iam->serverless,
                   .ttl_s = iam->token_ttl_s },
        .env = credentials_env_system(),
        .log = d->log,
        .renewed = iam_renewed,
        .ctx = d,
    };
    d->refresher = iam_refresher_new(&options, err);
    if (d->refresher == NULL)
        return err->code;
    d->login_iam = (struct login_iam){ .refresher = d->refresher, .user = d->options.db.user };
    atomic_store(&d->has_refresher, true);
    return STATUS_OK;
}

enum status database_start(struct database *d, struct io_thread *io, struct log *log, struct error *err)
{
    d->log = log;
    enum status status = start_cluster(d, io, err);
    return status == STATUS_OK && d->options.db.auth == DB_AUTH_IAM ? start_refresher(d, err) : status;
}

/* The refresher's thread and the cluster know each other: each is still there when the other ends. */
void database_stop(struct database *d)
{
    if (d->cluster != NULL)
        cluster_stop(d->cluster);
    iam_refresher_destroy(d->refresher);
    cluster_destroy(d->cluster);
    d->refresher = NULL;
    d->cluster = NULL;
}
