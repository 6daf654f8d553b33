#include "customerd/core/json_memory.h"

#include <stdio.h>
#include <stdlib.h>

/* jansson's functions for memory are the process's, and have no context; so is this. */
static void *(*underlying)(size_t size) = malloc;
static _Thread_local unsigned long failures;

static void *counted_malloc(size_t size)
{
    void *block = underlying(size);
    if (block == NULL)
        failures++;
    return block;
}

void json_memory_init(void *(*allocate)(size_t size))
{
    underlying = allocate == NULL ? malloc : allocate;
    json_set_alloc_funcs(counted_malloc, free);
}

/* The code stands in the text's last byte, where json_error_code looks for it. */
static void set_out_of_memory(json_error_t *why)
{
    why->line = why->column = -1;
    why->position = 0;
    (void)snprintf(why->text, sizeof why->text, "out of memory");
    why->text[JSON_ERROR_TEXT_LENGTH - 1] = (char)json_error_out_of_memory;
}

json_t *json_memory_load(const char *text, size_t len, size_t flags, json_error_t *why)
{
    json_error_t ignored;
    unsigned long before = failures;
    if (why == NULL)
        why = &ignored;
    json_t *tree = json_loadb(text, len, flags, why);
    if (failures == before)
        return tree;
    json_decref(tree);
    set_out_of_memory(why);
    return NULL;
}
