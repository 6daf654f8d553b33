/* cluster: a client of a Redis-compatible cluster (or of one server without cluster mode), for many threads.
 *
 * An I/O thread (io_thread.h) owns every connection. Each shard's primary has two lanes, one for reads and one for writes, since
 * MemoryDB holds a write's reply until its multi-AZ log has it; a lane is one pipelined TLS connection that all threads
 * share. Callers hand over calls and wait until they are answered or the deadline ends: a thread sleeps, and a fiber of the
 * I/O thread's guest leaves it to others.
 *
 * Redirects, reconnects, and retries happen inside, within the deadline: MOVED, ASK, TRYAGAIN, CLUSTERDOWN, LOADING,
 * READONLY, MASTERDOWN, NOSCRIPT, BUSY, lost connections. A call may therefore be executed more than once: every write
 * that is submitted must be safe to repeat (scripts carry an operation id).
 *
 * https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
 * https://docs.aws.amazon.com/memorydb/latest/devguide/ */
#ifndef CUSTOMERD_MEMORYDB_CLUSTER_H
#define CUSTOMERD_MEMORYDB_CLUSTER_H

#include "customerd/core/clock.h"
#include "customerd/core/config.h"
#include "customerd/core/log.h"
#include "customerd/core/status.h"
#include "customerd/memorydb/login.h"
#include "customerd/memorydb/reply.h"

#define CLUSTER_SLOTS 16384

struct cluster;
struct io_thread;

struct cluster_options {
    struct io_thread *io; /* must outlive the cluster; clusters may share one */
    struct config_db db; /* copied */
    struct login login;  /* copied; its ctx must outlive the cluster */
    const char *ca_setting;   /* a literal, which errors about db.ca_file name: "CUSTOMERD_DB_CA_FILE" */
    const char *metrics_name; /* a literal: customerd_<name>_...; NULL: "db", with OpenTelemetry's name for durations */
    const struct clock *clock;
    struct log *log; /* may be NULL */
    bool requests_are_fibers; /* then a thread's runs are the program's own, few, and never too many */
};

/* Starts the resolver's thread and begins to connect; does not wait for a connection. NULL and err when the
 * configuration can't be used (an unreadable CA file). */
struct cluster *cluster_new(const struct cluster_options *options, struct error *err);
/* Answers what waits, closes the connections and leaves the I/O thread; calls from now on get NOT_READY. Others may be in
 * cluster_run meanwhile; only the owner stops or destroys, and not on the I/O thread. */
void cluster_stop(struct cluster *cluster);
/* Stops, then frees: no other thread may be in a call any more. Accepts NULL. */
void cluster_destroy(struct cluster *cluster);

/* The login has something new to sign in with: connections that wait for their next attempt make it now. Any thread, until
 * cluster_destroy. */
void cluster_login_changed(struct cluster *cluster);

/* ---- calls ---- */

/* A Lua script: its text and SHA-1. Sent as EVALSHA; NOSCRIPT is answered with EVAL of the text. Constant data. */
struct script {
    const char *name; /* for logs and errors */
    struct slice source;
    char sha1[41];
};

enum call_lane { CALL_READ, CALL_WRITE };
enum call_target { CALL_TO_SLOT, CALL_TO_SHARD };

struct call_options {
    enum call_lane lane;
    enum call_target target;
    uint16_t slot;               /* CALL_TO_SLOT */
    size_t shard;                /* CALL_TO_SHARD: 0 <= shard < cluster_shard_count */
    const struct script *script; /* NULL for a plain command */
    const struct slice *args;    /* the command's words; for a script: its keys, then its arguments */
    size_t n_args;
    size_t n_keys;               /* for a script */
};

struct call; /* reference counted, since the I/O thread may outlive the caller's patience */

/* Encodes a call; args are copied. NULL when out of memory. */
struct call *call_new(const struct call_options *options);
/* Gives the caller's reference back. Accepts NULL. */
void call_release(struct call *call);

/* Submits n calls at once and waits until each is answered or deadline_ms (monotonic) is reached. They go out in order
 * per lane, coalesced. Returns OK when every call has a reply; a server's error reply that is final counts as a failure
 * of that call and is mapped: OOM, MISCONF, NOREPLICAS -> STORAGE_FULL; NOPERM, NOAUTH and what is not known ->
 * UNAVAILABLE (logged with the error's first word); WRONGTYPE -> RECORD_DAMAGED. Otherwise the first failure's status,
 * with err->applied UNKNOWN when a write of the run may have been executed: UNAVAILABLE (no connection; fails at once when the
 * shard has been down for a while, or when db.queue_max runs, twice as many where there is one shard alone, have calls at a
 * node that this one needs: then nothing of it is sent), OUTCOME_UNKNOWN (a write was sent, and its answer
 * did not come in time or for another reason), NOT_READY (the cluster is being destroyed). A call is run once: to try
 * again, make a new one. */
enum status cluster_run(struct cluster *cluster, struct call *const *calls, size_t n, int64_t deadline_ms,
                        struct error *err) MUST_USE;

/* Runs one call (NULL: out of memory) and gives it back in *out, for the caller to release; NULL there on failure. */
enum status cluster_run_take(struct cluster *cluster, struct call *call, int64_t deadline_ms, struct call **out,
                             struct error *err) MUST_USE;

/* After cluster_run: how one call ended (OK: it has a reply). */
enum status call_status(const struct call *call);
/* After cluster_run, when call_status is OK. Valid until call_release. */
const struct reply *call_reply(const struct call *call);
/* After cluster_run: whether it was sent more than once, and an earlier sending may still arrive. What it was answered
 * then tells of the last sending alone. */
bool call_in_doubt(const struct call *call);
/* What a refusal of a write in doubt becomes, where its reason may go away before the earlier sending arrives, which then does
 * what was refused. OUTCOME_UNKNOWN. */
enum status call_refused_in_doubt(struct error *err);
/* How long a marker that a write was done has to stay, for sendings of it that arrive late: twice as long as a request may take,
 * and a minute at least. */
int64_t call_marker_life_ms(int64_t request_timeout_ms);

/* ---- about the cluster ---- */

/* The number of shards now known; 0 before the first topology. */
size_t cluster_shard_count(struct cluster *cluster);

struct cluster_shard_state {
    char node[272]; /* host:port of the primary */
    bool reads_ready;
    bool writes_ready;
    size_t reads_waiting; /* calls that wait for the lane or for their reply */
    size_t writes_waiting;
    size_t requests;      /* those that the calls are of, as far as they are bounded */
    unsigned slots;
};

struct cluster_state {
    bool cluster_mode;
    unsigned slots_served;    /* of 16384: those whose primary has both lanes ready (without cluster mode: all) */
    int64_t topology_age_ms;  /* -1 before the first */
    uint64_t reconnects, redirects, reauths, reauth_failures;
    char last_failure[160];   /* of a connection; "" when the last one went well */
    size_t n_shards;
};

void cluster_state(struct cluster *cluster, struct cluster_state *out);
/* False when i is out of range. */
bool cluster_shard_state(struct cluster *cluster, size_t i, struct cluster_shard_state *out);

/* Appends durations, lanes and topology (core/metrics.h). */
void cluster_write_metrics(struct cluster *cluster, struct buf *out);

/* CRC16-XMODEM of the hash tag, or of the whole key, modulo 16384 (cluster specification, "Key distribution model"). */
uint16_t cluster_key_slot(struct slice key);

#endif
