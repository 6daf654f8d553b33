/* merge_patch: RFC 7396 over trees. */
#ifndef CUSTOMERD_CUSTOMERS_MERGE_PATCH_H
#define CUSTOMERD_CUSTOMERS_MERGE_PATCH_H

#include <jansson.h>

#include "customerd/core/attributes.h"

/* Returns the merge, which the caller owns, and takes the reference to target (NULL: there is none), which is changed in
 * place. patch stays as it is; the merge may share its strings, numbers and arrays. NULL when memory is out. */
json_t *merge_patch_take(json_t *target, json_t *patch) MUST_USE;

#endif
