/* connections: the client connections of one listener, and the thread that bounds how long each may take.
 *
 *     (accepted) -> IDLE -- request line --> RECEIVING -- whole request --> RUNNING -- answer sent --> IDLE
 *                    |                           |                            |
 *                    +---- too long, drained ----+------ too long ------------+--> CUT (the socket is shut down)
 *
 * The HTTP library bounds inactivity alone; here a whole request must arrive within its time, byte by byte or not.
 *
 * Where the library was refused a descriptor it accepts nobody until one of its connections has ended, which those of busy
 * clients never do. So when clients wait and none is accepted for a second, the connection that is idle longest is closed. */
#ifndef CUSTOMERD_API_CONNECTIONS_H
#define CUSTOMERD_API_CONNECTIONS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "customerd/core/attributes.h"
#include "customerd/core/clock.h"

struct connections;

enum connection_phase { CONNECTION_IDLE, CONNECTION_RECEIVING, CONNECTION_RUNNING, CONNECTION_CUT };

/* Embedded in what the server keeps of a connection. */
struct connection {
    struct connection *prev;
    struct connection *next;
    int fd;
    atomic_int phase;
    _Atomic int64_t since_ms;  /* of the phase; while it runs, of the last progress */
    _Atomic int64_t extra_ms;  /* that the request may take to arrive, beyond receive_timeout_ms */
    int64_t trickle_epoch_ms;  /* the watchdog's: since_ms of the idle phase in which bytes were seen */
    int64_t trickle_since_ms;
};

struct connections_options {
    const struct clock *clock;
    int listen_fd;              /* where they come from; 0: it is not watched */
    int64_t receive_timeout_ms; /* from the first bytes of a request to its last */
    int64_t idle_timeout_ms;    /* without a request */
    bool tls;                   /* the library ends what it sends itself */
    int64_t run_timeout_ms;     /* from the last byte of a request until its answer is sent, or a piece of it */
    /* Tells the client why it is cut, without blocking, before the socket is shut down; in the watchdog's thread. */
    void (*say_timeout)(void *ctx, struct connection *c);
    void *ctx;
};

/* Starts the watchdog. NULL when it can't. */
struct connections *connections_new(const struct connections_options *options);
/* There are no connections any more. Accepts NULL. */
void connections_destroy(struct connections *cs);

/* Returns how many there are with it. */
size_t connections_add(struct connections *cs, struct connection *c, int fd);
/* Must be called before the descriptor is closed: afterwards the number may be another connection's. With linger, what
 * the client still sends is read and dropped for a moment after the answer: closing at once would reset the connection,
 * and the client might never read why. */
void connections_remove(struct connections *cs, struct connection *c, bool linger);

/* The thread that serves the connection moves it through its phases. False when the watchdog has cut it. */
bool connection_begin(struct connections *cs, struct connection *c);
/* When it fails, the client was told, and the socket is shut down. */
bool connection_run(struct connections *cs, struct connection *c);
/* Its phase counts from now on only: a handshake is over, a piece of an answer was handed over. */
void connection_restart_phase(struct connections *cs, struct connection *c);
/* The request that is being received has so much more time. */
void connection_allow(struct connection *c, int64_t extra_ms);
/* True when the connection was cut while the request was on its way; then, too, the client was told. */
bool connection_end(struct connections *cs, struct connection *c);

/* From now on idle connections are closed. */
void connections_drain(struct connections *cs);
/* Waits until no connection is left or the deadline (monotonic) is reached; returns how many are left. */
size_t connections_wait_empty(struct connections *cs, int64_t deadline_ms);

#endif
