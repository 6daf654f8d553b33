/* call: one command on its way, shared by whoever waits for it, a thread or a fiber of the I/O thread, and the I/O thread.
 *
 *   caller                                I/O thread
 *   call_new
 *   call_share_run: one run  ──submit──►  waiting in a lane ◄─────────────┐
 *                                           │ call_mark_sent               │ connection lost (in doubt),
 *   waits for the leader's count            ▼                              │ refused (not in doubt)
 *                                         sent on a connection ───────────┘
 *                                           │ call_finish
 *   wakes when all of the run are done ◄────┘
 *   or gives up at its deadline: call_abandon (then the I/O thread drops the call when it next meets it)
 *
 * What happened is kept in one word of flags, so that the caller who gives up learns without a lock whether a write may
 * have been executed. The result is written by the I/O thread before CALL_DONE and read only after it. */
#ifndef CUSTOMERD_MEMORYDB_CALL_H
#define CUSTOMERD_MEMORYDB_CALL_H

#include <limits.h>
#include <stdatomic.h>

#include "customerd/memorydb/cluster.h"

#include "outbox.h"

enum call_kind { CALL_OF_USER, CALL_OF_SIGN_IN, CALL_OF_TOPOLOGY };

#define CALL_SHARD_UNKNOWN UINT_MAX

enum call_flag {
    CALL_SUBMITTED = 1, /* a run has it, or had it */
    CALL_SENT = 2,      /* handed to a connection and not yet answered */
    CALL_IN_DOUBT = 4,  /* was sent once, and that connection was lost before the answer */
    CALL_DONE = 8,
    CALL_ABANDONED = 16
};

/* How many requests are at a node. A run is one request, however many calls it has there: its last one holds the place, until it
 * is done or goes to another node. */
struct places {
    atomic_size_t taken; /* the I/O thread alone writes it */
    struct call *newest; /* holds the place of the run that came last */
};

/* What the I/O thread does with it; nobody else looks. */
struct call_progress {
    int64_t submitted_ms, deadline_ms, sent_ms;
    int64_t due_ms;      /* while it waits to be tried again */
    uint64_t stream_at;  /* where its bytes begin in the connection's stream */
    unsigned tries;      /* how often it was sent or refused */
    unsigned redirects;
    bool asking;         /* goes out behind ASKING */
    bool with_source;    /* goes out as EVAL */
    bool skip_reply;     /* the next reply is ASKING's */
    bool unrouted;       /* waits for a topology, not for a delay */
    bool counts;         /* is of a request, and takes a place where it goes */
    bool holds_place;    /* at `at` */
    struct places *at;   /* where it went last: only compared, unless it holds a place there */
    int64_t answered_us; /* metrics_now_us */
};

struct call_about {
    enum call_kind kind;
    enum call_lane lane;
    enum call_target target;
    uint16_t slot;
    size_t shard;
    const struct script *script;
    size_t words; /* of the whole command */
};

struct call {
    struct call *next;    /* in the one queue that holds it */
    struct call *leader;  /* the run's first call: counts those not done */
    _Atomic(struct fiber *) waiter; /* of a leader: the fiber that waits; NULL when a thread does, or nobody any more */
    atomic_int refs;
    atomic_uint flags;
    _Atomic(uint32_t) pending; /* of a leader; a thread's futex */
    struct call_about about;
    struct call_progress progress;
    int64_t submitted_us;      /* metrics_now_us */
    atomic_uint shard;         /* that got it last; CALL_SHARD_UNKNOWN before */
    struct reply *reply;
    enum status result;
    enum status outcome; /* the caller's view, after the run */
    size_t len;
    char bytes[];        /* the encoded words after the command's head */
};

/* ---- the caller's side ---- */

/* Readies n calls, none run before, as one run; the I/O side gets a reference to each. False when one was run before. */
bool call_share_run(struct call *const *calls, size_t n, int64_t now_ms, int64_t deadline_ms);
/* Undoes call_share_run for calls that nobody took. */
void call_unshare_run(struct call *const *calls, size_t n);
/* Waits, as a thread or as a fiber, until the run that calls[0] leads is done, or deadline_ms. May return false early. */
bool call_wait_run(struct call *leader, int64_t now_ms, int64_t deadline_ms);
/* Gives up unless it is done. Returns the flags as they were. */
unsigned call_abandon(struct call *c);

/* ---- the I/O thread's side ---- */

/* A call of the cluster itself, already shared with the I/O side; nobody waits for it. NULL when out of memory. */
struct call *call_new_internal(enum call_kind kind, const struct slice *args, size_t n_args);
/* The command's first word, or the script's name. */
struct slice call_operation(const struct call *c);
/* False when the caller has given up: then it must not go out. */
bool call_mark_sent(struct call *c);
/* A server refused it, or it never left: as if it had not been sent. */
void call_unmark_sent(struct call *c);
/* It left, and no answer will come. */
void call_mark_in_doubt(struct call *c);
bool call_is_abandoned(const struct call *c);
/* Of a leader: whether a fiber waits for the run. */
bool call_is_of_fiber(const struct call *leader);
/* Ends it with a reply (taken) or without, wakes the waiter if it was the last one, and gives the I/O reference back. */
void call_finish_take(struct call *c, enum status result, struct reply *reply);
/* Gives the I/O reference of an abandoned or internal call back. */
void call_drop(struct call *c);

/* The call goes to `at` and leaves where it was. A run whose calls come one after the other takes one place; the same call, which
 * comes again, no other. Both ways of ending a call above give its place back. */
void call_take_place(struct call *c, struct places *at);

/* Appends what goes over the wire, ASKING included; false when out of memory. */
bool call_write(const struct call *c, struct outbox *out) MUST_USE;

/* ---- queues; a call is in one queue at most ---- */

struct call_queue {
    struct call *head, *tail;
    size_t count;
};

void call_queue_push(struct call_queue *q, struct call *c);
void call_queue_push_front(struct call_queue *q, struct call *c);
/* NULL when it is empty. */
struct call *call_queue_pop(struct call_queue *q);
/* Puts all of `first` before q's own; `first` is empty afterwards. */
void call_queue_prepend(struct call_queue *q, struct call_queue *first);
/* Drops the calls that their callers have given up. */
void call_queue_sweep(struct call_queue *q);

#endif
