#include "customerd/api/conditions.h"

#include "customerd/api/http_date.h"
#include "customerd/api/preconditions.h"

/* So much older than now a date must be that stands for one state alone. */
#define DATE_IS_STRONG_AFTER_S 60

/* ---- conditions ---- */

/* A field with a list of tags. */
struct tags {
    bool given;
    bool found; /* the tag that is there is among them */
};

static enum status read_tags(const struct headers *h, const char *field, enum tag_comparison comparison,
                             const struct validators *there, struct tags *out, struct error *err)
{
    struct tag_search search = { .field = field, .comparison = comparison, .tag = there->etag };
    size_t n = headers_get(h, field, &search.value);
    *out = (struct tags){ .given = n > 0 };
    if (n > 1)
        return error_set(err, STATUS_BAD_REQUEST, "%s stands there more than once", field);
    search.tag_is_weak = slice_starts_with(search.tag, "W/");
    if (search.tag_is_weak)
        search.tag = slice_from(search.tag, 2);
    if (search.tag.len < 2)
        search.tag_is_weak = true; /* there is none, and nothing compares */
    else
        search.tag = slice_of(search.tag.ptr + 1, search.tag.len - 2);
    return n == 0 ? STATUS_OK : precondition_search(&search, &out->found, err);
}

/* The date of a field that stands there once. */
static bool read_date(const struct headers *h, const char *field, int64_t now_s, int64_t *out)
{
    struct slice value;
    return headers_get(h, field, &value) == 1 && http_date_parse(headers_trim(value), now_s, out);
}

/* Whether what is there was changed after the field's date. False where one of the dates is not known. */
static bool changed_since(const struct headers *h, const char *field, const struct validators *there, bool *known)
{
    int64_t asked_s = 0;
    int64_t modified_s = 0;
    *known = read_date(h, field, there->now_s, &asked_s) &&
             http_date_parse(there->last_modified, there->now_s, &modified_s);
    return *known && modified_s > asked_s;
}

bool conditions_given(const struct headers *h)
{
    return headers_get(h, "If-Match", NULL) > 0 || headers_get(h, "If-None-Match", NULL) > 0 ||
           headers_get(h, "If-Modified-Since", NULL) > 0 || headers_get(h, "If-Unmodified-Since", NULL) > 0;
}

enum status conditions_judge(const struct headers *h, const struct validators *there, enum conditions *out,
                             struct error *err)
{
    struct tags match;
    struct tags none_match;
    bool known;
    *out = CONDITIONS_HOLD;
    enum status status = read_tags(h, "If-Match", TAGS_STRONG, there, &match, err);
    if (status == STATUS_OK)
        status = read_tags(h, "If-None-Match", TAGS_WEAK, there, &none_match, err);
    if (status != STATUS_OK)
        return status;
    if (match.given ? !match.found : changed_since(h, "If-Unmodified-Since", there, &known))
        *out = CONDITIONS_FAIL;
    else if (none_match.given)
        *out = none_match.found ? CONDITIONS_UNCHANGED : CONDITIONS_HOLD;
    else if (!changed_since(h, "If-Modified-Since", there, &known) && known)
        *out = CONDITIONS_UNCHANGED;
    return STATUS_OK;
}

/* ---- ranges ---- */

/* Takes digits off the front of *rest; what is too large for a number becomes the largest. False when there are none. */
static bool take_number(struct slice *rest, uint64_t *out)
{
    size_t n = 0;
    *out = 0;
    for (; n < rest->len && rest->ptr[n] >= '0' && rest->ptr[n] <= '9'; n++) {
        uint64_t digit = (uint64_t)(rest->ptr[n] - '0');
        *out = *out > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *out * 10 + digit;
    }
    *rest = slice_from(*rest, n);
    return n > 0;
}

struct range range_read(const struct headers *h)
{
    const struct range whole = { .kind = RANGE_WHOLE };
    struct range range = whole;
    struct slice value;
    if (headers_get(h, "Range", &value) != 1)
        return whole;
    value = headers_trim(value);
    if (value.len < 6 || strncasecmp(value.ptr, "bytes=", 6) != 0)
        return whole;
    struct slice rest = headers_trim(slice_from(value, 6));
    bool has_first = take_number(&rest, &range.first);
    if (rest.len == 0 || rest.ptr[0] != '-')
        return whole;
    rest = slice_from(rest, 1);
    bool has_last = take_number(&rest, &range.last);
    if (rest.len > 0 || (!has_first && !has_last) || (has_first && has_last && range.first > range.last))
        return whole;
    if (!has_first)
        return (struct range){ .kind = RANGE_SUFFIX, .first = range.last };
    range.kind = has_last ? RANGE_BETWEEN : RANGE_FROM;
    return range;
}

struct slice range_tag(const struct headers *h)
{
    struct slice value;
    size_t n = headers_get(h, "If-Range", &value);
    value = headers_trim(value);
    bool is_tag = n == 1 && value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"';
    for (size_t i = 1; is_tag && i < value.len - 1; i++)
        is_tag = value.ptr[i] > ' ' && value.ptr[i] != '"' && value.ptr[i] < 0x7f;
    return is_tag ? value : slice_of("", 0);
}

bool range_holds(const struct headers *h, const struct validators *there)
{
    struct slice value;
    int64_t asked_s;
    int64_t modified_s;
    size_t n = headers_get(h, "If-Range", &value);
    value = headers_trim(value);
    if (n != 1)
        return n == 0;
    if (slice_starts_with(value, "\"") || slice_starts_with(value, "W/"))
        return slice_starts_with(value, "\"") && slice_equal(value, there->etag);
    return http_date_parse(value, there->now_s, &asked_s) &&
           http_date_parse(there->last_modified, there->now_s, &modified_s) && asked_s == modified_s &&
           there->now_s - modified_s > DATE_IS_STRONG_AFTER_S;
}

bool range_fit(struct range *range, uint64_t length)
{
    switch (range->kind) {
    case RANGE_WHOLE:
        return true;
    case RANGE_SUFFIX:
        if (range->first == 0)
            return false;
        if (length == 0) {
            range->kind = RANGE_WHOLE; /* of nothing no part can be told */
            return true;
        }
        range->first = range->first < length ? length - range->first : 0;
        range->last = length - 1;
        break;
    default:
        if (range->first >= length)
            return false;
        if (range->kind == RANGE_FROM || range->last >= length)
            range->last = length - 1;
    }
    range->kind = RANGE_BETWEEN;
    return true;
}
