/* customers_http: how requests for customers are read, and how customers are written out. */
#ifndef CUSTOMERD_API_CUSTOMERS_HTTP_H
#define CUSTOMERD_API_CUSTOMERS_HTTP_H

#include "customerd/api/idempotency_key.h"
#include "customerd/api/route.h"
#include "customerd/customers/customers.h"

#define SCOPE_CUSTOMERS_READ "customers:read"
#define SCOPE_CUSTOMERS_WRITE "customers:write"

/* If-Match and If-None-Match. */
enum status customers_http_read_preconditions(const struct request *r, struct precondition *if_match,
                                              struct precondition *if_none_match, struct error *err) MUST_USE;

/* What a write needs besides its body; the options borrow from it and from the request. */
struct write_request {
    struct idempotency_key key;
    char path[sizeof "/customers/" + UUID_TEXT_SIZE]; /* canonical: one spelling of the id, one scope of the key */
    struct write_options options;
};

/* one_customer: the path holds an id, which is in the request's resource. */
enum status customers_http_read_write(struct exchange *x, bool one_customer, struct write_request *out,
                                      struct error *err) MUST_USE;

void customers_http_set_etag(struct response *out, uint64_t version);
/* Answers with the customer; its JSON goes out as it is stored, and leaves *a. */
void customers_http_put_customer(struct exchange *x, int http_status, struct answer *a);
/* What every write says besides its customer, be it done or refused. The owner of an e-mail is told to readers only. err is
 * looked at unless status is OK. */
void customers_http_put_outcome(struct exchange *x, enum status status, const struct answer *a, const struct error *err);
void customers_http_put_page(struct exchange *x, const struct page *page);

#endif
