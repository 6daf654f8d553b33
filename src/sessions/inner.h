/* inner: what the sources of sessions share. */
#ifndef CUSTOMERD_SESSIONS_INNER_H
#define CUSTOMERD_SESSIONS_INNER_H

#include "customerd/core/metrics.h"
#include "customerd/memorydb/args.h"
#include "customerd/sessions/sessions.h"
#include "record.h"
#include "scripts.h"

/* What is counted. */
enum session_event { EVENT_OPENED, EVENT_VISITED, EVENT_ROTATED, EVENT_SIGNED_OUT, EVENT_CROWDED_OUT, EVENT_REFUSED, EVENTS };

struct sessions {
    struct sessions_options options;
    struct metrics_family *events;
};

#define ATTEMPT_BYTES 8

enum session_word { WORD_DONE, WORD_GONE, WORD_MISSING, WORD_CHANGED, WORD_PRECONDITION, WORD_FULL, WORD_MANY, WORD_LARGE, WORDS };

void sessions_count(struct sessions *s, enum session_event event, uint64_t n);

/* {tag}s<hash>: a session. {tag}l<customer's id>: a customer's sessions. {tag}m<attempt>: a change's marker. {tag}i: the index of
 * the bucket's customers. */
struct key session_key(const struct session_name *name);
struct key sessions_list_key(const struct uuid *customer);
struct key sessions_customers_key(uint8_t bucket);

/* Runs a script. On OK *call holds the reply, to be released by the caller, and *word its first element. On failure err tells
 * whether it may have been applied. */
enum status sessions_run(struct sessions *s, const struct script *script, uint8_t bucket, const struct args *args,
                         int64_t deadline_ms, struct call **call, enum session_word *word, struct error *err) MUST_USE;
/* GET of a key. On OK *call holds the reply. */
enum status sessions_read(struct sessions *s, uint8_t bucket, const struct key *key, int64_t deadline_ms, struct call **call,
                          struct error *err) MUST_USE;

/* The session of a reply {'done', now, session...}: its view, and what else the answer has. On failure err tells that the step
 * may have been applied. */
enum status sessions_answer(const struct reply *reply, enum session_view view, struct session_answer *out,
                            struct error *err) MUST_USE;
enum status sessions_damaged(struct error *err);

/* ---- JSON ---- */

/* Appends what is served at now_ms; false when the record's parts are damaged. token: NULL, or to be told. */
bool session_json(const struct session_record *r, int64_t now_ms, const struct session_token *token, struct buf *out) MUST_USE;
bool session_cart_json(const struct session_record *r, struct buf *out) MUST_USE;
/* One item of a customer's list. */
void session_listed_json(const struct session_record *r, struct buf *out);

#endif
