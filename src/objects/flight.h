/* flight: those that want the same object at the same time, of whom one asks and the others wait for its answer.
 *
 * An answer is not for everybody who waits: a write may have ended since it was asked for, and whoever came after that must
 * not get what was there before. So each question has a number, and each that waits knows how many had been asked when it
 * came: it takes what was asked for later than that, and otherwise asks itself. */
#ifndef CUSTOMERD_OBJECTS_FLIGHT_H
#define CUSTOMERD_OBJECTS_FLIGHT_H

#include "customerd/objects/objects.h"

#include "object_bytes.h"

struct flights;
struct flight;

struct flights *flights_new(void); /* NULL when out of memory */
void flights_destroy(struct flights *fs); /* accepts NULL */

enum flight_end {
    FLIGHT_OBJECT,
    FLIGHT_ABSENT,
    FLIGHT_TOO_LONG, /* it can't be shared: each asks for itself */
    FLIGHT_FAILED,
    FLIGHT_STALE     /* there is nothing newer than what each has found */
};

struct flight_result {
    enum flight_end end;
    uint64_t question;         /* for those that came before it */
    enum object_source source;
    int64_t age_ms;
    struct object_bytes *bytes;     /* FLIGHT_OBJECT: a reference */
    struct error failure;      /* FLIGHT_FAILED */
};

/* The flight to that key; *leads when there was none, and the caller is the one that asks. NULL when out of memory. */
struct flight *flight_enter(struct flights *fs, struct slice key, bool *leads);

/* ---- the one that asks ---- */

/* Before each question whose answer may become the result: the question's number. */
uint64_t flight_ask(struct flight *f);
void flight_pause(struct flight *f, int64_t ms);
/* Once. The bytes' reference changes hands; f is left. */
void flight_finish(struct flights *fs, struct flight *f, const struct flight_result *result);

/* ---- the others ---- */

/* Waits, and leaves the flight. False when it has no result for this caller by the deadline (*again is false), or at all
 * (*again). Else *out, whose bytes the caller releases. */
bool flight_wait(struct flights *fs, struct flight *f, int64_t deadline_ms, struct flight_result *out, bool *again);
/* Without its result. */
void flight_leave(struct flights *fs, struct flight *f);

#endif
