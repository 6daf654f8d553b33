#include "customerd/aws/xml.h"

struct scanner {
    struct slice rest;
    struct slice open[XML_DEPTH_MAX];
    size_t depth;
    const char *const *path;
    size_t path_len;
    size_t matched;  /* how many of the open elements, from the root, are on the path */
    bool found;
    struct buf *out;
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

static bool is_inside(const struct scanner *s)
{
    return s->depth == s->path_len && s->matched == s->path_len;
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
    if (is_inside(s) || s->depth == XML_DEPTH_MAX)
        return false;
    s->open[s->depth] = name;
    if (s->matched == s->depth && s->depth < s->path_len && slice_is(name, s->path[s->depth]))
        s->matched++;
    s->depth++;
    if (!is_inside(s))
        return true;
    if (s->found)
        return false;
    s->found = true;
    return true;
}

static bool element_close(struct scanner *s, struct slice name)
{
    if (s->depth == 0 || !slice_equal(s->open[s->depth - 1], name))
        return false;
    s->depth--;
    if (s->matched > s->depth)
        s->matched = s->depth;
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

static bool entity_take(struct scanner *s)
{
    static const struct {
        const char *name;
        char byte;
    } entities[] = { { "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' }, { "&quot;", '"' }, { "&apos;", '\'' } };
    for (size_t i = 0; i < sizeof entities / sizeof *entities; i++) {
        if (!slice_starts_with(s->rest, entities[i].name))
            continue;
        if (is_inside(s))
            buf_append_byte(s->out, entities[i].byte);
        s->rest = slice_from(s->rest, strlen(entities[i].name));
        return true;
    }
    return false;
}

static bool text_take(struct scanner *s)
{
    if (s->rest.ptr[0] == '&')
        return entity_take(s);
    if (s->depth == 0 && !is_space(s->rest.ptr[0]))
        return false;
    if (is_inside(s))
        buf_append_byte(s->out, s->rest.ptr[0]);
    s->rest = slice_from(s->rest, 1);
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

enum xml_result xml_text_at(struct slice document, const char *const *path, struct buf *out)
{
    struct scanner s = { .rest = document, .path = path, .out = out };
    while (path[s.path_len] != NULL)
        s.path_len++;
    if (slice_starts_with(s.rest, "<?xml") && !skip_past(&s, "?>"))
        return XML_INVALID;
    while (s.rest.len > 0)
        if (!token_take(&s))
            return XML_INVALID;
    if (s.depth != 0 || !buf_ok(out))
        return XML_INVALID;
    return s.found ? XML_FOUND : XML_ABSENT;
}
