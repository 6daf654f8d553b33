/* fake_issuer: a key set's server and a clock that a test scripts. Any thread. */
#ifndef TESTS_UNIT_AUTH_FAKE_ISSUER_H
#define TESTS_UNIT_AUTH_FAKE_ISSUER_H

#include <pthread.h>
#include <stdatomic.h>

#include "customerd/core/clock.h"
#include "customerd/core/http_client.h"

struct fake_issuer {
    struct clock clock;
    struct http_client http;
    _Atomic int64_t realtime_ms;
    _Atomic int64_t skipped_ms; /* added to the machine's monotonic clock */
    pthread_mutex_t lock;
    const char *answer;         /* NULL: it can't be reached */
    int status;
    atomic_bool hangs;          /* until it is cancelled, or told otherwise */
    atomic_int fetches;
};

void fake_issuer_init(struct fake_issuer *f, int64_t realtime_ms);
void fake_issuer_answer(struct fake_issuer *f, int status, const char *text);
/* Polls for at most ten seconds. */
bool eventually(bool (*condition)(void *ctx), void *ctx);

#endif
