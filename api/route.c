#include "customerd/api/route.h"

#include "customerd/api/negotiate.h"

#include <stdio.h>

const char *const route_method_labels[ROUTE_METHOD_LABELS] = {
    [METHOD_GET] = "GET",
    [METHOD_POST] = "POST",
    [METHOD_PUT] = "PUT",
    [METHOD_PATCH] = "PATCH",
    [METHOD_DELETE] = "DELETE",
    [METHODS] = "HEAD",
    "OPTIONS",
    "_OTHER",
};

/* As struct route has them. */
static const struct {
    unsigned bit;
    const char *name;
} content_types[] = {
    { CONTENT_JSON, CONTENT_TYPE_JSON },
    { CONTENT_MERGE_PATCH, CONTENT_TYPE_MERGE_PATCH },
    { CONTENT_ANY, CONTENT_TYPE_ANY },
};

#define ALLOW_ALL "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

const char *route_method_label(struct slice method)
{
    size_t i = 0;
    while (i < ROUTE_METHOD_LABELS - 1 && !slice_is(method, route_method_labels[i]))
        i++;
    return route_method_labels[i];
}

static struct slice take_segment(struct slice *rest)
{
    const char *end = memchr(rest->ptr, '/', rest->len);
    struct slice segment = slice_of(rest->ptr, end == NULL ? rest->len : (size_t)(end - rest->ptr));
    *rest = slice_from(*rest, segment.len);
    return segment;
}

static struct slice take_rest(struct slice *rest)
{
    struct slice all = *rest;
    *rest = slice_from(*rest, all.len);
    return all;
}

static bool ends_with_dots(struct slice wanted)
{
    return wanted.len > 4 && memcmp(wanted.ptr + wanted.len - 4, "...}", 4) == 0;
}

/* What stands for the part of a template that is in braces, which *n others stood before. */
static bool variable_fits(struct slice name, struct slice segment, struct request *request, size_t *n)
{
    if (slice_is(name, "{id}"))
        return uuid_parse(segment, &request->resource);
    if (segment.len == 0 || *n == REQUEST_SEGMENTS_MAX)
        return false;
    request->segments[(*n)++] = segment;
    return true;
}

/* A part in braces is a whole segment, or with dots all that is left. */
static bool template_fits(const char *template, struct request *request)
{
    struct slice path = request->path;
    size_t n = 0;
    for (const char *at = template; *at != '\0';) {
        if (*at != '{') {
            if (path.len == 0 || path.ptr[0] != *at)
                return false;
            path = slice_from(path, 1);
            at++;
            continue;
        }
        struct slice name = slice_of(at, strcspn(at, "/"));
        struct slice segment = ends_with_dots(name) ? take_rest(&path) : take_segment(&path);
        if (!variable_fits(name, segment, request, &n))
            return false;
        at += name.len;
    }
    return path.len == 0;
}

static bool serves(const struct route *route, struct slice method)
{
    return slice_is(method, route_method_labels[route->method]) ||
           (route->method == METHOD_GET && slice_is(method, "HEAD"));
}

/* The rows of one template stand next to each other in one table. */
static void collect(const struct route *first, struct slice method, struct route_match *out)
{
    out->label = first->path;
    out->first = first;
    for (const struct route *r = first; r->path != NULL && strcmp(r->path, first->path) == 0; r++)
        if (out->route == NULL && serves(r, method))
            out->route = r;
    out->options = slice_is(method, "OPTIONS");
}

void route_find(const struct route *const *tables, struct request *request, struct route_match *out)
{
    *out = (struct route_match){ .route = NULL };
    bool connect = slice_is(request->method, "CONNECT");
    if (slice_is(request->target, "*") || connect) {
        out->label = "*";
        out->options = slice_is(request->method, "OPTIONS");
        return;
    }
    for (size_t t = 0; tables[t] != NULL; t++) {
        for (const struct route *r = tables[t]; r->path != NULL; r++) {
            if (!template_fits(r->path, request))
                continue;
            collect(r, request->method, out);
            return;
        }
    }
}

void route_allow(const struct route_match *match, char out[ROUTE_ALLOW_SIZE])
{
    const struct route *first = match->first;
    size_t used = 0;
    if (first == NULL) {
        (void)snprintf(out, ROUTE_ALLOW_SIZE, "%s", ALLOW_ALL);
        return;
    }
    for (const struct route *r = first; r->path != NULL && strcmp(r->path, first->path) == 0; r++)
        used += (size_t)snprintf(out + used, ROUTE_ALLOW_SIZE - used, "%s, ",
                                 r->method == METHOD_GET ? "GET, HEAD" : route_method_labels[r->method]);
    (void)snprintf(out + used, ROUTE_ALLOW_SIZE - used, "OPTIONS");
}

/* In the contract's form, which has no dots for a rest of several segments. */
static void print_template(const char *template, FILE *out)
{
    for (const char *at = template; *at != '\0'; at++) {
        if (strncmp(at, "...}", 4) == 0)
            at += 3;
        fputc(*at, out);
    }
}

static void print_row(const char *listener, const struct route *r, FILE *out)
{
    const char *produces = r->produces == NULL ? CONTENT_TYPE_JSON : r->produces;
    const char *before = "";
    fprintf(out, "| %s | %s | `", listener, route_method_labels[r->method]);
    print_template(r->path, out);
    fprintf(out, "` | %s | %s | ", r->operation, r->scope == NULL ? "" : r->scope);
    for (const char *const *param = r->params; param != NULL && *param != NULL; param++)
        fprintf(out, "%s%s", param == r->params ? "" : ", ", *param);
    fputs(" | ", out);
    for (size_t i = 0; i < sizeof content_types / sizeof *content_types; i++) {
        if ((r->body & content_types[i].bit) == 0)
            continue;
        fprintf(out, "%s%s", before, content_types[i].name);
        before = ", ";
    }
    fprintf(out, " | %s |\n", r->method == METHOD_DELETE ? "" : produces);
}

void route_print_reference(const char *listener, const struct route *const *tables, FILE *out)
{
    for (size_t t = 0; tables[t] != NULL; t++)
        for (const struct route *r = tables[t]; r->path != NULL; r++)
            print_row(listener, r, out);
}
