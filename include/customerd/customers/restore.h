/* restore: makes data whole that are of different moments, and lets replicas write to them again. */
#ifndef CUSTOMERD_CUSTOMERS_RESTORE_H
#define CUSTOMERD_CUSTOMERS_RESTORE_H

#include "customerd/customers/customers.h"

struct restore_options {
    int64_t patience_ms;                         /* how long a step may fail before the restore does */
    void (*say)(void *ctx, const char *text);    /* a line of progress */
    void (*pause)(void *ctx, int64_t pause_ms);  /* sleeps */
    void *ctx;
};

struct restore_report {
    uint32_t epoch;
    uint64_t rolled_back;     /* begun e-mail changes */
    uint64_t released;        /* claims that had been given up */
    uint64_t repaired_claims; /* set anew for the customers that have their e-mail */
    uint64_t repaired_index;
    uint64_t removed_claims;  /* that nobody stood behind */
    uint64_t shared_emails;   /* customers whose e-mail another one has, too: somebody has to decide */
    uint64_t damaged;         /* what could not be read, and was passed over */
};

/* Raises the epoch, keeps every replica from writing, repairs, and lets them write. On failure replicas stay shut out: run
 * it again, which may be done at any time. Each repair is a line in the log. */
enum status customers_restore(const struct customers_options *options, const struct restore_options *how,
                              struct restore_report *out, struct error *err) MUST_USE;

#endif
