#include "connection.h"

#include <stdio.h>
#include <stdlib.h>

#define BACKOFF_BASE_MS 50
#define BACKOFF_MAX_MS 2000 /* with the handshake, a node that is there again is served within five seconds */
/* After WRONGPASS: not before the first, at the latest at the second, and in between when the password has changed. */
#define REFUSED_PAUSE_MS 200
#define REFUSED_PAUSE_MAX_MS 1000
#define LOGIN_FAILURES_MAX 2
#define IN_MAX_BYTES (RESP_REPLY_MAX_BYTES + 65536)
/* A node that has taken a command and says nothing for as long as the call would wait hangs, but within these bounds. */
#define PATIENCE_MIN_MS 1000
#define PATIENCE_MAX_MS 10000

static void on_event(void *ctx, uint32_t events);

void connection_init(struct connection *c, struct connection_env *env, struct peer *peer,
                     const struct connection_events *events, void *ctx)
{
    *c = (struct connection){
        .events = events,
        .ctx = ctx,
        .env = env,
        .peer = peer,
        .transport = TRANSPORT_CLOSED,
        .source = { .on_event = on_event, .ctx = c },
        .times = { .timer_ms = INT64_MAX },
    };
    buf_init(&c->in, IN_MAX_BYTES);
}

static void shut(struct connection *c)
{
    transport_close(&c->transport);
    reactor_forget(&c->source);
    outbox_reset(&c->out);
    buf_clear(&c->in);
    c->scan = (struct resp_scan){ .at = 0 };
    if (c->attempt.question != NULL)
        c->attempt.question->owner = NULL;
    c->attempt.question = NULL;
    c->attempt.renewing = false;
    c->times.timer_ms = INT64_MAX;
}

void connection_close(struct connection *c)
{
    shut(c);
    c->state = CONNECTION_IDLE;
    c->attempt.failures = 0;
}

void connection_clean_up(struct connection *c)
{
    shut(c);
    for (struct call *call = call_queue_pop(&c->sent); call != NULL; call = call_queue_pop(&c->sent))
        call_drop(call);
    outbox_clean_up(&c->out);
    buf_clean_up(&c->in);
}

void connection_timer(struct connection *c, int64_t at_ms)
{
    if (at_ms < c->times.timer_ms)
        c->times.timer_ms = at_ms;
    reactor_alarm(c->env->reactor, at_ms);
}

/* ---- opening ---- */

/* A name with several addresses shares the attempt's time among those not yet tried, so that a dead one leaves some
 * for the rest. */
static int64_t address_deadline(const struct connection *c)
{
    int64_t now = c->env->reactor->now_ms;
    int64_t shares = (int64_t)c->attempt.left + 1;
    return now + (c->times.deadline_ms - now) / (shares > 3 ? 3 : shares);
}

static void handshake(struct connection *c)
{
    switch (transport_handshake(&c->transport)) {
    case TRANSPORT_OK:
        connection_sign_in(c);
        return;
    case TRANSPORT_AGAIN:
        connection_watch(c);
        return;
    default:
        connection_fail(c, c->transport.failure);
    }
}

static void connected(struct connection *c)
{
    c->times.timer_ms = INT64_MAX;
    connection_timer(c, c->times.deadline_ms);
    if (c->env->tls == NULL) {
        connection_sign_in(c);
        return;
    }
    c->state = CONNECTION_HANDSHAKING;
    if (transport_start_tls(&c->transport, c->env->tls, c->peer->tls_name, &c->peer->tls_session) != TRANSPORT_OK)
        connection_fail(c, c->transport.failure);
    else
        handshake(c);
}

static void connect_next(struct connection *c)
{
    struct connection_attempt *a = &c->attempt;
    c->state = CONNECTION_CONNECTING;
    while (a->left > 0) {
        const struct address *to = &a->addresses.at[a->next++ % a->addresses.count];
        a->left--;
        reactor_forget(&c->source);
        enum transport_result result = transport_connect(&c->transport, to);
        if (result == TRANSPORT_FAILED)
            continue;
        if (result == TRANSPORT_OK) {
            connected(c);
            return;
        }
        c->times.timer_ms = INT64_MAX;
        connection_timer(c, address_deadline(c));
        connection_watch(c);
        return;
    }
    connection_fail(c, c->transport.failure);
}

