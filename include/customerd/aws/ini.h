/* ini: AWS's configuration files: sections, keys and values, with values that go on in deeper indented lines.
 *
 * Comments fill whole lines ("#" or ";"). Key names are compared without case; of repeated keys the last counts.
 * https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html */
#ifndef CUSTOMERD_AWS_INI_H
#define CUSTOMERD_AWS_INI_H

#include "customerd/core/buf.h"
#include "customerd/core/status.h"

struct ini_entry {
    struct slice section;
    struct slice key;   /* empty: the section's own line */
    struct slice value; /* trimmed; holds the line breaks of a value over several lines */
};

struct ini {
    struct ini_entry *entries; /* borrow from the text that was parsed */
    size_t n;
};

/* The text must outlive *out, which the caller cleans up. Fails with the line's number, never with what stands in it. */
enum status ini_parse(struct slice text, struct ini *out, struct error *err) MUST_USE;
void ini_clean_up(struct ini *ini);

#endif
