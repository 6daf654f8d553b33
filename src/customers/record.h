/* record: the stored forms, as the scripts write them (src/customers/scripts/lib). Numbers are big-endian.
 *
 *   record   format 1 (1 byte), version (6), updated ms (6), en (6), bn (6), eh (16, only when en > 0), body
 *   claim    id (16), claim number (6)
 *   release  eh (16), claim (22)
 *   intent   claim number (6), eh (16), deadline ms (6), attempt (8), operation id (16)
 *   marker   fingerprint (16), attempt (8), id (16), version (6), updated ms (6), body */
#ifndef CUSTOMERD_CUSTOMERS_RECORD_H
#define CUSTOMERD_CUSTOMERS_RECORD_H

#include "customerd/core/attributes.h"
#include "keys.h"

#define CLAIM_BYTES 22
#define RELEASE_BYTES 38
#define ATTEMPT_BYTES 8
#define FINGERPRINT_BYTES 16

/* Views borrow from the text that was parsed. All parsers return false when the text is not of the form. */

struct record {
    uint64_t version;
    int64_t updated_ms;
    uint64_t en;           /* 0: no e-mail */
    uint64_t bn;
    const uint8_t *eh;     /* NULL without e-mail */
    struct slice body;
};
bool record_parse(struct slice text, struct record *out) MUST_USE;

struct claim {
    struct uuid id;
    uint64_t n;
};
bool claim_parse(struct slice text, struct claim *out) MUST_USE;
void claim_format(const struct claim *claim, uint8_t out[CLAIM_BYTES]);

struct intent {
    uint64_t n;
    const uint8_t *eh;
    int64_t deadline_ms;
};
bool intent_parse(struct slice text, struct intent *out) MUST_USE;

struct marker {
    struct uuid id;
    uint64_t version;
    int64_t updated_ms;
    struct slice fingerprint;
    struct slice body;
};
bool marker_parse(struct slice text, struct marker *out) MUST_USE;

#endif
