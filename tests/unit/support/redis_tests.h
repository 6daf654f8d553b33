/* redis_tests: tests that share one redis-server, and what connects to it. */
#ifndef CUSTOMERD_TESTS_REDIS_TESTS_H
#define CUSTOMERD_TESTS_REDIS_TESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "redis_server.h"

struct cluster;

/* The server that runs during redis_tests_run. */
const struct redis *redis_tests_server(void);

/* Runs the tests with a server that is started with these arguments; 77, for ctest to skip, when one can't be had. */
int redis_tests_run(const char *name, const struct CMUnitTest *tests, size_t n, const char *arguments);

/* A client of a server, without a login. Fails the test when it does not start. */
struct cluster *redis_tests_connect(const struct redis *server);

#endif
