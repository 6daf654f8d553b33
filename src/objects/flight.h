/* flight: those that want the same object at the same time, of whom one asks and the others wait for its answer.
 *
 * An answer is not for everybody who waits: a write may have ended since it was asked for, and whoever came after that must
 * not get what was there before. So each question has a number, and each that waits knows how many had been asked when it
 * came: it takes what was asked for later than that. Where an answer leaves some of them without, one of those asks next, for
 * all of them. */
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
    uint64_t question;         /* for those that came before it; 0: for nobody else */
    enum object_source source;
    int64_t age_ms;
    struct object_bytes *bytes;     /* FLIGHT_OBJECT: a reference */
    struct error failure;      /* FLIGHT_FAILED */
};

/* What one that has entered a flight knows of it. */
struct seat {
    struct flight *flight;
    bool leads;       /* it is the one that asks */
    uint64_t entered; /* so many questions had been asked */
};

/* Takes a seat in the flight to that key. False when out of memory. */
bool flight_enter(struct flights *fs, struct slice key, struct seat *out);

/* ---- the one that asks ---- */

/* Before each question whose answer may become the result: the question's number. */
uint64_t flight_ask(struct flight *f);
void flight_pause(struct flight *f, int64_t ms);
/* Once for each who led. The reference to the bytes changes hands; the flight is left. */
void flight_finish(struct flights *fs, struct flight *f, const struct flight_result *result);

/* ---- the others ---- */

enum flight_wait { FLIGHT_RESULT, FLIGHT_LEAD, FLIGHT_LATE };

/* Waits for what comes first: a result for this seat (*out, whose bytes the caller releases), the lead, or the deadline. The flight is
 * left, unless the caller leads it now. */
enum flight_wait flight_wait(struct flights *fs, const struct seat *seat, int64_t deadline_ms, struct flight_result *out);
/* Without its result. */
void flight_leave(struct flights *fs, struct flight *f);

#endif
