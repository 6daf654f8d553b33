/* xml: small, well-formed XML documents, as AWS's services answer with: all of one, or the text of one element.
 *
 * Knows elements, attributes (skipped), comments, the declaration, the five predefined entities and references by number.
 * Anything else (DOCTYPE, CDATA, processing instructions, other entities) or a tag that doesn't match makes the document
 * invalid: what is found is found for certain. */
#ifndef CUSTOMERD_AWS_XML_H
#define CUSTOMERD_AWS_XML_H

#include "customerd/core/buf.h"

#define XML_DEPTH_MAX 16

/* The open elements, the root first; the names borrow from the document. */
struct xml_place {
    struct slice open[XML_DEPTH_MAX];
    size_t depth;
};

/* What is met, in order; false from one of them makes the document invalid. */
struct xml_events {
    bool (*open)(void *ctx, const struct xml_place *place);  /* the new element is the last one of the place */
    bool (*close)(void *ctx, const struct xml_place *place); /* so is the one that ends */
    void (*text)(void *ctx, const struct xml_place *place, struct slice text); /* a part of it */
};

/* False when the document is not valid: what was told until then doesn't count. */
bool xml_read(struct slice document, const struct xml_events *events, void *ctx) MUST_USE;
/* Whether the place is the path: names of elements from the root on, ended by NULL. */
bool xml_is_at(const struct xml_place *place, const char *const *path);

enum xml_result { XML_FOUND, XML_ABSENT, XML_INVALID };

/* path: as above. The text is appended to out; it must hold no elements, and the element must not come twice. */
enum xml_result xml_text_at(struct slice document, const char *const *path, struct buf *out);

#endif
