/* edit_distance: how far a misspelt name is from a known one, for "did you mean".
 *
 * Levenshtein's distance: the least number of bytes inserted, removed or changed. */
#ifndef CUSTOMERD_CORE_EDIT_DISTANCE_H
#define CUSTOMERD_CORE_EDIT_DISTANCE_H

#include "customerd/core/slice.h"

/* Longer texts are cut here, so that the work is bounded whatever a client sends. */
#define EDIT_DISTANCE_MAX_BYTES 64

enum edit_case {
    EDIT_CASE_MATTERS,
    EDIT_CASE_IGNORED, /* of ASCII letters */
};

/* In bytes. Any thread. */
size_t edit_distance(struct slice a, struct slice b, enum edit_case letters);

#endif
