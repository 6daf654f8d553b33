#include "fake_issuer.h"

#include <poll.h>
#include <time.h>

static int64_t realtime(void *ctx)
{
    struct fake_issuer *f = ctx;
    return atomic_load(&f->realtime_ms);
}

static int64_t monotonic(void *ctx)
{
    struct fake_issuer *f = ctx;
    return clock_monotonic_ms(clock_system()) + atomic_load(&f->skipped_ms);
}

static enum status fetch(void *ctx, const struct http_request *request, struct http_response *out, struct error *err)
{
    struct fake_issuer *f = ctx;
    (void)atomic_fetch_add(&f->fetches, 1);
    while (atomic_load(&f->hangs) && !atomic_load(request->cancelled))
        (void)poll(NULL, 0, 1);
    (void)pthread_mutex_lock(&f->lock);
    const char *answer = f->answer;
    out->status = f->status;
    (void)pthread_mutex_unlock(&f->lock);
    if (answer == NULL || atomic_load(request->cancelled))
        return error_set(err, STATUS_UNAVAILABLE, "connection refused");
    buf_append_cstr(&out->body, answer);
    return buf_ok(&out->body) ? STATUS_OK : error_set(err, STATUS_UNAVAILABLE, "the answer is too long");
}

void fake_issuer_init(struct fake_issuer *f, int64_t realtime_ms)
{
    memset(f, 0, sizeof *f);
    (void)pthread_mutex_init(&f->lock, NULL);
    f->clock = (struct clock){ .realtime_ms = realtime, .monotonic_ms = monotonic, .ctx = f };
    f->http = (struct http_client){ .fetch = fetch, .ctx = f };
    atomic_store(&f->realtime_ms, realtime_ms);
}

void fake_issuer_answer(struct fake_issuer *f, int status, const char *text)
{
    (void)pthread_mutex_lock(&f->lock);
    f->status = status;
    f->answer = text;
    (void)pthread_mutex_unlock(&f->lock);
}

bool eventually(bool (*condition)(void *ctx), void *ctx)
{
    int64_t end_ms = clock_monotonic_ms(clock_system()) + 10000;
    while (!condition(ctx)) {
        if (clock_monotonic_ms(clock_system()) > end_ms)
            return false;
        (void)poll(NULL, 0, 2);
    }
    return true;
}
