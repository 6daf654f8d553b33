/* inner: the cluster from inside: nodes, their lanes, the slot map, and what runs through them.
 *
 *   cluster.c   the public functions: any thread
 *   io_thread.c the I/O thread, which clusters may share: everything below runs on it
 *   route.c     which lane a call goes to, and what follows from an error reply
 *   lane.c      a queue and a connection
 *   node.c      the nodes that are known
 *   map.c       which node owns which slot; the list of shards that other threads read
 *   refresh.c   asks for the topology, one question at a time */
#ifndef CUSTOMERD_MEMORYDB_INNER_H
#define CUSTOMERD_MEMORYDB_INNER_H

#include <pthread.h>

#include "customerd/core/monitor.h"
#include "customerd/memorydb/io_thread.h"

#include "call_metrics.h"
#include "connection.h"
#include "inbox.h"
#include "topology.h"
#include "verdict.h"

#define LANES 2 /* indexed by enum call_lane */

struct lane {
    struct cluster *cluster;
    struct node *node;
    struct connection connection;
    struct call_queue waiting;
    int64_t down_since_ms; /* 0 while it is ready, or was never opened */
    bool was_ready;        /* ever */
    bool ending;           /* its connection ends with the last answer, and takes no more calls: none is left in doubt */
    bool dirty;            /* has something to send, and is in the list of those */
    struct lane *next_dirty;
    atomic_bool ready;     /* these two are for other threads */
    atomic_size_t load;    /* calls waiting or on their way */
};

struct node {
    struct node *next;
    struct peer peer;
    struct lane lanes[LANES];
    struct places places;
    atomic_uint slots; /* how many it owns */
    unsigned shard;    /* its place in the published list; CALL_SHARD_UNKNOWN while it is not there */
    uint16_t lowest_slot;
    int64_t used_ms;   /* the last time that it got a call */
    bool demoted;      /* a server without cluster mode refused a write as a replica does, and no other connection was of more use yet */
};

struct map {
    struct node *owner[CLUSTER_SLOTS]; /* NULL: nobody is known to serve it */
    bool known, cluster_mode;
};

struct refresh {
    struct call *question; /* on its way */
    bool wanted;
    unsigned failures;     /* in a row */
    size_t turn;           /* so that not always the same node is asked */
    int64_t deadline_ms, not_before_ms, periodic_ms;
    int64_t failing_since_ms; /* 0 when the last one went well */
};

/* What other threads read. Nodes in `shards` are freed only after they were taken out under the lock. */
struct published {
    pthread_mutex_t lock;
    struct node **shards; /* by lowest slot */
    size_t n_shards;
    bool known, cluster_mode;
    int64_t learnt_ms;
    char last_failure[160];
    atomic_uint_least64_t reconnects, redirects;
};

/* One line a second of each kind, and how many it stands for. */
struct log_gate {
    int64_t next_ms, held_back;
};

struct log_gates {
    struct log_gate connection, error;
};

struct cluster {
    struct cluster_options options;
    struct reactor *reactor; /* the I/O thread's */
    struct inbox inbox;
    struct connection_env env;
    struct jitter jitter;
    struct node *nodes;
    struct map map;
    struct refresh refresh;
    struct call_queue retries;
    struct places nowhere; /* of requests for slots that no node is known to serve */
    struct lane *dirty;
    struct published published;
    struct call_metrics *metrics;
    char metrics_family[64]; /* of durations; "" for OpenTelemetry's */
    struct log_gates gates;
    atomic_bool login_changed;
    int64_t sweep_ms;
    struct cluster *next; /* of the I/O thread's */
    atomic_bool stopping;
    bool left;            /* the I/O thread, which writes it with its monitor locked */
};

/* ---- io_thread.c ---- */

/* From now on the thread works for the cluster, which is ready for it. */
void io_thread_join(struct io_thread *io, struct cluster *cluster);
/* The cluster is stopping: waits until the thread has answered what waits and closed the connections. */
void io_thread_leave(struct io_thread *io, struct cluster *cluster);
struct reactor *io_thread_reactor(struct io_thread *io);
/* Whether the caller is this thread. */
bool io_thread_is_caller(const struct io_thread *io);
/* Says whether a line may be written now; *held_back is how many were not. */
bool log_gate_open(struct cluster *cluster, struct log_gate *gate, int64_t *held_back);

/* ---- route.c ---- */

/* Lets new runs in, each whole or not at all, and sends them on their way. */
void route_runs(struct cluster *cluster, struct call_queue *calls);
/* Sends a call that was let in on its way: to its lane, or to wait for one. */
void route_call(struct cluster *cluster, struct call *call);
void route_calls(struct cluster *cluster, struct call_queue *calls);
/* Tries it again after a delay that grows with its tries. */
void route_later(struct cluster *cluster, struct call *call);
/* Ends it without a reply; a write in doubt ends as OUTCOME_UNKNOWN instead. */
void route_fail(struct call *call, enum status status);
enum answer_action route_answered(struct lane *lane, struct call *call, struct reply *reply);
void route_tick(struct cluster *cluster);
/* The topology is known or new: what waited for it goes on. */
void route_kick(struct cluster *cluster);

/* ---- lane.c ---- */

void lane_init(struct lane *lane, struct cluster *cluster, struct node *node);
/* Ends its calls with NOT_READY. */
void lane_clean_up(struct lane *lane);
void lane_open(struct lane *lane);
/* Takes the call: queues it, or fails it at once when the lane has been down for a while. */
void lane_submit(struct lane *lane, struct call *call);
/* Puts a call that the lane's connection gave back at the head. */
void lane_resubmit(struct lane *lane, struct call *call);
void lane_send(struct lane *lane);
void lane_tick(struct lane *lane);
bool lane_is_idle(const struct lane *lane);
static inline bool lane_is_ready(const struct lane *lane)
{
    return lane->connection.state == CONNECTION_READY;
}

/* ---- node.c ---- */

/* The node of that address, made if need be. NULL when there are too many, or memory is out. tls_name may be "". */
struct node *node_get(struct cluster *cluster, const char *host, uint16_t port, const char *tls_name);
/* The configured endpoint. */
struct node *node_seed(struct cluster *cluster);
/* Frees nodes that own nothing and have been idle. */
void node_sweep(struct cluster *cluster);
void node_destroy_all(struct cluster *cluster);

/* ---- map.c ---- */

/* All of the reply's ranges, or nothing. False when it can't be believed. */
bool map_apply(struct cluster *cluster, const struct reply *reply, const struct node *asked);
/* One server without cluster mode owns everything. */
void map_apply_standalone(struct cluster *cluster, struct node *node);
void map_move(struct cluster *cluster, uint16_t slot, struct node *to);

/* ---- refresh.c ---- */

void refresh_want(struct cluster *cluster);
void refresh_tick(struct cluster *cluster);
/* An answer to a question of the cluster's own; NULL when there will be none. The call changes hands, the reply not. */
void refresh_answered(struct cluster *cluster, struct node *node, struct call *call, const struct reply *reply);

#endif
