#include "customerd/aws/xml.h"

#include "customerd/core/crypto.h"

#define REFERENCE_DIGITS_MAX 7

struct scanner {
    struct slice rest;
    struct xml_place place;
    const struct xml_events *events;
    void *ctx;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.' || c == ':';
}

/* Where `text` begins in the rest, or the rest's length. */
static size_t find(struct slice rest, const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i + n <= rest.len; i++)
        if (memcmp(rest.ptr + i, text, n) == 0)
            return i;
    return rest.len;
}

static struct slice name_take(struct slice *rest)
{
    size_t n = 0;
    while (n < rest->len && is_name_byte(rest->ptr[n]))
        n++;
    struct slice name = slice_of(rest->ptr, n);
    *rest = slice_from(*rest, n);
    return name;
}

static void spaces_skip(struct slice *rest)
{
    while (rest->len > 0 && is_space(rest->ptr[0]))
        *rest = slice_from(*rest, 1);
}

/* name="value", either quote. */
static bool attribute_skip(struct slice *rest)
{
    if (name_take(rest).len == 0)
        return false;
    spaces_skip(rest);
    if (!slice_starts_with(*rest, "="))
        return false;
    *rest = slice_from(*rest, 1);
    spaces_skip(rest);
    if (rest->len == 0 || (rest->ptr[0] != '"' && rest->ptr[0] != '\''))
        return false;
    const char *end = memchr(rest->ptr + 1, rest->ptr[0], rest->len - 1);
    if (end == NULL || memchr(rest->ptr, '<', (size_t)(end - rest->ptr)) != NULL)
        return false;
    *rest = slice_from(*rest, (size_t)(end - rest->ptr) + 1);
    return true;
}

static bool element_open(struct scanner *s, struct slice name)
{
    if (s->place.depth == XML_DEPTH_MAX)
        return false;
    s->place.open[s->place.depth++] = name;
    return s->events->open(s->ctx, &s->place);
}

static bool element_close(struct scanner *s, struct slice name)
{
    if (s->place.depth == 0 || !slice_equal(s->place.open[s->place.depth - 1], name) ||
        !s->events->close(s->ctx, &s->place))
        return false;
    s->place.depth--;
    return true;
}

static bool start_tag_take(struct scanner *s)
{
    struct slice *rest = &s->rest;
    *rest = slice_from(*rest, 1);
    struct slice name = name_take(rest);
    if (name.len == 0 || !element_open(s, name))
        return false;
    for (;;) {
        size_t before = rest->len;
        spaces_skip(rest);
        if (slice_starts_with(*rest, "/>")) {
            *rest = slice_from(*rest, 2);
            return element_close(s, name);
        }
        if (slice_starts_with(*rest, ">")) {
            *rest = slice_from(*rest, 1);
            return true;
        }
        if (before == rest->len || !attribute_skip(rest))
            return false;
    }
}

static bool end_tag_take(struct scanner *s)
{
    s->rest = slice_from(s->rest, 2);
    struct slice name = name_take(&s->rest);
    spaces_skip(&s->rest);
    if (!slice_starts_with(s->rest, ">") || !element_close(s, name))
        return false;
    s->rest = slice_from(s->rest, 1);
    return true;
}

static bool skip_past(struct scanner *s, const char *end)
{
    size_t at = find(s->rest, end);
    if (at == s->rest.len)
        return false;
    s->rest = slice_from(s->rest, at + strlen(end));
    return true;
}

/* As UTF-8, and how many bytes; 0 for what no document may hold. */
static size_t character_put(uint32_t c, char out[4])
{
    if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((0xf00 >> n & 0xf0) | c);
    return n;
}

