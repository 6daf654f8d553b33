/* verdict: what a server's error reply asks for, by its first word. */
#ifndef CUSTOMERD_MEMORYDB_VERDICT_H
#define CUSTOMERD_MEMORYDB_VERDICT_H

#include <stdint.h>

#include "customerd/core/slice.h"
#include "customerd/core/status.h"

enum verdict {
    VERDICT_MOVED,      /* another node owns the slot from now on */
    VERDICT_ASK,        /* another node has the key this once */
    VERDICT_AGAIN,      /* TRYAGAIN, LOADING, MASTERDOWN, BUSY: not executed, later it will be */
    VERDICT_LOST,       /* CLUSTERDOWN, READONLY: the map may be stale; look, and try again */
    VERDICT_NO_SCRIPT,  /* send the script's text */
    VERDICT_RECONNECT,  /* NOAUTH, too many clients: this connection is of no use */
    VERDICT_FINAL       /* verdict_status says how the call ends */
};

struct verdict_redirect {
    uint16_t slot;
    struct slice host; /* empty: the node that was asked */
    uint16_t port;
};

enum verdict verdict_of(struct slice error_text);
/* How a VERDICT_FINAL error ends the call. */
enum status verdict_status(struct slice error_text);
/* Whether the answer to a script means that nothing was written: the server did not begin, or the script's own check of
 * the types, which comes before its writes, ended it. Any other error may have come up in the middle. */
bool verdict_not_executed(struct slice error_text);
/* The target of MOVED and ASK; false when it can't be understood. */
bool verdict_redirect(struct slice error_text, struct verdict_redirect *out);
/* The error's first word, at most 32 characters of [A-Z0-9_]; "" when it has none. For logs: the rest may hold data. */
struct slice verdict_word(struct slice error_text);

#endif
