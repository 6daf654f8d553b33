/* fake_env: an environment, a clock and an HTTP client that a test scripts, behind struct credentials_env. */
#ifndef CUSTOMERD_TESTS_AWS_FAKE_ENV_H
#define CUSTOMERD_TESTS_AWS_FAKE_ENV_H

#include <stdatomic.h>

#include "customerd/aws/credentials.h"

#define FAKE_MAX 16
#define FAKE_TEXT_MAX 4096
#define FAKE_NOW_MS 1700000000000 /* 2023-11-14T22:13:20Z */

struct fake_reply {
    int status;       /* 0: the transport fails */
    const char *body; /* may be NULL */
};

struct fake_request {
    char method[8];
    char url[512];
    char headers[FAKE_TEXT_MAX]; /* each with a line break */
    char body[FAKE_TEXT_MAX];
};

struct fake_env {
    struct credentials_env env;
    struct clock clock;
    struct http_client http;
    _Atomic int64_t realtime_ms;
    _Atomic int64_t monotonic_ms;
    struct { const char *name, *value; } variables[FAKE_MAX];
    size_t n_variables;
    struct fake_reply replies[FAKE_MAX]; /* the last one is given again and again */
    size_t n_replies;
    struct fake_request requests[FAKE_MAX];
    size_t n_requests; /* counts on when the array is full */
};

void fake_env_init(struct fake_env *f);
/* Both are borrowed. */
void fake_set(struct fake_env *f, const char *name, const char *value);
void fake_reply(struct fake_env *f, int status, const char *body);
/* Writes a file below a directory of this process's own and returns its path, which stays valid. */
const char *fake_file(const char *name, const char *text);

/* Asserts on a provider's outcome, and cleans up. */
void expect_found(enum credentials_result result, struct credentials *c, const char *source, const char *id,
                  const char *secret, const char *token);
void expect_failed(enum credentials_result result, const struct error *err, const char *word);

#endif
