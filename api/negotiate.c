#include "customerd/api/negotiate.h"

/* Takes what stands before the separator off the front of *rest; separators in quoted strings don't count. */
static struct slice take_until(struct slice *rest, char separator)
{
    bool quoted = false;
    size_t end = 0;
    for (; end < rest->len; end++) {
        char c = rest->ptr[end];
        if (quoted && c == '\\' && end + 1 < rest->len)
            end++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && c == separator)
            break;
    }
    struct slice part = slice_of(rest->ptr, end);
    *rest = slice_from(*rest, end + 1);
    return headers_trim(part);
}

/* RFC 9110 section 12.4.2: 0 to 1 with at most three decimals, in thousandths; -1 when it is none. */
static int parse_q(struct slice text)
{
    if (text.len == 0 || text.len > 5 || (text.ptr[0] != '0' && text.ptr[0] != '1'))
        return -1;
    if (text.len > 1 && text.ptr[1] != '.')
        return -1;
    int value = (text.ptr[0] - '0') * 1000;
    int weight = 100;
    for (size_t i = 2; i < text.len; i++, weight /= 10) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return -1;
        value += (text.ptr[i] - '0') * weight;
    }
    return value <= 1000 ? value : -1;
}

struct media_range {
    int specificity; /* 0: another type, or unreadable; 1: all; 2: all of its top level; 3: the type itself */
    bool readable;
    int q;
};

/* "application/json" for "application/json; charset=utf-8". */
static struct slice essence_of(struct slice type)
{
    return take_until(&type, ';');
}

/* Whether the range is TOP/ and a star, and the type TOP/something. */
static bool is_top_level_of(struct slice range, struct slice type)
{
    const char *slash = memchr(type.ptr, '/', type.len);
    size_t top = slash == NULL ? 0 : (size_t)(slash - type.ptr) + 1;
    return top > 0 && range.len == top + 1 && range.ptr[top] == '*' && strncasecmp(range.ptr, type.ptr, top) == 0;
}

static struct media_range parse_range(struct slice element, struct slice wanted)
{
    struct media_range range = { .specificity = 0, .readable = false, .q = 1000 };
    struct slice type = take_until(&element, ';');
    const char *slash = memchr(type.ptr, '/', type.len);
    if (slash == NULL)
        return range;
    range.readable = headers_is_token(slice_of(type.ptr, (size_t)(slash - type.ptr))) &&
                     headers_is_token(slice_from(type, (size_t)(slash - type.ptr) + 1));
    while (element.len > 0) {
        struct slice parameter = take_until(&element, ';');
        if (parameter.len >= 2 && (parameter.ptr[0] == 'q' || parameter.ptr[0] == 'Q') && parameter.ptr[1] == '=')
            range.q = parse_q(slice_from(parameter, 2));
    }
    if (range.q < 0)
        range.readable = false;
    if (!range.readable)
        return range;
    if (type.len == wanted.len && strncasecmp(type.ptr, wanted.ptr, type.len) == 0)
        range.specificity = 3;
    else if (is_top_level_of(type, wanted))
        range.specificity = 2;
    else if (slice_is(type, "*/*"))
        range.specificity = 1;
    return range;
}

bool negotiate_accepts(const struct headers *h, const char *type)
{
    const struct slice wanted = essence_of(slice_cstr(type));
    struct media_range best = { .specificity = 0, .q = 0 };
    bool readable = false;
    for (size_t i = 0; i < h->n; i++) {
        if (!slice_is_nocase(h->items[i].name, "Accept"))
            continue;
        struct slice rest = h->items[i].value;
        while (rest.len > 0) {
            struct media_range range = parse_range(take_until(&rest, ','), wanted);
            readable = readable || range.readable;
            if (range.specificity > best.specificity ||
                (range.specificity == best.specificity && range.q > best.q))
                best = range;
        }
    }
    return !readable || (best.specificity > 0 && best.q > 0);
}

static bool is_utf8_charset(struct slice value)
{
    return slice_is_nocase(value, "utf-8") || slice_is_nocase(value, "\"utf-8\"");
}

const char *negotiate_content_type(struct slice value, unsigned allowed)
{
    struct slice rest = value;
    struct slice type = take_until(&rest, ';');
    bool known = ((allowed & CONTENT_JSON) != 0 && slice_is_nocase(type, "application/json")) ||
                 ((allowed & CONTENT_MERGE_PATCH) != 0 && slice_is_nocase(type, "application/merge-patch+json"));
    if (!known)
        return (allowed & CONTENT_MERGE_PATCH) != 0
                   ? "Content-Type must be application/merge-patch+json or application/json"
                   : "Content-Type must be application/json";
    while (rest.len > 0) {
        struct slice parameter = take_until(&rest, ';');
        bool charset = parameter.len >= 8 && strncasecmp(parameter.ptr, "charset=", 8) == 0;
        if (charset && !is_utf8_charset(slice_from(parameter, 8)))
            return "The charset must be utf-8";
    }
    return NULL;
}
