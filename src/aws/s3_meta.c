#include "s3_inner.h"

#include <stdlib.h>

#define NUMBER_MAX_DIGITS 18

static const char *const names[S3_FIELDS] = {
    [S3_ETAG] = "etag",
    [S3_LAST_MODIFIED] = "last-modified",
    [S3_CONTENT_TYPE] = "content-type",
    [S3_CONTENT_ENCODING] = "content-encoding",
    [S3_CONTENT_LANGUAGE] = "content-language",
    [S3_CONTENT_DISPOSITION] = "content-disposition",
    [S3_CACHE_CONTROL] = "cache-control",
    [S3_EXPIRES] = "expires",
    [S3_CONTENT_RANGE] = "content-range",
    [S3_VERSION_ID] = "x-amz-version-id",
};

const char *s3_field_name(enum s3_field field)
{
    return names[field];
}

int64_t s3_number(struct slice text)
{
    int64_t number = 0;
    if (text.len == 0 || text.len > NUMBER_MAX_DIGITS)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return -1;
        number = number * 10 + (text.ptr[i] - '0');
    }
    return number;
}

bool s3_meta_read(const struct buf *head, int64_t length, struct s3_meta *out)
{
    size_t bytes = 1;
    *out = (struct s3_meta){ .length = length };
    for (size_t i = 0; i < S3_FIELDS; i++) {
        out->fields[i] = http_multi_field(head, names[i]);
        bytes += out->fields[i].len;
    }
    out->text = malloc(bytes);
    if (out->text == NULL) {
        *out = (struct s3_meta){ .length = -1 };
        return false;
    }
    char *to = out->text;
    for (size_t i = 0; i < S3_FIELDS; i++) {
        size_t len = out->fields[i].len;
        if (len > 0)
            memcpy(to, out->fields[i].ptr, len);
        out->fields[i] = slice_of(to, len);
        to += len;
    }
    return true;
}

void s3_meta_clean_up(struct s3_meta *meta)
{
    if (meta == NULL)
        return;
    free(meta->text);
    *meta = (struct s3_meta){ .length = -1 };
}
