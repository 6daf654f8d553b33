#include "customerd/api/response.h"

#include <stdarg.h>
#include <stdio.h>

void response_init(struct response *r)
{
    r->status = 0;
    r->content_type = NULL;
    r->n_headers = 0;
    r->close = false;
    buf_init(&r->body, RESPONSE_MAX_BYTES);
}

void response_clean_up(struct response *r)
{
    buf_clean_up(&r->body);
}

static struct response_header *slot_for(struct response *r, const char *name)
{
    for (size_t i = 0; i < r->n_headers; i++)
        if (strcasecmp(r->headers[i].name, name) == 0)
            return &r->headers[i];
    return r->n_headers < RESPONSE_HEADERS_MAX ? &r->headers[r->n_headers++] : NULL;
}

void response_header(struct response *r, const char *name, const char *format, ...)
{
    struct response_header *slot = slot_for(r, name);
    if (slot == NULL)
        return;
    slot->name = name;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(slot->value, sizeof slot->value, format, args);
    va_end(args);
}

const char *response_header_value(const struct response *r, const char *name)
{
    for (size_t i = 0; i < r->n_headers; i++)
        if (strcasecmp(r->headers[i].name, name) == 0)
            return r->headers[i].value;
    return NULL;
}
