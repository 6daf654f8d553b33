/* route: which handler serves a method of a path.
 *
 * A resource is a file with handlers and its table of routes; routes.c lists the tables. The first template that fits a
 * path decides, so a literal segment stands before {id}, which is a UUID in the strict sense: another text is no path. */
#ifndef CUSTOMERD_API_ROUTE_H
#define CUSTOMERD_API_ROUTE_H

#include <stdio.h>

#include "customerd/api/app.h"
#include "customerd/api/request.h"
#include "customerd/api/response.h"
#include "customerd/customers/findings.h"

enum method { METHOD_GET, METHOD_POST, METHOD_PUT, METHOD_PATCH, METHOD_DELETE, METHODS };

/* One request and its answer on their way through the service. */
struct exchange {
    struct app *app;
    struct request request;
    struct response response;
    struct findings findings; /* of a body that is not valid */
    struct uuid owner;        /* of an e-mail that is taken */
    bool owner_known;
};

/* Fills the response. On failure the response keeps only its header fields, and the problem is made from err, the
 * findings and the owner. */
typedef enum status (*route_handler_fn)(struct exchange *x, struct error *err);

struct route {
    enum method method;
    const char *path;          /* the template; NULL ends a table */
    route_handler_fn handler;
    const char *const *params; /* the known query parameters, NULL-terminated; NULL: none */
    const char *produces;      /* the media type of its successes; NULL: application/json */
    unsigned body;             /* the content types that are taken (enum content_type); 0: a body is ignored */
    bool reads;                /* changes nothing, whatever its method */
    bool if_match_required;    /* when the service is configured so */
};

/* What a path came to. */
struct route_match {
    const struct route *route; /* NULL when the method is not served there, or is OPTIONS */
    const char *label;         /* the template; NULL when there is no such path */
    bool options;
    char allow[64];            /* the methods of the path, for Allow */
};

/* Looks through NULL-terminated tables; fills request->resource. */
void route_find(const struct route *const *tables, struct request *request, struct route_match *out);

/* The rows of a listener's tables in Markdown, for `customerd config --routes`. HEAD and OPTIONS have no rows: HEAD is
 * served where GET is, OPTIONS everywhere. */
void route_print_reference(const char *listener, const struct route *const *tables, FILE *out);

#define ROUTE_TABLES_SIZE 8
/* The tables of the public listener that the configuration switches on, NULL-terminated; all of them for NULL. */
void routes_choose_public(const struct config *config, const struct route *out[ROUTE_TABLES_SIZE]);
extern const struct route *const routes_admin[];
extern const struct route customers_routes[];
extern const struct route docs_routes[];
extern const struct route admin_routes[];

/* "GET" and so on; "_OTHER" for what is no method that the service knows. */
const char *route_method_label(struct slice method);

/* Runs the checks that are common to all requests, then the handler, then makes the problem if there is one. Returns the
 * route's template, "" when there is none. Never fails: the response is always usable. */
const char *exchange_run(struct exchange *x, const struct route *const *tables);

void exchange_init(struct exchange *x, struct app *app);
void exchange_clean_up(struct exchange *x);

#endif
