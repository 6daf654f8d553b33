#include "customerd/api/response.h"

#include <stdarg.h>
#include <stdio.h>

void response_init(struct response *r)
{
    r->status = 0;
    r->content_type = NULL;
    r->n_headers = 0;
    r->text_len = 0;
    r->close = false;
    r->secret = false;
    r->source.kind = RESPONSE_OWN;
    buf_init(&r->body, RESPONSE_MAX_BYTES);
}

void response_drop_source(struct response *r)
{
    if (r->source.kind == RESPONSE_OWN)
        return;
    if (r->source.release != NULL)
        r->source.release(r->source.ctx);
    r->source.kind = RESPONSE_OWN;
    r->n_headers = 0;
}

void response_discard(struct response *r)
{
    response_drop_source(r);
    buf_clean_up(&r->body);
    r->n_headers = 0;
}

void response_clean_up(struct response *r)
{
    response_drop_source(r);
    buf_clean_up(&r->body);
    explicit_bzero(r->text, r->text_len); /* each answer has some: OPENSSL_cleanse takes ten times as long */
}

/* Most differ in their first letter. */
static bool is_named(const struct response_header *h, const char *name)
{
    return (h->name[0] | 0x20) == (name[0] | 0x20) && strcasecmp(h->name, name) == 0;
}

static struct response_header *slot_for(struct response *r, const char *name)
{
    for (size_t i = 0; i < r->n_headers; i++)
        if (is_named(&r->headers[i], name))
            return &r->headers[i];
    return r->n_headers < RESPONSE_HEADERS_MAX ? &r->headers[r->n_headers++] : NULL;
}

void response_header_text(struct response *r, const char *name, const char *value)
{
    struct response_header *slot = slot_for(r, name);
    if (slot != NULL)
        *slot = (struct response_header){ .name = name, .value = value };
}

void response_header(struct response *r, const char *name, const char *format, ...)
{
    char *value = r->text + r->text_len;
    size_t room = sizeof r->text - r->text_len;
    va_list args;
    if (room == 0)
        return;
    va_start(args, format);
    int len = vsnprintf(value, room, format, args);
    va_end(args);
    if (len < 0)
        return;
    r->text_len += (size_t)len < room ? (size_t)len + 1 : room;
    response_header_text(r, name, value);
}

const char *response_header_value(const struct response *r, const char *name)
{
    for (size_t i = 0; i < r->n_headers; i++)
        if (is_named(&r->headers[i], name))
            return r->headers[i].value;
    return NULL;
}
