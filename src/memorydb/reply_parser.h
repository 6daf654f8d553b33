/* reply_parser: makes a struct reply of the bytes of one whole reply. One owner; not thread-safe. */
#ifndef CUSTOMERD_MEMORYDB_REPLY_PARSER_H
#define CUSTOMERD_MEMORYDB_REPLY_PARSER_H

#include "customerd/core/attributes.h"
#include "customerd/memorydb/reply.h"

struct reply_parser;

/* NULL when out of memory. */
struct reply_parser *reply_parser_new(void);
void reply_parser_destroy(struct reply_parser *p);
/* bytes: exactly one reply, as resp_scan found it. NULL when it can't be parsed or memory is out. */
struct reply *reply_parse(struct reply_parser *p, struct slice bytes) MUST_USE;
/* Accepts NULL. Any thread. */
void reply_free(struct reply *r);

#endif
