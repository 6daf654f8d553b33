#include "task_reply.h"

#include "customerd/core/crypto.h"
#include "customerd/core/fiber.h"
#include "customerd/core/unconst.h"

#include <stdlib.h>

/* What the library asks for at once, and keeps while it is sent. */
#define PIECE_BYTES 65536
/* A fiber that waits for a piece looks so often whether anybody still wants it. */
#define LOOK_PERIOD_MS 500

static bool add_headers(const struct response *from, struct MHD_Response *to)
{
    bool ok = true;
    for (size_t i = 0; i < from->n_headers; i++)
        ok = ok && MHD_add_response_header(to, from->headers[i].name, from->headers[i].value) == MHD_YES;
    if (from->content_type != NULL)
        ok = ok && MHD_add_response_header(to, "Content-Type", from->content_type) == MHD_YES;
    if (from->close)
        ok = ok && MHD_add_response_header(to, "Connection", "close") == MHD_YES;
    return ok;
}

/* ---- what comes in pieces ---- */

/* In steps, since neither the client's going nor the service's stopping wakes it. */
static bool wait_for_piece(struct task *t)
{
    const struct response_source *source = &t->x.response.source;
    const struct app *app = t->context->app;
    const struct client_loop *loop = t->context->loop;
    int64_t now_ms = clock_monotonic_ms(app->clock);
    int64_t until_ms = now_ms + app->config->http.idle_timeout_s * 1000;
    while (now_ms < until_ms) {
        int64_t look_ms = now_ms + LOOK_PERIOD_MS;
        if (source->wait(source->ctx, look_ms < until_ms ? look_ms : until_ms))
            return true;
        if (t->client == NULL || (loop != NULL && loop->stopping))
            return false;
        now_ms = clock_monotonic_ms(app->clock);
    }
    return false;
}

static void run_wait(void *arg)
{
    struct task *t = arg;
    t->stalled = !wait_for_piece(t);
    task_ran(t);
}

/* True when the piece is there, or will be told of. */
static bool await_piece(struct task *t)
{
    struct client_loop *loop = t->context->loop;
    if (loop == NULL)
        return wait_for_piece(t);
    t->runs = true;
    if (!fiber_start(loop->fibers, run_wait, t)) {
        t->runs = false;
        return false;
    }
    if (t->runs)
        client_pause(t->client);
    return !t->stalled;
}

/* A client that takes it more slowly than others may send, on the whole, would keep what others wait for. */
static bool is_too_slow(struct task *t)
{
    const struct app *app = t->context->app;
    int64_t now_ms = clock_monotonic_ms(app->clock);
    if (t->bytes == 0)
        t->sends_since_ms = now_ms;
    int64_t allowed_ms = app->config->http.idle_timeout_s * 1000 + (int64_t)(t->bytes / LONG_BYTES_PER_MS);
    return now_ms - t->sends_since_ms > allowed_ms;
}

/* The library's, while it sends. An answer that can't be brought to its end ends with its connection: its length was told, so the
 * client sees that something lacks. */
static ssize_t read_piece(void *cls, uint64_t at, char *out, size_t size)
{
    struct task *t = cls;
    const struct response_source *source = &t->x.response.source;
    enum response_piece piece = RESPONSE_MORE;
    bool waits = false;
    if (t->stalled || t->client == NULL || is_too_slow(t))
        return MHD_CONTENT_READER_END_WITH_ERROR;
    while (!waits && piece == RESPONSE_MORE) {
        size_t n = source->read(source->ctx, out, size, &piece);
        t->bytes += n;
        if (n > 0 && piece != RESPONSE_FAILED) {
            client_sends(t->client);
            return (ssize_t)n;
        }
        if (piece == RESPONSE_MORE && !await_piece(t))
            piece = RESPONSE_FAILED;
        waits = t->runs;
    }
    if (waits)
        return 0;
    bool whole = source->length == RESPONSE_LENGTH_UNKNOWN || at == source->length;
    return piece == RESPONSE_END && whole ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
}

/* Never asked: of what has only a length nothing is sent. */
/* NOLINTNEXTLINE(readability-non-const-parameter): its type is the library's */
static ssize_t read_nothing(void *cls, uint64_t at, char *out, size_t size)
{
    (void)cls, (void)at, (void)out, (void)size;
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

/* ---- the whole ---- */

/* Of JSON: it holds no NUL. */
static void wipe_body(void *body)
{
    crypto_wipe(body, strlen(body));
    free(body);
}

/* The body's memory is handed over: both sides take it from malloc. */
static struct MHD_Response *from_body(struct response *response)
{
    size_t len = response->body.len;
    char *body = buf_steal(&response->body);
    if (body == NULL)
        return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    struct MHD_Response *reply = response->secret
                                     ? MHD_create_response_from_buffer_with_free_callback(len, body, wipe_body)
                                     : MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE);
    if (reply == NULL && response->secret)
        wipe_body(body);
    else if (reply == NULL)
        free(body);
    return reply;
}

static struct MHD_Response *make(struct task *t)
{
    struct response *from = &t->x.response;
    const struct response_source *source = &from->source;
    switch (source->kind) {
    case RESPONSE_SHARED:
        /* What is persistent the library only reads, while it sends; the source is let go of after that. */
        return MHD_create_response_from_buffer(source->bytes.len, unconst(source->bytes.ptr), MHD_RESPMEM_PERSISTENT);
    case RESPONSE_STREAM:
        return MHD_create_response_from_callback(source->length, PIECE_BYTES, read_piece, t, NULL);
    case RESPONSE_LENGTH:
        return MHD_create_response_from_callback(source->length, 1, read_nothing, NULL, NULL);
    default:
        return from_body(from);
    }
}

struct MHD_Response *task_reply_new(struct task *t)
{
    const struct response *from = &t->x.response;
    bool sent = !slice_is(t->x.request.method, "HEAD") && from->status != 304;
    t->bytes = !sent ? 0 : from->source.kind == RESPONSE_SHARED ? from->source.bytes.len : from->body.len;
    struct MHD_Response *reply = make(t);
    if (reply == NULL || add_headers(from, reply))
        return reply;
    MHD_destroy_response(reply);
    return NULL;
}

/* What the library copied into its connection's memory it wipes there; its copy of a field's value it would only free. */
static void wipe_field(struct MHD_Response *reply, const char *name)
{
    const char *value = MHD_get_response_header(reply, name);
    if (value != NULL)
        crypto_wipe(unconst(value), strlen(value));
}

void task_reply_destroy(struct task *t)
{
    if (t->reply == NULL)
        return;
    if (t->x.response.secret)
        wipe_field(t->reply, "Set-Cookie");
    MHD_destroy_response(t->reply);
    t->reply = NULL;
}
