/* findings: everything that is wrong with a body, found in one pass, as the `errors` member of a problem response:
 * each with a JSON pointer (RFC 6901) and what was expected. */
#ifndef CUSTOMERD_CORE_FINDINGS_H
#define CUSTOMERD_CORE_FINDINGS_H

#include "customerd/core/buf.h"

#define FINDINGS_MAX 64             /* more are counted, not kept */
#define FINDINGS_TOKEN_MAX_BYTES 128 /* a longer reference token is cut, and ends with an ellipsis */

struct findings {
    struct buf json;  /* the inside of a JSON array: {"pointer":"/name","detail":"..."},... */
    size_t count;
    int line, column; /* of malformed JSON, from 1, the column in code points; 0 when the body was well-formed */
    size_t offset;    /* in bytes, from 0 */
};

void findings_init(struct findings *f);
void findings_clean_up(struct findings *f);
/* Adds one; `member` and `sub` are unescaped reference tokens (sub may be empty: no second level; both empty: the whole
 * document). The detail says what was expected and holds no value of the client's. */
void findings_add(struct findings *f, struct slice member, struct slice sub, const char *format, ...) PRINTF_LIKE(4, 5);
/* As findings_add with a path of up to eight tokens, in which an empty token is a member whose name is empty. */
void findings_add_at(struct findings *f, const struct slice *tokens, size_t n_tokens, const char *format, ...)
    PRINTF_LIKE(4, 5);

#endif
