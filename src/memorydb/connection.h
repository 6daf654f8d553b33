/* connection: one signed-in connection to one node: a state machine that is never blocked and never without a deadline.
 *
 *                 connection_open                    ┌───────────────────────────────┐
 *   IDLE ───────────────────────────► RESOLVING ──► CONNECTING ──► HANDSHAKING ──► SIGNING_IN ──► READY
 *    ▲                                    ▲              │ next address │                │           │
 *    │ connection_close                   │ delay over   └───── failure, or deadline ─────┴───────────┤
 *    └────── any state                 BACKOFF ◄────────────────────────────────────────────────────────┘
 *
 * With plain TCP HANDSHAKING is skipped, without a login SIGNING_IN. Replies come in order; a reply that nobody waits
 * for, or that is not RESP2, ends the connection, so that no reply ever reaches another call. A READY connection signs
 * in again at its own jittered time, as one more command between two others. I/O thread only. */
#ifndef CUSTOMERD_MEMORYDB_CONNECTION_H
#define CUSTOMERD_MEMORYDB_CONNECTION_H

#include "customerd/core/buf.h"
#include "customerd/core/crypto.h"

#include "call.h"
#include "jitter.h"
#include "reactor.h"
#include "reply_parser.h"
#include "resp.h"
#include "transport.h"

enum connection_state {
    CONNECTION_IDLE,
    CONNECTION_BACKOFF,
    CONNECTION_RESOLVING,
    CONNECTION_CONNECTING,
    CONNECTION_HANDSHAKING,
    CONNECTION_SIGNING_IN,
    CONNECTION_READY
};

/* Whom it speaks with. Constant, but for what is learnt about the node's name and its TLS session. */
struct peer {
    char host[256]; /* as dialled */
    uint16_t port;
    char tls_name[256]; /* what the certificate must be for */
    struct tls_session tls_session;
};

/* What all connections of a cluster share. */
struct connection_env {
    const struct config_db *db;
    const struct login *login;
    struct reactor *reactor;
    struct resolver *resolver;
    struct tls_context *tls; /* NULL: plain TCP */
    struct reply_parser *parser;
    struct jitter *jitter;
    atomic_uint_least64_t reauths, reauth_failures;
};

enum answer_action {
    ANSWER_NEXT,
    ANSWER_REFUSED,   /* as NEXT, but the node has not shown that it is of use: a backoff goes on growing */
    ANSWER_DISCONNECT
};

/* How it tells its owner. None of these may open or close the connection that calls. */
struct connection_events {
    void (*ready)(void *ctx);
    /* A reply to a call; both change hands. ANSWER_DISCONNECT: the connection is of no use any more. */
    enum answer_action (*answered)(void *ctx, struct call *call, struct reply *reply);
    /* It failed. unanswered: what had been sent, in order, marked as in doubt where it had left; changes hands. */
    void (*lost)(void *ctx, struct call_queue *unanswered, bool was_ready, const char *why);
};

struct connection_attempt {
    struct question *question;   /* asked and not answered */
    struct addresses addresses;  /* of the last answer: kept when the next one is empty */
    size_t next, left;           /* which to try, and how many more in this attempt */
    unsigned failures;           /* in a row */
    bool refused;                /* the last one ended with WRONGPASS; try once more soon */
    bool renewing;               /* a re-AUTH is on its way */
    uint8_t password_digest[SHA256_BYTES]; /* of what was sent last */
    unsigned reauth_failures;    /* in a row */
};

struct connection_times {
    int64_t deadline_ms; /* of the whole attempt */
    int64_t timer_ms;    /* when connection_tick has to look again */
    int64_t received_ms; /* the last bytes */
    int64_t reauth_ms;
    int64_t retry_ms;    /* the end of BACKOFF */
};

struct connection {
    const struct connection_events *events;
    void *ctx;
    struct connection_env *env;
    struct peer *peer;
    enum connection_state state;
    struct transport transport;
    struct reactor_source source;
    struct outbox out;
    struct buf in;
    struct resp_scan scan;
    struct call_queue sent;
    struct connection_attempt attempt;
    struct connection_times times;
};

void connection_init(struct connection *c, struct connection_env *env, struct peer *peer,
                     const struct connection_events *events, void *ctx);
/* Closes silently; what was sent is dropped unanswered, so take it first if it matters. */
void connection_clean_up(struct connection *c);

/* Begins to connect, from IDLE; nothing otherwise. */
void connection_open(struct connection *c);
/* To IDLE. Only without calls on their way. */
void connection_close(struct connection *c);
/* Gives up a connection, open or on its way, that leads to the wrong server, for a new one soon: it has not failed. */
void connection_renew(struct connection *c, const char *why);
/* The node answers elsewhere: a backoff, unless it is for a refused password, ends soon. */
void connection_hasten(struct connection *c);
/* There is something new to sign in with: a backoff ends. */
void connection_login_changed(struct connection *c);
/* Looks at its timers. */
void connection_tick(struct connection *c);
/* The resolver's answer to its question. */
void connection_resolved(struct connection *c, const struct question *q);

/* Whether it takes one more call now. */
bool connection_takes(const struct connection *c);
/* Queues the call's bytes; false when out of memory (the call stays the caller's). */
bool connection_send(struct connection *c, struct call *call) MUST_USE;
/* Writes what is queued, as far as the socket takes it. */
void connection_flush(struct connection *c);

/* ---- between connection.c, connection_io.c and connection_sign_in.c ---- */

void connection_fail(struct connection *c, const char *why);
void connection_ready(struct connection *c);
/* Watches the socket for what the state needs. */
void connection_watch(struct connection *c);
/* Lets connection_tick look at `at_ms` or before. */
void connection_timer(struct connection *c, int64_t at_ms);
/* When the oldest call has waited too long, counted from its sending or from the last sign of life. */
int64_t connection_hung_at(const struct connection *c);
/* Reads and hands out all that has come. */
void connection_receive(struct connection *c);
/* Whether login has something to sign in with (or nothing at all to ask for). */
bool connection_login_ready(struct connection *c, struct error *err);
/* Sends AUTH, or becomes ready when none is wanted. */
void connection_sign_in(struct connection *c);
void connection_signed_in(struct connection *c, const struct reply *reply);
/* When a refused one may try again: whether login offers another password by now. */
bool connection_password_changed(struct connection *c);
void connection_schedule_reauth(struct connection *c);
void connection_reauth(struct connection *c);

#endif
