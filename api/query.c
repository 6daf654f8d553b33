#include "customerd/api/query.h"

#include "customerd/core/crypto.h"
#include "customerd/core/edit_distance.h"
#include "customerd/core/utf8.h"

#include <stdio.h>

#define NAME_SHOWN_MAX_BYTES 32

void query_init(struct query *q)
{
    *q = (struct query){ 0 };
    buf_init(&q->storage, 2 * QUERY_MAX_BYTES);
}

void query_clean_up(struct query *q)
{
    buf_clean_up(&q->storage);
}

/* Appends the decoded text; false for a broken escape. */
static bool decode(struct slice raw, struct buf *out, bool *plus_was_blank)
{
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (c == '+') {
            c = ' ';
            *plus_was_blank = true;
        } else if (c == '%') {
            int byte = percent_byte(slice_from(raw, i));
            if (byte < 0)
                return false;
            c = (char)byte;
            i += 2;
        }
        buf_append_byte(out, c);
    }
    return true;
}

const char *query_nearest(struct slice name, const char *const *known)
{
    const char *nearest = NULL;
    size_t best = SIZE_MAX;
    if (name.len == 0 || name.len > NAME_SHOWN_MAX_BYTES)
        return NULL;
    for (size_t i = 0; known[i] != NULL; i++) {
        struct slice candidate = slice_cstr(known[i]);
        if (candidate.len > NAME_SHOWN_MAX_BYTES)
            continue;
        size_t d = edit_distance(name, candidate, EDIT_CASE_MATTERS);
        if (d < best && 2 * d <= candidate.len + 1) {
            best = d;
            nearest = known[i];
        }
    }
    return nearest;
}

static enum status unknown_parameter(struct slice name, const char *const *known, struct error *err)
{
    const char *nearest = query_nearest(name, known);
    if (nearest != NULL)
        return error_set(err, STATUS_BAD_PARAMETER, "Unknown query parameter; did you mean \"%s\"?", nearest);
    if (known[0] == NULL)
        return error_set(err, STATUS_BAD_PARAMETER, "Unknown query parameter; none are known here");
    char names[128] = "";
    size_t used = 0;
    for (size_t i = 0; known[i] != NULL && used < sizeof names; i++) {
        int n = snprintf(names + used, sizeof names - used, "%s%s", i == 0 ? "" : ", ", known[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    return error_set(err, STATUS_BAD_PARAMETER, "Unknown query parameter; known are: %s", names);
}

/* Decodes into the query's storage, which never moves: its room was reserved for the whole string. */
static bool store(struct query *q, struct slice raw, struct slice *out, bool *plus_was_blank)
{
    size_t start = q->storage.len;
    if (!decode(raw, &q->storage, plus_was_blank) || !buf_ok(&q->storage))
        return false;
    *out = slice_of(q->storage.data + start, q->storage.len - start);
    return utf8_is_text(*out);
}

static enum status parse_pair(struct slice pair, const char *const *known, struct query *out, struct error *err)
{
    struct slice raw_name = slice_take(&pair, '=');
    bool plus = false;
    struct slice name;
    if (!store(out, raw_name, &name, &plus))
        return error_set(err, STATUS_BAD_PARAMETER, "The query string has a broken escape or is not UTF-8");
    size_t at = 0;
    while (known[at] != NULL && !slice_is(name, known[at]))
        at++;
    if (known[at] == NULL || at >= QUERY_PARAMS_MAX)
        return unknown_parameter(name, known, err);
    struct query_value *value = &out->values[at];
    if (value->given)
        return error_set(err, STATUS_BAD_PARAMETER, "The query parameter \"%s\" is repeated", known[at]);
    value->given = true;
    if (!store(out, pair, &value->text, &value->plus_was_blank))
        return error_set(err, STATUS_BAD_PARAMETER, "The query parameter \"%s\" has a broken escape or is not UTF-8",
                         known[at]);
    return STATUS_OK;
}

enum status query_parse(struct slice raw, const char *const *known, struct query *out, struct error *err)
{
    if (raw.len > 0 && !buf_reserve(&out->storage, raw.len + 1))
        return error_set(err, STATUS_INTERNAL, "Out of memory");
    while (raw.len > 0) {
        struct slice pair = slice_take(&raw, '&');
        if (pair.len == 0)
            continue;
        enum status status = parse_pair(pair, known, out, err);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}