static void connect_all(struct connection *c)
{
    if (c->attempt.addresses.count == 0) {
        connection_fail(c, "the name does not resolve");
        return;
    }
    c->attempt.left = c->attempt.addresses.count;
    c->attempt.next = c->attempt.failures;
    connect_next(c);
}

static void begin(struct connection *c)
{
    struct error err;
    int64_t now = c->env->reactor->now_ms;
    c->state = CONNECTION_RESOLVING;
    c->times.timer_ms = INT64_MAX;
    c->times.deadline_ms = now + c->env->db->connect_timeout_ms;
    if (!connection_login_ready(c, &err)) {
        /* No node is to blame, so the pause stays short: the first token is most often a moment away. */
        if (c->attempt.failures > LOGIN_FAILURES_MAX)
            c->attempt.failures = LOGIN_FAILURES_MAX;
        connection_fail(c, err.detail);
        return;
    }
    if (resolver_literal(c->peer->host, c->peer->port, &c->attempt.addresses)) {
        connect_all(c);
        return;
    }
    c->attempt.question = resolver_ask(c->env->resolver, c->peer->host, c->peer->port, c);
    /* A slow DNS must not cost the connection when its last answer is still known. */
    int64_t wait = c->env->db->connect_timeout_ms / (c->attempt.addresses.count > 0 ? 4 : 1);
    connection_timer(c, now + wait);
}

void connection_open(struct connection *c)
{
    if (c->state == CONNECTION_IDLE)
        begin(c);
}

void connection_resolved(struct connection *c, const struct question *q)
{
    c->attempt.question = NULL;
    if (q->answer.count > 0)
        c->attempt.addresses = q->answer;
    if (c->state == CONNECTION_RESOLVING)
        connect_all(c);
}

static void resolving_too_long(struct connection *c)
{
    if (c->attempt.question != NULL)
        c->attempt.question->owner = NULL;
    c->attempt.question = NULL;
    connect_all(c);
}

/* ---- ready, and lost ---- */

void connection_ready(struct connection *c)
{
    c->state = CONNECTION_READY;
    c->attempt.refused = false;
    c->attempt.reauth_failures = 0;
    c->times.timer_ms = INT64_MAX;
    c->times.received_ms = c->env->reactor->now_ms;
    connection_schedule_reauth(c);
    connection_watch(c);
    if (c->state == CONNECTION_READY)
        c->events->ready(c->ctx);
}

static void back_off(struct connection *c)
{
    int64_t now = c->env->reactor->now_ms;
    c->state = CONNECTION_BACKOFF;
    if (c->attempt.refused) {
        c->times.retry_ms = now + REFUSED_PAUSE_MAX_MS;
        connection_timer(c, now + REFUSED_PAUSE_MS);
        return;
    }
    c->times.retry_ms = now + jitter_backoff_ms(c->env->jitter, c->attempt.failures, BACKOFF_BASE_MS, BACKOFF_MAX_MS);
    connection_timer(c, c->times.retry_ms);
}

static void retry_at(struct connection *c, int64_t at_ms)
{
    if (c->state != CONNECTION_BACKOFF || c->times.retry_ms <= at_ms)
        return;
    c->times.retry_ms = at_ms;
    connection_timer(c, at_ms);
}

void connection_hasten(struct connection *c)
{
    if (!c->attempt.refused)
        retry_at(c, c->env->reactor->now_ms + BACKOFF_BASE_MS);
}

void connection_login_changed(struct connection *c)
{
    retry_at(c, c->env->reactor->now_ms);
}

