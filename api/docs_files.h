/* docs_files: the files that the build embeds, made into a table by openapi/embed.py. */
#ifndef CUSTOMERD_API_DOCS_FILES_H
#define CUSTOMERD_API_DOCS_FILES_H

#include "customerd/core/slice.h"

struct docs_file {
    const char *path; /* where it is served; NULL ends the table */
    const char *tag;  /* the inside of its entity tag: a digest of the content */
    struct slice content;
};

extern const struct docs_file docs_files[];

#endif
