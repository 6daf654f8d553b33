/* route: which handler serves a method of a path.
 *
 * A resource is a file with handlers and its table of routes; routes.c lists the resources. The first template that fits a
 * path decides, so a literal segment stands before {id}, which is a UUID in the strict sense: another text is no path.
 * Another name in braces ({sku}) takes any segment that is not empty; with dots at its end ({key...}) the whole rest of
 * the path. These are handed on raw: what they may hold is the handler's business. */
#ifndef CUSTOMERD_API_ROUTE_H
#define CUSTOMERD_API_ROUTE_H

#include <stdio.h>

#include "customerd/api/app.h"
#include "customerd/api/access.h"
#include "customerd/api/request.h"
#include "customerd/api/response.h"
#include "customerd/core/findings.h"

enum method { METHOD_GET, METHOD_POST, METHOD_PUT, METHOD_PATCH, METHOD_DELETE, METHODS };

struct route;

#define ROUTE_ALLOW_SIZE 64

/* What a path came to. */
struct route_match {
    const struct route *route; /* NULL when the method is not served there, or is OPTIONS */
    const char *label;         /* the template; NULL when there is no such path */
    bool options;
    const struct route *first; /* the rows of the template begin here; NULL for "*" */
};

/* What a write came to, for the audit. */
struct audit {
    struct uuid id;
    uint64_t version; /* 0: none is known */
    bool id_known;
    bool replayed;
    char subject[64]; /* who, where no bearer token says it */
};

/* One request and its answer on their way through the service. */
struct exchange {
    struct app *app;
    bool public;              /* on the callers' listener, not on the operator's */
    bool shed;                /* more requests run than may: this one is only answered so */
    struct request request;
    struct response response;
    struct route_match match;
    struct admission admission; /* whether the caller may ask this */
    struct findings findings;   /* of a body that is not valid */
    struct uuid owner;          /* of an e-mail that is taken */
    bool owner_known;
    struct audit audit;
    enum status outcome;        /* of the failure that is answered; OK for none */
};

/* Fills the response. On failure the response keeps only its header fields, and the problem is made from err, the
 * findings and the owner. */
typedef enum status (*route_handler_fn)(struct exchange *x, struct error *err);

struct route {
    enum method method;
    const char *path;          /* the template; NULL ends a table */
    const char *operation;     /* its name in the contract and in the audit */
    const char *scope;         /* that a caller's token must have; NULL: anybody may ask */
    /* Instead of a bearer token: finds out who calls from the head alone, and names it in x->admission; or NULL. */
    route_handler_fn admit;
    route_handler_fn handler;
    const char *const *params; /* the known query parameters, NULL-terminated; NULL: none */
    const char *produces;      /* the media type of its successes; NULL: application/json; CONTENT_TYPE_ANY, CONTENT_TYPE_NONE */
    unsigned body;             /* the content types that are taken (enum content_type); 0: a body is ignored */
    /* How long a body may be. The request has time for it beyond its deadline, which counts from the body's end then. NULL:
     * CUSTOMERD_BODY_MAX_BYTES. */
    int64_t (*body_max_bytes)(const struct app *app);
    bool reads;                /* changes nothing, whatever its method */
    bool if_match_required;    /* when the service is configured so */
};

/* Looks through NULL-terminated tables; fills request->resource and request->segments. */
void route_find(const struct route *const *tables, struct request *request, struct route_match *out);
/* The methods of a path that was found, as Allow lists them. */
void route_allow(const struct route_match *match, char out[ROUTE_ALLOW_SIZE]);

/* The rows of a listener's tables in Markdown, for `customerd config --routes`. HEAD and OPTIONS have no rows: HEAD is
 * served where GET is, OPTIONS everywhere. */
void route_print_reference(const char *listener, const struct route *const *tables, FILE *out);

/* Every resource's, the documentation's, and NULL. */
#define ROUTE_TABLES_SIZE 8
extern const struct route *const routes_admin[];
extern const struct route docs_routes[];
extern const struct route admin_routes[];

/* What methods are called in metrics and in the log: those of enum method, HEAD, OPTIONS, and last "_OTHER" for what is no
 * method that the service knows. */
#define ROUTE_METHOD_LABELS (METHODS + 3)
extern const char *const route_method_labels[ROUTE_METHOD_LABELS];

/* One of them. */
const char *route_method_label(struct slice method);

/* Finds the route and makes the checks that need no body: the message's head, who calls, how often. May be called before the
 * body is there. On failure the exchange is to be finished with err. */
enum status exchange_admit(struct exchange *x, const struct route *const *tables, struct error *err) MUST_USE;
/* How long the body may be of a request whose route is known, or found missing. */
int64_t exchange_body_max_bytes(const struct exchange *x);
/* Whether it may change something. */
bool exchange_is_write(const struct exchange *x);
/* For an exchange that was admitted: the checks that are left, then the handler. */
enum status exchange_handle(struct exchange *x, struct error *err) MUST_USE;
/* Makes the problem if there is one, and adds what every answer carries. The response is usable then, whatever happened. */
void exchange_finish(struct exchange *x, enum status status, const struct error *err);

void exchange_init(struct exchange *x, struct app *app);
void exchange_clean_up(struct exchange *x);

#endif