/* Bytes that never left the process can't have been executed. */
static struct call_queue take_unanswered(struct connection *c)
{
    struct call_queue unanswered = { .head = NULL };
    for (struct call *call = call_queue_pop(&c->sent); call != NULL; call = call_queue_pop(&c->sent)) {
        if (call->about.kind == CALL_OF_SIGN_IN) {
            call_drop(call);
            continue;
        }
        if (call->progress.stream_at < c->out.taken)
            call_mark_in_doubt(call);
        else
            call_unmark_sent(call);
        call->progress.skip_reply = false;
        call_queue_push(&unanswered, call);
    }
    return unanswered;
}

void connection_fail(struct connection *c, const char *why)
{
    char reason[160];
    bool was_ready = c->state == CONNECTION_READY;
    snprintf(reason, sizeof reason, "%s", why); /* it may lie in what is closed now */
    struct call_queue unanswered = take_unanswered(c);
    /* A node that can't even be reached any more gets the ordinary backoff, not a refused password's short pause. */
    if (c->state != CONNECTION_SIGNING_IN)
        c->attempt.refused = false;
    shut(c);
    back_off(c);
    c->attempt.failures++;
    c->events->lost(c->ctx, &unanswered, was_ready, reason);
}

void connection_renew(struct connection *c, const char *why)
{
    c->attempt.failures = 0;
    connection_fail(c, why);
}

static void tick_backoff(struct connection *c)
{
    int64_t now = c->env->reactor->now_ms;
    if (now >= c->times.retry_ms || (c->attempt.refused && connection_password_changed(c)))
        begin(c);
    else
        connection_timer(c, c->attempt.refused && now + 50 < c->times.retry_ms ? now + 50 : c->times.retry_ms);
}

int64_t connection_hung_at(const struct connection *c)
{
    const struct call *oldest = c->sent.head;
    if (oldest == NULL)
        return INT64_MAX;
    int64_t patience = oldest->progress.deadline_ms - oldest->progress.submitted_ms;
    if (patience < PATIENCE_MIN_MS)
        patience = PATIENCE_MIN_MS;
    if (patience > PATIENCE_MAX_MS)
        patience = PATIENCE_MAX_MS;
    int64_t since = oldest->progress.sent_ms;
    return (since > c->times.received_ms ? since : c->times.received_ms) + patience;
}

static void tick_ready(struct connection *c)
{
    int64_t now = c->env->reactor->now_ms;
    if (now >= connection_hung_at(c)) {
        connection_fail(c, "the node does not answer");
        return;
    }
    if (now >= c->times.reauth_ms)
        connection_reauth(c);
    if (c->state != CONNECTION_READY)
        return;
    connection_timer(c, c->times.reauth_ms);
    connection_timer(c, connection_hung_at(c));
}

void connection_tick(struct connection *c)
{
    if (c->env->reactor->now_ms < c->times.timer_ms) {
        reactor_alarm(c->env->reactor, c->times.timer_ms);
        return;
    }
    c->times.timer_ms = INT64_MAX;
    switch (c->state) {
    case CONNECTION_IDLE:
        return;
    case CONNECTION_BACKOFF:
        tick_backoff(c);
        return;
    case CONNECTION_RESOLVING:
        resolving_too_long(c);
        return;
    case CONNECTION_CONNECTING:
        snprintf(c->transport.failure, sizeof c->transport.failure, "connect: no answer in time");
        connect_next(c);
        return;
    case CONNECTION_HANDSHAKING:
        connection_fail(c, "TLS handshake: no answer in time");
        return;
    case CONNECTION_SIGNING_IN:
        connection_fail(c, "AUTH: no answer in time");
        return;
    case CONNECTION_READY:
        tick_ready(c);
        return;
    }
}

static void on_event(void *ctx, uint32_t events)
{
    struct connection *c = ctx;
    (void)events; /* errors show when reading or writing */
    switch (c->state) {
    case CONNECTION_CONNECTING:
        if (transport_connected(&c->transport) == TRANSPORT_OK)
            connected(c);
        else
            connect_next(c);
        return;
    case CONNECTION_HANDSHAKING:
        handshake(c);
        return;
    case CONNECTION_SIGNING_IN:
    case CONNECTION_READY:
        connection_receive(c);
        if (outbox_len(&c->out) > 0)
            connection_flush(c);
        return;
    default:
        return;
    }
}
