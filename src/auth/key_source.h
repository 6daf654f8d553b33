/* key_source: a thread that keeps the newest key set at hand, from an address or a file.
 *
 * It fetches at once, every five minutes (a file: when it has changed, which it looks at every two seconds), and when
 * somebody misses a key. A fetch that fails keeps the last good set, for as long as it takes, and is tried again with
 * backoff. One fetch at a time, whoever asks, and never two within MISSED_EVERY_MS because keys were missed. */
#ifndef CUSTOMERD_AUTH_KEY_SOURCE_H
#define CUSTOMERD_AUTH_KEY_SOURCE_H

#include "customerd/core/clock.h"
#include "customerd/core/http_client.h"
#include "customerd/core/log.h"

#include "key_set.h"

struct key_source;

struct key_source_options {
    const char *from;                /* an http or https address, or a file's path; copied */
    const char *ca_file;             /* of the CAs for https; NULL or "": the system's; borrowed */
    const struct http_client *http;  /* these outlive the source */
    const struct clock *clock;
    struct log *log;                 /* may be NULL */
};

/* Starts the thread. A file is read by the caller first: NULL and err when it has no key that can serve. */
struct key_source *key_source_new(const struct key_source_options *options, struct error *err);
/* Cancels a fetch and joins. Accepts NULL. */
void key_source_destroy(struct key_source *s);

/* The newest set, to be released; NULL when there has been none yet. Any thread; does not wait. */
struct key_set *key_source_get(struct key_source *s);
/* Asks for a newer set than `known` (may be NULL) and waits for it, until the deadline (monotonic) at most; not at all when
 * it was asked for a moment ago. The newest set, to be released, or NULL. *certain: nothing newer is to be had now; false
 * while a fetch is on its way (also for whoever could not wait for it, since many do) and when the last one failed. */
struct key_set *key_source_get_newer(struct key_source *s, const struct key_set *known, int64_t deadline_ms,
                                     bool *certain);

struct key_source_state {
    size_t n_keys;        /* 0: none yet */
    int64_t age_ms;       /* since they were last fetched, or found unchanged; -1: never */
    uint64_t refreshes, failures;
    char last_failure[160]; /* "" when the last refresh went well */
};

void key_source_state(struct key_source *s, struct key_source_state *out);
/* Counts the sets that lacked a key, or had it otherwise, than the one before. */
uint64_t key_source_withdrawals(struct key_source *s);

#endif
