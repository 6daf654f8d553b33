#include "customerd/api/headers.h"

/* ": " and CR LF. */
#define FIELD_OVERHEAD_BYTES 4

void headers_add(struct headers *h, struct slice name, struct slice value)
{
    h->seen++;
    h->bytes += name.len + value.len + FIELD_OVERHEAD_BYTES;
    if (h->n < HEADERS_MAX)
        h->items[h->n++] = (struct header){ .name = name, .value = value };
}

size_t headers_get(const struct headers *h, const char *name, struct slice *first)
{
    size_t count = 0;
    if (first != NULL)
        *first = slice_of("", 0);
    for (size_t i = 0; i < h->n; i++) {
        if (!slice_is_nocase(h->items[i].name, name))
            continue;
        if (count == 0 && first != NULL)
            *first = h->items[i].value;
        count++;
    }
    return count;
}

static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

bool headers_is_token(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_token_char(text.ptr[i]))
            return false;
    return text.len > 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct slice headers_trim(struct slice text)
{
    while (text.len > 0 && is_blank(text.ptr[0]))
        text = slice_from(text, 1);
    while (text.len > 0 && is_blank(text.ptr[text.len - 1]))
        text.len--;
    return text;
}
