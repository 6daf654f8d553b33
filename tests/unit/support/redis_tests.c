#include "redis_tests.h"

#include "customerd/memorydb/cluster.h"
#include "customerd/memorydb/io_thread.h"

#include <stdio.h>

static struct lab lab;
static struct redis redis;
static struct io_thread *io; /* of all clusters */
static const char *server_arguments;

const struct redis *redis_tests_server(void)
{
    return &redis;
}

static int group_set_up(void **state)
{
    (void)state;
    struct error err;
    redis_start(&redis, &lab, false, server_arguments);
    io = io_thread_new(clock_system(), &err);
    return io == NULL ? -1 : 0;
}

static int group_tear_down(void **state)
{
    (void)state;
    io_thread_destroy(io);
    redis_stop(&redis);
    return 0;
}

int redis_tests_run(const char *name, const struct CMUnitTest *tests, size_t n, const char *arguments)
{
    if (!lab_set_up(&lab)) {
        fprintf(stderr, "redis-server or openssl is missing\n");
        return 77;
    }
    server_arguments = arguments;
    int failed = _cmocka_run_group_tests(name, tests, n, group_set_up, group_tear_down);
    lab_tear_down(&lab);
    return failed;
}

struct cluster *redis_tests_connect(const struct redis *server)
{
    struct cluster_options options = { .io = io, .login = login_none(), .clock = clock_system() };
    snprintf(options.db.endpoint.host, sizeof options.db.endpoint.host, "127.0.0.1");
    options.db.endpoint.port = server->port;
    options.db.connect_timeout_ms = 2000;
    options.db.reauth_s = 36000;
    options.db.topology_refresh_s = 60;
    options.db.queue_max = 4096;
    struct error err;
    struct cluster *cluster = cluster_new(&options, &err);
    if (cluster == NULL)
        fail_msg("%s", err.detail);
    return cluster;
}