/* "&#39;" and "&#x27;" */
static bool reference_take(struct scanner *s)
{
    struct slice rest = slice_from(s->rest, 2);
    bool is_hex = slice_starts_with(rest, "x");
    uint32_t base = is_hex ? 16 : 10;
    uint32_t c = 0;
    char bytes[4];
    if (is_hex)
        rest = slice_from(rest, 1);
    size_t digits = 0;
    for (; digits < rest.len && digits < REFERENCE_DIGITS_MAX && rest.ptr[digits] != ';'; digits++) {
        int digit = hex_digit(rest.ptr[digits]);
        if (digit < 0 || (uint32_t)digit >= base)
            return false;
        c = c * base + (uint32_t)digit;
    }
    size_t n = character_put(c, bytes);
    if (digits == 0 || n == 0 || !slice_starts_with(slice_from(rest, digits), ";"))
        return false;
    s->events->text(s->ctx, &s->place, slice_of(bytes, n));
    s->rest = slice_from(rest, digits + 1);
    return true;
}

static bool entity_take(struct scanner *s)
{
    static const struct {
        const char *name;
        char byte;
    } entities[] = { { "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' }, { "&quot;", '"' }, { "&apos;", '\'' } };
    if (slice_starts_with(s->rest, "&#"))
        return reference_take(s);
    for (size_t i = 0; i < sizeof entities / sizeof *entities; i++) {
        if (!slice_starts_with(s->rest, entities[i].name))
            continue;
        s->events->text(s->ctx, &s->place, slice_of(&entities[i].byte, 1));
        s->rest = slice_from(s->rest, strlen(entities[i].name));
        return true;
    }
    return false;
}

static bool text_take(struct scanner *s)
{
    size_t n = 0;
    if (s->rest.ptr[0] == '&')
        return s->place.depth > 0 && entity_take(s);
    while (n < s->rest.len && s->rest.ptr[n] != '<' && s->rest.ptr[n] != '&') {
        if (s->place.depth == 0 && !is_space(s->rest.ptr[n]))
            return false;
        n++;
    }
    if (s->place.depth > 0)
        s->events->text(s->ctx, &s->place, slice_of(s->rest.ptr, n));
    s->rest = slice_from(s->rest, n);
    return true;
}

static bool token_take(struct scanner *s)
{
    if (slice_starts_with(s->rest, "<!--"))
        return skip_past(s, "-->");
    if (slice_starts_with(s->rest, "<!") || slice_starts_with(s->rest, "<?"))
        return false;
    if (slice_starts_with(s->rest, "</"))
        return end_tag_take(s);
    return s->rest.ptr[0] == '<' ? start_tag_take(s) : text_take(s);
}

bool xml_read(struct slice document, const struct xml_events *events, void *ctx)
{
    struct scanner s = { .rest = document, .events = events, .ctx = ctx };
    if (slice_starts_with(s.rest, "<?xml") && !skip_past(&s, "?>"))
        return false;
    while (s.rest.len > 0)
        if (!token_take(&s))
            return false;
    return s.place.depth == 0;
}

bool xml_is_at(const struct xml_place *place, const char *const *path)
{
    size_t i = 0;
    for (; path[i] != NULL; i++)
        if (i == place->depth || !slice_is(place->open[i], path[i]))
            return false;
    return i == place->depth;
}

/* ------------------------------------------------------------------------------------------------- one element */

struct search {
    const char *const *path;
    bool found;
    bool inside;
    struct buf *out;
};

static bool search_open(void *ctx, const struct xml_place *place)
{
    struct search *s = ctx;
    if (s->inside)
        return false;
    if (!xml_is_at(place, s->path))
        return true;
    if (s->found)
        return false;
    s->found = true;
    s->inside = true;
    return true;
}

static bool search_close(void *ctx, const struct xml_place *place)
{
    struct search *s = ctx;
    (void)place;
    s->inside = false;
    return true;
}

static void search_text(void *ctx, const struct xml_place *place, struct slice text)
{
    struct search *s = ctx;
    (void)place;
    if (s->inside)
        buf_append(s->out, text);
}

enum xml_result xml_text_at(struct slice document, const char *const *path, struct buf *out)
{
    static const struct xml_events events = { search_open, search_close, search_text };
    struct search s = { .path = path, .out = out };
    if (!xml_read(document, &events, &s) || !buf_ok(out))
        return XML_INVALID;
    return s.found ? XML_FOUND : XML_ABSENT;
}
