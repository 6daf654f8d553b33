/* warming: one run of `customerd warm`: a thread that finds names, and workers that bring their objects into the cache.
 *
 *   finder: S3's listing or a list --> queue (bounded) --> workers: objects_warm, tried again a few times --> the mark moves
 *
 * The main thread looks at it now and then: for signals, to tell how far it has come, and to keep that in a file. */
#ifndef CUSTOMERD_WARMING_H
#define CUSTOMERD_WARMING_H

#include "customerd/core/monitor.h"
#include "customerd/objects/warm_state.h"

#include "objects_command.h"

#define WARM_JOBS_MAX 256

struct warming_options {
    struct objects_command *command;
    struct warm_scope scope;
    int64_t rate; /* objects a second; 0: no bound */
    int64_t jobs; /* workers */
};

struct warming {
    const struct warming_options *options;
    struct monitor monitor; /* locks all below */
    struct warm_queue queue;
    bool found_all;      /* the finder has ended, and nothing will be pushed any more */
    bool stop;           /* nothing new is begun */
    struct error end;    /* why it gave up; OK: it did not */
    struct error last;   /* of an object that failed */
    struct buf failures; /* names that could not be warmed, each with a line feed; but for those that hold one */
    int working;         /* threads that run */
    pthread_t finder;
    pthread_t workers[WARM_JOBS_MAX];
    int n_workers;
};

/* Goes on behind the mark. On failure nothing runs. */
enum status warming_start(struct warming *w, const struct warming_options *options, const struct warm_mark *begin,
                          struct error *err) MUST_USE;
/* False when all threads have ended. */
bool warming_runs(struct warming *w);
/* Nothing new is begun; what is under way ends by its deadline. Any thread. */
void warming_stop(struct warming *w);
/* Joins the threads, stopping them if need be. */
void warming_clean_up(struct warming *w);

#endif
