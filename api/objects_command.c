#include "objects_command.h"

#include "customerd/api/service.h"
#include "customerd/aws/s3.h"
#include "customerd/core/http_client.h"
#include "customerd/core/json_memory.h"
#include "customerd/memorydb/cluster.h"
#include "customerd/memorydb/io_thread.h"

#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 10000
#define LOOK_MS 20

const struct command objects_commands[] = {
    { "warm", command_warm, "fill the object cache from S3 before anybody asks" },
    { "compare", command_compare, "measure reads of an object from S3 and from the cache" },
    { NULL, NULL, NULL },
};

enum status objects_command_configure(struct objects_command *c, int n, char *const *flags, struct error *err)
{
    struct config_sources sources;
    resources_init(&c->resources);
    const struct config_input input = { n, flags, environ, resources_parts(&c->resources) };
    enum status status = config_load(&input, &c->config, &sources, err);
    for (size_t i = 0; i < c->resources.n; i++)
        if (strcmp(c->resources.slots[i].resource->name, "objects") == 0)
            c->settings = (const void *)c->resources.slots[i].settings;
    if (status == STATUS_OK)
        status = objects_settings_check(c->settings, c->config.http.request_timeout_ms, err);
    return status == STATUS_OK ? objects_service_check(c->settings, err) : status;
}

enum status objects_command_check_bucket(const struct objects_command *c, const char *bucket, struct error *err)
{
    if (objects_settings_has_bucket(c->settings, slice_cstr(bucket)))
        return STATUS_OK;
    return error_set(err, STATUS_BAD_PARAMETER, "--bucket: \"%.80s\" is none of CUSTOMERD_OBJECT_BUCKETS", bucket);
}

enum status objects_command_start(struct objects_command *c, struct error *err)
{
    enum log_level level = c->config.log_level == LOG_INFO ? LOG_ERROR : c->config.log_level;
    service_protect_process();
    json_memory_init(NULL);
    enum status status = http_client_global_init(err);
    if (status != STATUS_OK)
        return status;
    c->log = log_new(STDERR_FILENO, level, clock_system());
    if (c->log == NULL)
        return error_set(err, STATUS_INTERNAL, "the log does not start");
    c->io = io_thread_new(clock_system(), err);
    if (c->io == NULL)
        return err->code;
    c->service = objects_service_new(c->settings, &c->config, c->io, clock_system(), c->log, err);
    return c->service == NULL ? err->code : STATUS_OK;
}

static enum status look(struct objects_command *c, struct error *err)
{
    struct cluster_state state;
    cluster_state(objects_service_cluster(c->service), &state);
    if (state.slots_served < CLUSTER_SLOTS)
        return error_set(err, STATUS_UNAVAILABLE, "the cache can't be reached: %.160s",
                         state.last_failure[0] != '\0' ? state.last_failure : "no connection yet");
    return s3_ready(objects_service_s3(c->service), err);
}

enum status objects_command_wait(struct objects_command *c, bool (*stop)(void *ctx), void *ctx, struct error *err)
{
    const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000 };
    int64_t until_ms = clock_monotonic_ms(clock_system()) + PATIENCE_MS;
    for (;;) {
        enum status status = look(c, err);
        if (status == STATUS_OK || clock_monotonic_ms(clock_system()) >= until_ms)
            return status;
        if (stop != NULL && stop(ctx))
            return error_set(err, STATUS_NOT_READY, "interrupted");
        (void)nanosleep(&pause, NULL);
    }
}

void objects_command_clean_up(struct objects_command *c)
{
    objects_service_destroy(c->service);
    io_thread_destroy(c->io);
    log_destroy(c->log);
    http_client_global_clean_up();
}

int64_t objects_command_deadline_ms(const struct objects_command *c)
{
    return clock_monotonic_ms(clock_system()) + c->config.http.request_timeout_ms;
}

void objects_command_print_flags(FILE *out)
{
    service_print_flags(out);
}
