/* json_scan: is a text JSON (RFC 8259), and if not, where and why. Runs before the parser, which gives vague positions,
 * recurses as deep as the text does, and takes a number too large for it for a syntax error. */
#ifndef CUSTOMERD_CORE_JSON_SCAN_H
#define CUSTOMERD_CORE_JSON_SCAN_H

#include "customerd/core/attributes.h"
#include "customerd/core/slice.h"

struct json_fault {
    size_t offset;        /* in bytes */
    const char *expected; /* a literal: "a value" */
    char found[32];       /* "the end of the body", "','"; empty for a letter or digit, so that no value shows */
};

struct json_scan_result {
    bool well_formed;
    struct json_fault fault; /* when it is not */
    bool nul_in_name;        /* a member's name holds U+0000, which the parser can't represent */
};

/* Checks text, at most max_depth levels deep. Overwrites each number that is not an integer of at most 18 characters with
 * a fraction of the same length (0.000), so that the parser, whatever its number types, takes it for a number that is
 * no integer, and all positions stay. */
struct json_scan_result json_scan(char *text, size_t len, unsigned max_depth) MUST_USE;

/* Line (from 1, by line feeds) and column (from 1, in code points) of an offset. */
void json_position(struct slice text, size_t offset, int *line, int *column);

#endif
