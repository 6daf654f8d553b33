/* sessions: sessions of customers and their carts. Each function is one thing that a client can ask for; all of them may be
 * called by any thread. How they are kept: src/sessions/README.md. */
#ifndef CUSTOMERD_SESSIONS_SESSIONS_H
#define CUSTOMERD_SESSIONS_SESSIONS_H

#include "customerd/core/findings.h"
#include "customerd/core/uuid.h"
#include "customerd/memorydb/cluster.h"
#include "customerd/sessions/settings.h"
#include "customerd/sessions/token.h"

#define SESSIONS_PER_CUSTOMER 16
#define SESSION_ATTRIBUTES_MAX 32
#define SESSION_ATTRIBUTES_MAX_BYTES 4096
#define SESSION_ATTRIBUTE_NAME_MAX_CHARS 40
#define SESSION_ATTRIBUTE_VALUE_MAX_CHARS 256
#define SESSION_FROM_MAX_CHARS 128
#define CART_ITEMS_MAX 100
#define CART_SKU_MAX_CHARS 64
#define CART_QUANTITY_MAX 9999
#define CART_UNIT_PRICE_MAX 1000000000
/* All of it: CART_ITEMS_MAX * CART_QUANTITY_MAX * CART_UNIT_PRICE_MAX is below 2^53, so that totals are exact everywhere. */

struct sessions;

struct sessions_options {
    struct cluster *cluster; /* borrowed */
    int64_t request_timeout_ms;
    struct sessions_settings settings;
};

/* Starts nothing. NULL and err when out of memory. */
struct sessions *sessions_new(const struct sessions_options *options, struct error *err);
/* Accepts NULL. */
void sessions_destroy(struct sessions *s);
/* Appends what came of sessions (core/metrics.h). */
void sessions_write_metrics(struct sessions *s, struct buf *out);

/* ---- what a client says ---- */

struct session_opening {
    struct uuid customer;
    bool cookie;            /* the token is to go into a cookie */
    struct buf from;        /* where the client says that it is; may be empty */
    struct buf attributes;  /* as patch takes them */
};
void session_opening_init(struct session_opening *o);
void session_opening_clean_up(struct session_opening *o);
/* The body of POST /sessions. MALFORMED_JSON or INVALID_REQUEST, with the findings. */
enum status session_opening_parse(struct slice body, struct session_opening *out, struct findings *f,
                                  struct error *err) MUST_USE;
/* The body of PATCH /session: appends the changes of the attributes as the script takes them. */
enum status session_patch_parse(struct slice body, struct buf *changes, struct findings *f, struct error *err) MUST_USE;

struct cart_change {
    struct slice sku;    /* empty: all of the cart, which can only be taken out */
    bool take_out;
    uint32_t quantity;
    uint64_t unit_price;
    struct slice if_match;      /* "" not given, "*" any version, else ",3,7," */
    struct slice if_none_match;
};
/* 1 to CART_SKU_MAX_CHARS letters, digits and ._~-, the first a letter or digit: what no URL has to escape. */
bool cart_sku_is_valid(struct slice sku);
/* The body of PUT /session/cart/items/{sku}: fills quantity and unit_price. */
enum status cart_item_parse(struct slice body, struct cart_change *out, struct findings *f, struct error *err) MUST_USE;

/* ---- what can be asked for ---- */

/* What a request came to. Initialise with session_answer_init, clean up whatever the status. */
struct session_answer {
    struct uuid customer;
    struct uuid id;
    bool known;                 /* customer and id are filled */
    uint64_t cart_version;      /* on PRECONDITION_FAILED the current one */
    int64_t ends_in_ms;         /* at most, however often it is seen */
    struct session_token token; /* the new one, of open and rotate; wiped */
    struct buf json;            /* what is served: the session, the cart, or the list */
};
void session_answer_init(struct session_answer *a);
void session_answer_clean_up(struct session_answer *a);

enum session_view { VIEW_SESSION, VIEW_SESSION_WITH_TOKEN, VIEW_CART };

/* INVALID_REQUEST, with a finding, when the customer is absent. */
enum status sessions_open(struct sessions *s, const struct session_opening *in, int64_t now_ms, int64_t deadline_ms,
                          struct session_answer *out, struct findings *f, struct error *err) MUST_USE;

/* With the name that a token gives. Each fails with UNAUTHORIZED when the session has ended, or never was. */
enum status sessions_visit(struct sessions *s, const struct session_name *name, enum session_view view,
                           int64_t deadline_ms, struct session_answer *out, struct error *err) MUST_USE;
enum status sessions_patch(struct sessions *s, const struct session_name *name, struct slice changes, int64_t deadline_ms,
                           struct session_answer *out, struct findings *f, struct error *err) MUST_USE;
/* PRECONDITION_FAILED with the cart's version; INVALID_REQUEST when the cart is full. */
enum status sessions_change_cart(struct sessions *s, const struct session_name *name, const struct cart_change *change,
                                 int64_t deadline_ms, struct session_answer *out, struct error *err) MUST_USE;
/* VIEW_SESSION_WITH_TOKEN: the answer's JSON tells the new one. */
enum status sessions_rotate(struct sessions *s, const struct session_name *name, enum session_view view,
                            int64_t deadline_ms, struct session_answer *out, struct error *err) MUST_USE;
enum status sessions_finish(struct sessions *s, const struct session_name *name, int64_t deadline_ms,
                            struct session_answer *out, struct error *err) MUST_USE;

/* With a customer's id. NOT_FOUND when the customer is absent. */
enum status sessions_list(struct sessions *s, const struct uuid *customer, int64_t deadline_ms, struct session_answer *out,
                          struct error *err) MUST_USE;
enum status sessions_finish_all(struct sessions *s, const struct uuid *customer, int64_t deadline_ms,
                                struct error *err) MUST_USE;

#endif
