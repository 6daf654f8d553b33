/* http_globals: what the HTTP clients need once, as a group's set-up and tear-down. */
#ifndef CUSTOMERD_TESTS_HTTP_GLOBALS_H
#define CUSTOMERD_TESTS_HTTP_GLOBALS_H

#include "customerd/core/http_client.h"

static inline int http_set_up(void **state)
{
    struct error err;
    (void)state;
    return http_client_global_init(&err) == STATUS_OK ? 0 : -1;
}

static inline int http_tear_down(void **state)
{
    (void)state;
    http_client_global_clean_up();
    return 0;
}

#endif
