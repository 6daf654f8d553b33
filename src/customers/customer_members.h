/* customer_members: the rules of the client-owned members, and their JSON texts. */
#ifndef CUSTOMERD_CUSTOMERS_CUSTOMER_MEMBERS_H
#define CUSTOMERD_CUSTOMERS_CUSTOMER_MEMBERS_H

#include <jansson.h>

#include "customerd/customers/customer.h"

/* The name in JSON, as a literal. */
const char *customer_member_name(enum customer_member member);

/* Which members must be there. */
enum members_kind {
    MEMBERS_CREATE,  /* the name */
    MEMBERS_REPLACE, /* the name and the balance */
    MEMBERS_PATCH    /* none, but these two must not be null */
};

/* Adds a finding for each client-owned member that breaks its rule, and appends the e-mail's normal form, if there is
 * one. INTERNAL when memory is out. */
enum status members_check(const json_t *object, enum members_kind kind, struct buf *email_normal, struct findings *f,
                          struct error *err) MUST_USE;
/* Adds a finding for each member that is neither client-owned nor server-owned, and for an id other than the path's
 * (NULL: any id is ignored). */
void members_check_names(json_t *object, const struct uuid *id, struct findings *f);

/* Fills out->json and out->storage from members that passed members_check (an absent balance is 0). INVALID when the
 * whole is too large. */
enum status members_fill(const json_t *object, struct customer *out, struct findings *f, struct error *err) MUST_USE;

/* Removes what the server owns, which a request's body may hold but which counts for nothing. */
void members_drop_server_owned(json_t *object);

/* What customer_render appends at most: with the longest version. */
size_t customer_served_bytes(const struct customer *c);

/* The member of that name nearest to a misspelt one, NULL when none is near; server-owned ones included. */
const char *members_nearest(struct slice name);

#endif
