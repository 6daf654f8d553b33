/* write: what create, replace, patch and delete share: one request's write in progress. */
#ifndef CUSTOMERD_CUSTOMERS_WRITE_H
#define CUSTOMERD_CUSTOMERS_WRITE_H

#include "operation.h"

#define PRECONDITION_TEXT_SIZE (PRECONDITION_VERSIONS_MAX * 21 + 2)

struct write {
    struct customers *c;
    const struct uuid *id;
    const struct write_options *options;
    struct operation op;
    char if_match[PRECONDITION_TEXT_SIZE];      /* as the scripts take it: "", "*" or ",3,7," */
    char if_none_match[PRECONDITION_TEXT_SIZE];
    uint64_t base;                              /* the version that body was made from; 0: any */
    struct buf body;                            /* encoded customer */
    uint8_t eh[EMAIL_HASH_BYTES];
    bool has_email;
    struct answer *answer;
};

/* What is asked for: a whole customer, a patch, or (both NULL) a delete. */
struct write_request {
    const struct uuid *id; /* may be filled after write_init */
    const struct customer *customer;
    const struct customer_patch *patch;
    const struct write_options *options;
};

/* Fills w, except body and e-mail. body is cleaned up by write_clean_up, whatever the status. */
enum status write_init(struct write *w, struct customers *c, const struct write_request *request, struct answer *answer,
                       struct error *err) MUST_USE;
void write_clean_up(struct write *w);
/* Takes the customer's encoding and e-mail into w. */
enum status write_set_customer(struct write *w, const struct customer *customer, struct error *err) MUST_USE;

/* If-Match, If-None-Match and the base version, as replace, begin and commit take them. */
void write_condition_args(const struct write *w, struct args *args);

/* Turns the words that end a write into its answer: done (rendered from w->body; release handed to the healer), replay,
 * mismatch, missing, precondition, running, busy, and anything else as UPDATE_IN_PROGRESS. */
enum status write_finish(struct write *w, enum word word, const struct reply *reply, struct error *err) MUST_USE;

/* The status of a refusal, unless it may pass away and the write is in doubt (call_refused_in_doubt). */
enum status write_refused(bool in_doubt, enum status status, struct error *err) MUST_USE;

/* How an e-mail change ended, when it did not end in an answer. */
enum change { CHANGE_ANSWERED, CHANGE_CONFLICT /* another version meanwhile */, CHANGE_SAME /* it has this e-mail now */ };

/* Gives the customer its new body and its new e-mail w->eh: begin, claim, commit. */
enum status email_change(struct write *w, enum change *out, struct error *err) MUST_USE;

/* EMAIL_TAKEN with the owner in the answer, or UPDATE_IN_PROGRESS while somebody's change to it is under way; OK when the
 * claim may be taken over. */
enum status write_resolve(struct write *w, const struct reply *taken, struct slice *stale_claim, struct error *err) MUST_USE;

#endif
