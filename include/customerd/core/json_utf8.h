/* json_utf8: UTF-8 (RFC 3629), strictly: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef CUSTOMERD_CORE_JSON_UTF8_H
#define CUSTOMERD_CORE_JSON_UTF8_H

#include <stdint.h>

#include "customerd/core/attributes.h"
#include "customerd/core/slice.h"

/* The length of the code point that text begins with, 1 to 4; 0 when there is none. */
size_t utf8_decode(struct slice text, uint32_t *code_point) MUST_USE;

/* What the rules ask of a text. */
struct utf8_facts {
    bool valid; /* what follows means nothing otherwise */
    size_t chars;
    bool ascii;
    bool has_nul;
    bool has_control;     /* category Cc, U+0000 included: U+0000-001F and U+007F-009F */
    bool has_unprintable; /* a control character other than line feed, carriage return and tab */
};

struct utf8_facts utf8_look(struct slice text);

#endif
