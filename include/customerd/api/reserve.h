/* reserve: memory that is kept for the HTTP framework, for the moment in which there is none.
 *
 * ulfius and the libraries around it (orcania, librhonabwy) use what an allocation gave without looking, or free what it
 * left half-made: a failure ends in corrupted memory. So what they ask for comes from here: from malloc, else from blocks that
 * were allocated before (and by malloc too, since whoever gets one frees it by free); they are replaced as soon as malloc gives
 * again. When none is left the program ends, with a word: better than going on with what is no memory. Blocks larger than
 * RESERVE_MAX_BYTES (bodies) are refused instead, which the framework bears. */
#ifndef CUSTOMERD_API_RESERVE_H
#define CUSTOMERD_API_RESERVE_H

#include <stdbool.h>
#include <stddef.h>

#include "customerd/core/attributes.h"

#define RESERVE_MAX_BYTES 8192

struct reserve_functions {
    void *(*malloc)(size_t size);
    void *(*realloc)(void *block, size_t size);
    void (*exhausted)(void); /* does not return */
};

/* Fills the reserve; false when out of memory. Before any thread starts. `underlying` is what is asked first, and is for tests:
 * NULL means malloc, realloc, and the end of the program. */
bool reserve_init(const struct reserve_functions *underlying) MUST_USE;
void reserve_clean_up(void);

/* As malloc and realloc. Any thread. */
void *reserve_malloc(size_t size);
void *reserve_realloc(void *block, size_t size);

#endif
