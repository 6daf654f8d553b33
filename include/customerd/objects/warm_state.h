/* warm_state: a file that holds how far a run of `customerd warm` has come, so that the next one goes on there. */
#ifndef CUSTOMERD_OBJECTS_WARM_STATE_H
#define CUSTOMERD_OBJECTS_WARM_STATE_H

#include "customerd/objects/warm_queue.h"

/* What a run warms; another one must not go on with its state. All are UTF-8. */
struct warm_scope {
    const char *bucket;
    const char *prefix; /* "": all */
    const char *list;   /* a file of keys; NULL: S3's own listing */
};

/* Leaves *out as it is when there is no such file. BAD_PARAMETER when it is of another scope, or no state. */
enum status warm_state_read(const char *path, const struct warm_scope *scope, struct warm_mark *out, struct error *err) MUST_USE;
/* Replaces the file as a whole, and brings it to the disk: whenever the machine stops, the old one is there or the new one. */
enum status warm_state_write(const char *path, const struct warm_scope *scope, const struct warm_mark *mark,
                             struct error *err) MUST_USE;

#endif
