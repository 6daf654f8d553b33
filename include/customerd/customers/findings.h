/* findings: everything that is wrong with a body, at once, each with a JSON pointer (RFC 6901) and what was expected. */
#ifndef CUSTOMERD_CUSTOMERS_FINDINGS_H
#define CUSTOMERD_CUSTOMERS_FINDINGS_H

#include "customerd/core/buf.h"

#define FINDINGS_MAX 64 /* more are counted, not kept */

struct findings {
    struct buf json;  /* the inside of a JSON array: {"pointer":"/name","detail":"..."},... */
    size_t count;
    int line, column; /* of malformed JSON, from 1; 0 when the body was well-formed */
    size_t offset;    /* in bytes, from 0 */
};

void findings_init(struct findings *f);
void findings_clean_up(struct findings *f);
/* Adds one; `member` and `sub` are unescaped reference tokens (sub may be empty: no second level; both empty: the whole
 * document). The detail says what was expected and holds no value of the client's. */
void findings_add(struct findings *f, struct slice member, struct slice sub, const char *format, ...) PRINTF_LIKE(4, 5);

#endif
