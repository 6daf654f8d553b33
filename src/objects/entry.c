#include "entry.h"

#include "customerd/core/big_endian.h"
#include "customerd/core/http_multi.h"

#define LENGTH_AT 14
#define FIXED_BYTES 20

static int64_t read_number(const char *at, size_t bytes)
{
    return (int64_t)big_endian_get(at, bytes);
}

static void write_number(struct buf *out, int64_t number, size_t bytes)
{
    char text[sizeof number];
    big_endian_put(text, bytes, (uint64_t)number);
    buf_append(out, slice_of(text, bytes));
}

/* The fields go into the heads of answers. S3 gives each object an ETag (s3_verdict.c). */
static bool parse_fields(struct slice rest, struct entry *out)
{
    while (rest.len > 0 && (uint8_t)rest.ptr[0] != ENTRY_END) {
        size_t field = (uint8_t)rest.ptr[0];
        size_t len = rest.len < 3 ? rest.len : (size_t)read_number(rest.ptr + 1, 2);
        if (len + 3 > rest.len || !http_multi_is_value(slice_of(rest.ptr + 3, len)))
            return false;
        /* One that is not known here was written by a newer version. */
        if (field < S3_FIELDS)
            out->meta.fields[field] = slice_of(rest.ptr + 3, len);
        rest = slice_from(rest, len + 3);
    }
    if (rest.len == 0)
        return false;
    out->body = slice_from(rest, 1);
    out->meta.length = (int64_t)out->body.len;
    return out->meta.fields[S3_ETAG].len > 0;
}

bool entry_parse(struct slice bytes, struct entry *out)
{
    *out = (struct entry){ .body = { "", 0 } };
    if (bytes.len == 0)
        return false;
    out->kind = (enum entry_kind)bytes.ptr[0];
    if (out->kind == ENTRY_FENCE)
        return true;
    if (bytes.len < FIXED_BYTES || bytes.ptr[1] != ENTRY_FORMAT)
        return false;
    out->life_ms = read_number(bytes.ptr + 2, 6);
    out->fresh_ms = read_number(bytes.ptr + 8, 6);
    struct slice rest = slice_from(bytes, FIXED_BYTES);
    bool ok = out->kind == ENTRY_OBJECT ? parse_fields(rest, out)
                                        : rest.len == 0 && (out->kind == ENTRY_ABSENT || out->kind == ENTRY_TOO_LONG);
    out->head = slice_of(bytes.ptr, bytes.len - out->body.len);
    return ok && read_number(bytes.ptr + LENGTH_AT, 6) == (int64_t)out->body.len;
}

static void write_field(struct buf *out, enum s3_field field, struct slice text)
{
    if (text.len == 0)
        return;
    if (text.len > UINT16_MAX)
        out->failed = true;
    write_number(out, field, 1);
    write_number(out, (int64_t)text.len, 2);
    buf_append(out, text);
}

void entry_write_head(const struct entry *e, const struct s3_meta *meta, struct buf *out)
{
    buf_append_byte(out, (char)e->kind);
    buf_append_byte(out, ENTRY_FORMAT);
    write_number(out, e->life_ms, 6);
    write_number(out, e->fresh_ms, 6);
    write_number(out, meta == NULL ? 0 : meta->length, 6);
    if (meta == NULL)
        return;
    _Static_assert(S3_ETAG == 0 && S3_FIELDS < ENTRY_END, "the ETag comes first");
    for (enum s3_field f = 0; f < S3_FIELDS; f++)
        if (f != S3_CONTENT_RANGE)
            write_field(out, f, meta->fields[f]);
    buf_append_byte(out, (char)ENTRY_END);
}
