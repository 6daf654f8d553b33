/* The contract and the page made from it: the same bytes at every request. */
#include "docs_files.h"

#include "customerd/api/docs_contract.h"
#include "customerd/api/preconditions.h"
#include "customerd/api/route.h"

/* The page's scripts and styles are files, and it talks to this service alone. Icons within the style sheet are data:. */
#define PAGE_POLICY                                                                                      \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
#define HTML "text/html; charset=utf-8"
#define CSS "text/css; charset=utf-8"
#define SCRIPT "text/javascript; charset=utf-8"

static const char *media_type_of(const struct docs_file *file)
{
    const struct route *route = docs_routes;
    while (strcmp(route->path, file->path) != 0)
        route++;
    return route->produces == NULL ? CONTENT_TYPE_JSON : route->produces;
}

static enum status serve(struct exchange *x, const struct docs_file *file, struct error *err)
{
    struct response *out = &x->response;
    struct slice field;
    bool unchanged = false;
    if (file->path == NULL)
        return error_set(err, STATUS_INTERNAL, "The file was not embedded");
    size_t given = headers_get(&x->request.headers, "If-None-Match", &field);
    if (given > 1)
        return error_set(err, STATUS_BAD_REQUEST, "If-None-Match stands there more than once");
    if (given == 1 && precondition_names("If-None-Match", field, slice_cstr(file->tag), &unchanged, err) != STATUS_OK)
        return err->code;
    const char *media_type = media_type_of(file);
    out->status = unchanged ? 304 : 200;
    out->content_type = unchanged ? NULL : media_type;
    response_header(out, "ETag", "\"%s\"", file->tag);
    response_header_text(out, "Cache-Control", "no-cache");
    if (!unchanged && strcmp(media_type, HTML) == 0) {
        response_header_text(out, "Content-Security-Policy", PAGE_POLICY);
        response_header_text(out, "Referrer-Policy", "no-referrer");
    }
    /* For a 304 it stays for its length, as with a customer. */
    buf_append(&out->body, file->content);
    return STATUS_OK;
}

static enum status serve_contract(struct exchange *x, struct error *err)
{
    const struct docs_file file = {
        .path = "/openapi.json",
        .tag = docs_contract_tag(x->app->docs),
        .content = docs_contract_json(x->app->docs),
    };
    return serve(x, &file, err);
}

#ifdef CUSTOMERD_DOCS_PAGE
static const struct docs_file *find_file(struct slice path)
{
    const struct docs_file *file = docs_files;
    while (file->path != NULL && !slice_is(path, file->path))
        file++;
    return file;
}

static enum status serve_file(struct exchange *x, struct error *err)
{
    return serve(x, find_file(x->request.path), err);
}
#endif

#define FILE_AT(where, name, media_type) \
    { .method = METHOD_GET, .path = (where), .operation = (name), .handler = serve_file, .produces = (media_type) }
#define ASSET_AT(where, media_type) FILE_AT(where, "getDocsAsset", media_type)

const struct route docs_routes[] = {
    { .method = METHOD_GET, .path = "/openapi.json", .operation = "getOpenApi", .handler = serve_contract },
#ifdef CUSTOMERD_DOCS_PAGE
    FILE_AT("/docs", "getDocs", HTML),
    ASSET_AT("/docs/page.css", CSS),
    ASSET_AT("/docs/page.js", SCRIPT),
    ASSET_AT("/docs/swagger-ui.css", CSS),
    ASSET_AT("/docs/swagger-ui-bundle.js", SCRIPT),
    ASSET_AT("/docs/licenses.txt", "text/plain; charset=utf-8"),
#endif
    { .path = NULL },
};
