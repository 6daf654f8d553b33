/* problem: failures as application/problem+json (RFC 9457). */
#ifndef CUSTOMERD_API_PROBLEM_H
#define CUSTOMERD_API_PROBLEM_H

#include <stdio.h>

#include "customerd/api/response.h"
#include "customerd/core/status.h"
#include "customerd/core/findings.h"
#include "customerd/core/uuid.h"

struct problem {
    const struct error *error;
    struct slice instance;           /* the path, when it may be repeated; else empty */
    const char *request_id;
    const struct findings *findings; /* may be NULL */
    const struct uuid *owner;        /* of the e-mail; may be NULL */
    bool write;                      /* says `applied` where the fault is not the client's: 5xx */
    struct slice members;            /* further members, each with a comma before it */
};

/* Turns r into the problem: status, body, Content-Type, Cache-Control and Retry-After; its other fields stay. */
void problem_render(const struct problem *p, struct response *r);

/* A path that can be shown: nothing in it but letters, digits and "/-._~", so no address and no query. */
bool problem_path_is_plain(struct slice path);

/* The README's table of problem types, in Markdown. */
void problem_print_reference(FILE *out);

#endif
