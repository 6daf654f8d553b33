#include "customerd/api/object_path.h"

#include "customerd/core/crypto.h"
#include "customerd/core/utf8.h"

/* RFC 3986 section 3.3: a path's characters, "%" apart. What is no ASCII is let pass: clients send it as it was typed. */
static bool may_stand(char c)
{
    bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    return alphanumeric || (unsigned char)c >= 0x80 || (c != '\0' && strchr("/-._~!$&'()*+,;=:@", c) != NULL);
}

enum decoded { DECODED, DECODED_TOO_LONG, DECODED_BADLY };

static enum decoded decode(struct slice raw, size_t max_bytes, char *out, size_t *len)
{
    *len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (*len == max_bytes)
            return DECODED_TOO_LONG;
        if (c == '%') {
            int byte = percent_byte(slice_from(raw, i));
            if (byte < 0)
                return DECODED_BADLY;
            c = (char)byte;
            i += 2;
        } else if (!may_stand(c)) {
            return DECODED_BADLY;
        }
        out[(*len)++] = c;
    }
    return DECODED;
}

enum status object_path_decode(struct slice bucket, struct slice key, struct object_path *out, struct error *err)
{
    size_t bucket_len;
    size_t key_len;
    enum decoded done = decode(bucket, S3_BUCKET_MAX_BYTES, out->bytes, &bucket_len);
    if (done == DECODED_TOO_LONG)
        return error_set(err, STATUS_NOT_FOUND, "There is no such bucket");
    if (done == DECODED)
        done = decode(key, S3_KEY_MAX_BYTES, out->bytes + bucket_len, &key_len);
    if (done == DECODED_TOO_LONG)
        return error_set(err, STATUS_BAD_REQUEST, "A key may have %d bytes", S3_KEY_MAX_BYTES);
    if (done != DECODED)
        return error_set(err, STATUS_BAD_REQUEST,
                         "The path holds a broken percent-encoding, or a character that must be percent-encoded");
    out->bucket = slice_of(out->bytes, bucket_len);
    out->key = slice_of(out->bytes + bucket_len, key_len);
    if (!utf8_is_text(out->key))
        return error_set(err, STATUS_BAD_REQUEST, "A key is UTF-8 without NUL");
    if (s3_key_climbs(out->key))
        return error_set(err, STATUS_BAD_REQUEST,
                         "A key with a segment \".\" or \"..\" is not served: clients and proxies would resolve it to another path");
    return STATUS_OK;
}
