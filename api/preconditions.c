#include "customerd/api/preconditions.h"

#include "customerd/api/headers.h"

/* A version as the service writes it: decimal, no sign, no leading zero. Anything else is a foreign tag. */
static bool parse_version(struct slice text, uint64_t *out)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > 18 || text.ptr[0] == '0')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    *out = value;
    return true;
}

/* RFC 9110 section 8.8.3: etagc is %x21, %x23-7E or obs-text. */
static bool is_tag_char(unsigned char c)
{
    return c == 0x21 || (c >= 0x23 && c <= 0x7e) || c >= 0x80;
}

/* Takes an entity tag off the front of *rest. */
static bool take_tag(struct slice *rest, bool *weak, struct slice *opaque)
{
    *weak = slice_starts_with(*rest, "W/");
    if (*weak)
        *rest = slice_from(*rest, 2);
    if (rest->len == 0 || rest->ptr[0] != '"')
        return false;
    size_t end = 1;
    while (end < rest->len && is_tag_char((unsigned char)rest->ptr[end]))
        end++;
    if (end == rest->len || rest->ptr[end] != '"')
        return false;
    *opaque = slice_of(rest->ptr + 1, end - 1);
    *rest = slice_from(*rest, end + 1);
    return true;
}

/* Drops blanks and empty elements, which RFC 9110 section 5.6.1 lets pass; counts the commas. */
static size_t skip_separators(struct slice *rest)
{
    size_t commas = 0;
    while (rest->len > 0 && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t' || rest->ptr[0] == ',')) {
        commas += rest->ptr[0] == ',';
        *rest = slice_from(*rest, 1);
    }
    return commas;
}

/* Takes an entity tag and what separates it from the next one. */
static bool take_listed_tag(struct slice *rest, bool *weak, struct slice *opaque)
{
    return take_tag(rest, weak, opaque) && (skip_separators(rest) > 0 || rest->len == 0);
}

static enum status malformed(const char *field, struct error *err)
{
    return error_set(err, STATUS_BAD_REQUEST, "%s must be \"*\" or a list of entity tags such as \"\\\"3\\\"\"", field);
}

enum status precondition_parse(const char *field, struct slice value, enum tag_comparison comparison,
                               struct precondition *out, struct error *err)
{
    struct slice rest = headers_trim(value);
    *out = (struct precondition){ .given = true };
    out->any = slice_is(rest, "*");
    if (out->any)
        return STATUS_OK;
    size_t tags = 0;
    skip_separators(&rest);
    while (rest.len > 0) {
        bool weak;
        uint64_t version;
        struct slice opaque;
        if (!take_listed_tag(&rest, &weak, &opaque))
            return malformed(field, err);
        tags++;
        if ((!weak || comparison == TAGS_WEAK) && parse_version(opaque, &version)) {
            if (out->n_versions == PRECONDITION_VERSIONS_MAX)
                return error_set(err, STATUS_BAD_REQUEST, "%s lists more than %d entity tags", field,
                                 PRECONDITION_VERSIONS_MAX);
            out->versions[out->n_versions++] = version;
        }
    }
    return tags > 0 ? STATUS_OK : malformed(field, err);
}

enum status precondition_search(const struct tag_search *search, bool *found, struct error *err)
{
    struct slice rest = headers_trim(search->value);
    size_t tags = 0;
    *found = slice_is(rest, "*");
    if (*found)
        return STATUS_OK;
    skip_separators(&rest);
    while (rest.len > 0) {
        bool weak;
        struct slice opaque;
        if (!take_listed_tag(&rest, &weak, &opaque))
            return malformed(search->field, err);
        tags++;
        bool comparable = search->comparison == TAGS_WEAK || !(weak || search->tag_is_weak);
        *found = *found || (comparable && slice_equal(opaque, search->tag));
    }
    return tags > 0 ? STATUS_OK : malformed(search->field, err);
}

enum status precondition_names(const char *field, struct slice value, struct slice tag, bool *names, struct error *err)
{
    const struct tag_search search = { .field = field, .value = value, .tag = tag, .comparison = TAGS_WEAK };
    return precondition_search(&search, names, err);
}

bool precondition_lists(const struct precondition *p, uint64_t version)
{
    if (!p->given || p->any)
        return true;
    for (size_t i = 0; i < p->n_versions; i++)
        if (p->versions[i] == version)
            return true;
    return false;
}
