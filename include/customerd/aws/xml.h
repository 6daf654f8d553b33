/* xml: the text of one element of a small, well-formed XML document, found by its path of element names.
 *
 * Knows elements, attributes (skipped), comments, the declaration and the five predefined entities. Anything else
 * (DOCTYPE, CDATA, processing instructions, other entities), a tag that doesn't match, or an element that comes twice
 * makes the document invalid: what is found is found for certain. */
#ifndef CUSTOMERD_AWS_XML_H
#define CUSTOMERD_AWS_XML_H

#include "customerd/core/buf.h"

#define XML_DEPTH_MAX 16

enum xml_result { XML_FOUND, XML_ABSENT, XML_INVALID };

/* path: element names from the root on, ended by NULL. The text is appended to out; it must hold no elements. */
enum xml_result xml_text_at(struct slice document, const char *const *path, struct buf *out);

#endif
