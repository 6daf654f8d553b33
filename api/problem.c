#include "customerd/api/problem.h"

bool problem_path_is_plain(struct slice path)
{
    for (size_t i = 0; i < path.len; i++) {
        char c = path.ptr[i];
        bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alphanumeric && (c == '\0' || strchr("/-._~", c) == NULL))
            return false;
    }
    return path.len > 0 && path.len <= 256 && path.ptr[0] == '/';
}

static void append_member(struct buf *out, const char *name, struct slice text)
{
    buf_appendf(out, ",\"%s\":\"", name);
    buf_append_json_escaped(out, text);
    buf_append_byte(out, '"');
}

static void append_findings(struct buf *out, const struct findings *f)
{
    if (f->line > 0)
        buf_appendf(out, ",\"line\":%d,\"column\":%d,\"offset\":%zu", f->line, f->column, f->offset);
    if (f->count == 0)
        return;
    buf_append_cstr(out, ",\"errors\":[");
    buf_append(out, buf_slice(&f->json));
    buf_append_byte(out, ']');
}

/* An error's text begins in lower case where it is made, since it often ends another one; here it is a sentence. */
static void append_detail(struct buf *out, const char *detail)
{
    char first[] = { detail[0], '\0' };
    if (first[0] >= 'a' && first[0] <= 'z')
        first[0] = (char)(first[0] - 'a' + 'A');
    buf_append_cstr(out, ",\"detail\":\"");
    buf_append_json_escaped(out, slice_cstr(first));
    buf_append_json_escaped(out, slice_cstr(detail[0] == '\0' ? detail : detail + 1));
    buf_append_byte(out, '"');
}

static void append_instance(struct buf *out, const struct problem *p)
{
    if (problem_path_is_plain(p->instance)) {
        append_member(out, "instance", p->instance);
        return;
    }
    buf_append_cstr(out, ",\"instance\":\"urn:customerd:request:");
    buf_append_json_escaped(out, slice_cstr(p->request_id));
    buf_append_byte(out, '"');
}

void problem_render(const struct problem *p, struct response *r)
{
    const struct error *err = p->error;
    struct buf *out = &r->body;
    r->status = status_http(err->code);
    r->content_type = CONTENT_TYPE_PROBLEM;
    buf_clear(out);
    buf_appendf(out, "{\"type\":\"" PROBLEM_TYPE_PREFIX "%s\",\"title\":\"%s\",\"status\":%d", status_slug(err->code),
                status_title(err->code), r->status);
    append_detail(out, err->detail);
    append_instance(out, p);
    append_member(out, "request_id", slice_cstr(p->request_id));
    if (p->findings != NULL)
        append_findings(out, p->findings);
    if (p->owner != NULL) {
        char id[UUID_TEXT_SIZE];
        uuid_format(p->owner, id);
        buf_appendf(out, ",\"owner\":\"/customers/%s\"", id);
    }
    if (p->write && r->status >= 500)
        buf_appendf(out, ",\"applied\":\"%s\"", err->applied == APPLIED_UNKNOWN ? "unknown" : "no");
    buf_append(out, p->members);
    buf_append_byte(out, '}');
    if (!buf_ok(out))
        buf_clean_up(out);
    response_header_text(r, "Cache-Control", "no-store");
    int retry_after_s = err->retry_after_s > 0 ? err->retry_after_s : r->status == 503 ? 1 : 0;
    if (retry_after_s > 0)
        response_header(r, "Retry-After", "%d", retry_after_s);
}

void problem_print_reference(FILE *out)
{
    fputs("| status | type | title | when |\n|---|---|---|---|\n", out);
    for (int code = STATUS_OK + 1; code < STATUS_COUNT; code++)
        fprintf(out, "| %d | `" PROBLEM_TYPE_PREFIX "%s` | %s | %s |\n", status_http((enum status)code),
                status_slug((enum status)code), status_title((enum status)code), status_when((enum status)code));
}
