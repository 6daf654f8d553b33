/* docs_files: what the build embeds: files, made into a table by openapi/embed.py, and the contract, by openapi/compose.py. */
#ifndef CUSTOMERD_API_DOCS_FILES_H
#define CUSTOMERD_API_DOCS_FILES_H

#include "customerd/core/slice.h"

struct docs_file {
    const char *path; /* where it is served; NULL ends the table */
    const char *tag;  /* the inside of its entity tag: a digest of the content */
    struct slice content;
};

extern const struct docs_file docs_files[];

/* A piece of the contract's text, in order. */
struct docs_part {
    const char *resource; /* that it belongs to; NULL: it is always there */
    const char *text;
    size_t length;        /* 0 ends the table */
};

extern const struct docs_part openapi_parts[];

#endif
