/* probe_calls: calls out of JSON.
 *
 *     {"lane":"read","slot_key":"k","args":["GET","k"]}
 *     {"lane":"write","shard":0,"args":["PING"]}
 *     {"lane":"write","slot_key":"k","script":"return 1","keys":["k"],"argv":[]} */
#ifndef CUSTOMERD_TESTS_SIM_PROBE_CALLS_H
#define CUSTOMERD_TESTS_SIM_PROBE_CALLS_H

#include <jansson.h>

#include "customerd/memorydb/cluster.h"

/* The scripts that were named so far; they live as long as the book, since a call may outlive its caller. */
struct script_book;

struct script_book *script_book_new(void);
void script_book_destroy(struct script_book *book);

/* NULL when the description makes no sense. */
struct call *probe_call_new(struct script_book *book, const json_t *description);

#endif
