/* The connection's bytes: coalesced writes, and replies handed out in the order of their calls. */
#include "connection.h"

#include <stdlib.h>

#define READ_BYTES 16384
#define OUT_MAX_BYTES 262144 /* beyond it calls wait in their lane, where they can still be taken back */
#define SENT_MAX 16384
#define IN_KEEP_MAX_BYTES 1048576 /* a longer reply's memory is given back after it */

static bool speaks(const struct connection *c)
{
    return c->state == CONNECTION_SIGNING_IN || c->state == CONNECTION_READY;
}

void connection_watch(struct connection *c)
{
    uint32_t interest = EPOLLIN;
    if (c->transport.wants_write || (speaks(c) && outbox_len(&c->out) > 0))
        interest |= EPOLLOUT;
    if (!reactor_watch(c->env->reactor, c->transport.fd, &c->source, interest))
        connection_fail(c, "the socket can't be watched");
}

bool connection_takes(const struct connection *c)
{
    return c->state == CONNECTION_READY && outbox_len(&c->out) < OUT_MAX_BYTES && c->sent.count < SENT_MAX;
}

bool connection_send(struct connection *c, struct call *call)
{
    int64_t now = c->env->reactor->now_ms;
    uint64_t at = outbox_position(&c->out);
    if (!call_write(call, &c->out))
        return false;
    call->progress.stream_at = at;
    call->progress.sent_ms = now;
    call->progress.skip_reply = call->progress.asking;
    call->progress.tries++;
    bool first = c->sent.head == NULL;
    call_queue_push(&c->sent, call);
    if (first && c->state == CONNECTION_READY)
        connection_timer(c, connection_hung_at(c));
    return true;
}

void connection_flush(struct connection *c)
{
    while (outbox_len(&c->out) > 0 && speaks(c)) {
        size_t n = 0;
        struct slice waiting = outbox_slice(&c->out);
        enum transport_result result = transport_write(&c->transport, waiting.ptr, waiting.len, &n);
        if (result == TRANSPORT_FAILED) {
            connection_fail(c, c->transport.failure);
            return;
        }
        if (result == TRANSPORT_AGAIN)
            break;
        outbox_take(&c->out, n);
    }
    if (speaks(c))
        connection_watch(c);
}

/* ---- receiving ---- */

/* False when the connection is no more. */
static bool hand_out(struct connection *c, struct reply *reply)
{
    struct call *call = c->sent.head;
    if (call->progress.skip_reply) {
        call->progress.skip_reply = false;
        reply_free(reply);
        return true;
    }
    call_queue_pop(&c->sent);
    if (call->about.kind == CALL_OF_SIGN_IN) {
        call_drop(call);
        connection_signed_in(c, reply);
        reply_free(reply);
        return speaks(c);
    }
    enum answer_action action = c->events->answered(c->ctx, call, reply);
    if (action == ANSWER_DISCONNECT) {
        connection_fail(c, "the server wants no more of this connection");
        return false;
    }
    if (action == ANSWER_NEXT)
        c->attempt.failures = 0; /* only now: a node that accepts and then refuses to work deserves the backoff */
    return true;
}

/* The server's own reason, when it says goodbye to somebody who asked nothing. */
static void fail_unexpected(struct connection *c, struct slice bytes)
{
    connection_fail(c, slice_starts_with(bytes, "-ERR max number of clients") ? "max number of clients reached"
                                                                               : "a reply that nobody asked for");
}

/* Returns how many bytes were used up, or -1 when the connection is no more. */
static long hand_out_all(struct connection *c)
{
    struct slice all = buf_slice(&c->in);
    size_t used = 0, len = 0;
    while (used < all.len) {
        struct slice rest = slice_from(all, used);
        if (c->sent.head == NULL) {
            fail_unexpected(c, rest);
            return -1;
        }
        enum resp_result found = resp_scan(&c->scan, rest, &len);
        if (found == RESP_PARTIAL)
            break;
        struct reply *reply = found == RESP_WHOLE ? reply_parse(c->env->parser, slice_of(rest.ptr, len)) : NULL;
        if (reply == NULL) {
            connection_fail(c, "protocol error");
            return -1;
        }
        used += len;
        if (!hand_out(c, reply))
            return -1;
    }
    return (long)used;
}

void connection_receive(struct connection *c)
{
    do {
        size_t n = 0;
        if (!buf_reserve(&c->in, READ_BYTES)) {
            connection_fail(c, "a reply is too long");
            return;
        }
        enum transport_result result = transport_read(&c->transport, buf_tail(&c->in), READ_BYTES, &n);
        if (result == TRANSPORT_FAILED) {
            connection_fail(c, c->transport.failure);
            return;
        }
        if (result == TRANSPORT_AGAIN)
            break;
        buf_advance(&c->in, n);
        c->times.received_ms = c->env->reactor->now_ms;
        long used = hand_out_all(c);
        if (used < 0)
            return;
        buf_consume(&c->in, (size_t)used);
        if (c->in.len == 0 && c->in.cap > IN_KEEP_MAX_BYTES)
            buf_clean_up(&c->in);
    } while (transport_has_pending(&c->transport));
    connection_watch(c);
}
