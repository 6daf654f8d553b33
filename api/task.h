/* task: one request, from its request line until it is answered and logged. It holds all that its handling needs, since
 * the client may be gone before the database has answered: then the request still ends as it would have, unseen. */
#ifndef CUSTOMERD_API_TASK_H
#define CUSTOMERD_API_TASK_H

#include "client.h"

#include "customerd/api/http_metrics.h"
#include "customerd/api/route.h"
#include "customerd/core/secret.h"

/* So slowly what is long may come and go: 1 Mbit/s. */
#define LONG_BYTES_PER_MS 128

/* What is waited for: the head, whether the body is taken, the body, the answer. */
enum task_step { TASK_HEAD, TASK_ADMIT, TASK_BODY, TASK_RUN };

struct task {
    const struct client_context *context;
    struct client *client; /* NULL: the connection is no more */
    enum task_step step;
    bool runs;             /* and waits for something, since else nobody could see it */
    char *target;
    const char *target_at; /* where the library keeps it, until the head has been read */
    struct secret head;    /* what the request's fields lie in */
    struct buf body;
    bool body_cut;
    size_t long_body_bytes;   /* its part of the client_loop's, as the next */
    size_t long_answer_bytes;
    struct exchange x;     /* filled once the head has come: `read` */
    bool read;
    struct MHD_Response *reply; /* once it has run; NULL then: out of memory */
    bool linger;
    bool cut;           /* by the watchdog */
    int64_t started_us;
    struct http_measure measure; /* what will be counted and logged of it; http_status 0: not answered by the service */
    size_t bytes;       /* of the answer's body that were sent; of one that comes in pieces, so far */
    int64_t sends_since_ms; /* when the first piece was asked for (monotonic) */
    bool stalled;       /* the next piece did not come in time */
};

/* uri: as the library hands it out with the request line. NULL when out of memory. */
struct task *task_new(const struct client_context *context, struct client *client, const char *uri);
/* Counts and logs it if it was answered, logs it if it was cut, and frees it. It must not run. */
void task_end(struct task *task);
/* The watchdog has cut it. It is logged under this id, unless it has one; where the client was told so, as what it was told, and
 * else with the status 0, which is not counted. */
void task_note_cut(struct task *task, const char *id, bool told);

static inline bool task_is_answered(const struct task *task)
{
    return task->measure.http_status != 0;
}

/* The head has come. False when out of memory. */
bool task_take_head(struct task *task, struct MHD_Connection *http, const char *method, const char *version) MUST_USE;
/* A piece of the body; over the limit it is only counted. False when out of memory. */
bool task_take_body(struct task *task, const char *bytes, size_t len) MUST_USE;

/* Decides, by its head, whether its body is taken (when not, it is answered); or handles and answers it. On a fiber where
 * the listener has them: it may still run afterwards. False when there is no memory for one. */
bool task_start(struct task *task, enum task_step step) MUST_USE;

/* What it was started for has come to its end, or what its answer waited for; it may be freed. */
void task_ran(struct task *task);

#endif
