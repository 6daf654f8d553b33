/* preconditions: If-Match and If-None-Match (RFC 9110 section 13.1). A customer's entity tag is its version in quotes. */
#ifndef CUSTOMERD_API_PRECONDITIONS_H
#define CUSTOMERD_API_PRECONDITIONS_H

#include "customerd/core/status.h"
#include "customerd/customers/customers.h"

enum tag_comparison {
    TAGS_STRONG, /* If-Match: weak tags never match */
    TAGS_WEAK    /* If-None-Match: W/"3" matches "3" */
};

/* value is the field's whole value: "*" or a list of entity tags. Fails with BAD_REQUEST when it is neither, or lists
 * more than PRECONDITION_VERSIONS_MAX versions. field is for the message. */
enum status precondition_parse(const char *field, struct slice value, enum tag_comparison comparison,
                               struct precondition *out, struct error *err) MUST_USE;

/* For what has no versions. */
struct tag_search {
    const char *field;  /* for the message */
    struct slice value; /* the field's */
    struct slice tag;   /* what stands between the quotes */
    bool tag_is_weak;
    enum tag_comparison comparison;
};
/* Whether the value is "*" or lists the entity tag. Fails with BAD_REQUEST when it is neither "*" nor a list of entity tags. */
enum status precondition_search(const struct tag_search *search, bool *found, struct error *err) MUST_USE;
/* The same for a strong tag, by weak comparison. */
enum status precondition_names(const char *field, struct slice value, struct slice tag, bool *names,
                               struct error *err) MUST_USE;

/* Whether a customer of this version fulfils the list; true when the field was not given. */
bool precondition_lists(const struct precondition *p, uint64_t version);

#endif
