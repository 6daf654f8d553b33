#include "customerd/api/idempotency_key.h"

#include "customerd/api/headers.h"

static enum status refuse(struct error *err)
{
    return error_set(err, STATUS_BAD_REQUEST,
                     "Idempotency-Key must be 1 to %d visible ASCII characters, bare or as a quoted string",
                     IDEMPOTENCY_KEY_MAX_CHARS);
}

static bool append(struct idempotency_key *key, char c)
{
    if (c < 0x21 || c > 0x7e || key->len == sizeof key->text)
        return false;
    key->text[key->len++] = c;
    return true;
}

/* The inside of a quoted string; a backslash stands before a quote or a backslash alone. */
static bool unquote(struct slice inside, struct idempotency_key *out)
{
    for (size_t i = 0; i < inside.len; i++) {
        char c = inside.ptr[i];
        if (c == '"')
            return false;
        if (c == '\\') {
            i++;
            if (i == inside.len || (inside.ptr[i] != '"' && inside.ptr[i] != '\\'))
                return false;
            c = inside.ptr[i];
        }
        if (!append(out, c))
            return false;
    }
    return true;
}

enum status idempotency_key_parse(struct slice value, struct idempotency_key *out, struct error *err)
{
    struct slice text = headers_trim(value);
    out->len = 0;
    if (text.len > 0 && text.ptr[0] == '"') {
        if (text.len < 2 || text.ptr[text.len - 1] != '"' || !unquote(slice_of(text.ptr + 1, text.len - 2), out))
            return refuse(err);
    } else {
        for (size_t i = 0; i < text.len; i++)
            if (!append(out, text.ptr[i]))
                return refuse(err);
    }
    return out->len > 0 ? STATUS_OK : refuse(err);
}
