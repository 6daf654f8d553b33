/* docs_contract: the contract of what is switched on, made once of the parts that the build embeds. */
#ifndef CUSTOMERD_API_DOCS_CONTRACT_H
#define CUSTOMERD_API_DOCS_CONTRACT_H

#include "customerd/core/slice.h"

struct docs_contract;
struct resources;

/* NULL when out of memory. */
struct docs_contract *docs_contract_new(const struct resources *resources);
/* Accepts NULL. */
void docs_contract_destroy(struct docs_contract *d);

struct slice docs_contract_json(const struct docs_contract *d);
/* The inside of its entity tag: a digest of the content. */
const char *docs_contract_tag(const struct docs_contract *d);

#endif
