/* objects_http: objects in HTTP's terms: names in paths, what describes an object in header fields, conditions, bodies. */
#ifndef CUSTOMERD_API_OBJECTS_HTTP_H
#define CUSTOMERD_API_OBJECTS_HTTP_H

#include "customerd/api/conditions.h"
#include "customerd/api/object_path.h"
#include "customerd/api/route.h"
#include "customerd/objects/objects.h"

/* ---- reading ---- */

/* A view on its way into an answer, with the texts of the answer's fields. On the heap: it lives until the answer is sent. */
struct object_answer;

/* NULL when out of memory. */
struct object_answer *object_answer_new(void);
/* Accepts NULL. */
void object_answer_destroy(struct object_answer *a);
/* To be filled; what was in it before is let go of. */
struct object_view *object_answer_view(struct object_answer *a);

/* The fields by which conditions are judged; borrowed from the view. */
struct validators objects_http_validators(const struct object_view *view, int64_t now_s);
/* The number of bytes of the whole object; -1 when it is not told. */
int64_t objects_http_length(const struct object_view *view);

/* X-Cache and Age. */
void objects_http_put_source(struct response *out, const struct object_view *view);
/* 200, or, with a range that fits, 206. The answer becomes the response's source, which *a is NULL for then. */
void objects_http_put_object(struct exchange *x, struct object_answer **a, const struct range *range);
/* 304. */
void objects_http_put_unchanged(struct exchange *x, struct object_answer **a);
/* For 412 and 416: what there is instead. The texts are copied. */
void objects_http_put_current(struct response *out, const struct object_view *view);

/* ---- writing ---- */

/* What a PUT says of its object, and under which condition it is to be written. BAD_REQUEST for what S3 would not judge. */
enum status objects_http_read_content(const struct request *r, struct object_content *out, struct error *err) MUST_USE;
/* The condition of a DELETE; empty: none. */
enum status objects_http_read_delete(const struct request *r, struct slice *if_match, struct error *err) MUST_USE;

#endif
