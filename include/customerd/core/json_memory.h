/* json_memory: JSON texts that are read as they stand, or not at all.
 *
 * Where jansson's reader can't grow the buffer of a name or a string, it drops the bytes and goes on: the tree is whole, and its
 * texts are cut. So its allocations are made here, and a text in whose reading one failed is not believed. */
#ifndef CUSTOMERD_CORE_JSON_MEMORY_H
#define CUSTOMERD_CORE_JSON_MEMORY_H

#include <jansson.h>

#include "customerd/core/attributes.h"

/* Before any thread starts. NULL means malloc; what it gives is freed by free. */
void json_memory_init(void *(*allocate)(size_t size));

/* As json_loadb; NULL, with json_error_out_of_memory, when an allocation failed. why may be NULL. */
json_t *json_memory_load(const char *text, size_t len, size_t flags, json_error_t *why) MUST_USE;

#endif
