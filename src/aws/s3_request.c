#include "s3_request.h"

#include "customerd/aws/provider.h"

#include <stdio.h>

#define URL_MAX_BYTES 16384
#define TEXT_MAX_BYTES 65536
/* S3 takes 8 KiB of header fields with a PUT; what is over it is told before it is sent. */
#define FIELDS_MAX_BYTES 8192
#define BUCKET_MIN_BYTES 3

void s3_request_add(struct s3_request *request, const char *name, struct slice value)
{
    if (value.len == 0)
        return;
    request->fields[request->n_fields++] = (struct sigv4_header){ slice_cstr(name), value };
}

/* ----------------------------------------------------------------------------------------------------- check */

static bool is_bucket_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

bool s3_is_bucket_name(struct slice name)
{
    if (name.len < BUCKET_MIN_BYTES || name.len > S3_BUCKET_MAX_BYTES)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        bool at_edge = i == 0 || i == name.len - 1;
        if (!is_bucket_byte(name.ptr[i]) || (at_edge && (name.ptr[i] == '-' || name.ptr[i] == '.')))
            return false;
        if (i > 0 && name.ptr[i] == '.' && name.ptr[i - 1] == '.')
            return false;
    }
    return true;
}

bool s3_key_climbs(struct slice key)
{
    while (key.len > 0) {
        struct slice segment = slice_take(&key, '/');
        if (slice_is(segment, ".") || slice_is(segment, ".."))
            return true;
    }
    return false;
}

static const char *key_fault(struct slice key)
{
    if (key.len > S3_KEY_MAX_BYTES)
        return "longer than 1024 bytes";
    if (key.len > 0 && memchr(key.ptr, '\0', key.len) != NULL)
        return "not free of NUL";
    return s3_key_climbs(key) ? "not free of segments \".\" and \"..\"" : NULL;
}

enum status s3_request_check(const struct s3_request *request, struct error *err)
{
    size_t bytes = 0;
    if (!s3_is_bucket_name(request->bucket))
        return error_set(err, STATUS_BAD_REQUEST, "the bucket's name is not one that S3 gives");
    const char *fault = key_fault(request->key);
    if (fault != NULL)
        return error_set(err, STATUS_BAD_REQUEST, "the key is %s", fault);
    for (size_t i = 0; i < request->n_fields; i++) {
        const struct sigv4_header *field = &request->fields[i];
        bytes += field->name.len + field->value.len;
        if (!provider_is_one_line(field->value))
            return error_set(err, STATUS_BAD_REQUEST, "%.*s holds a control character", (int)field->name.len,
                             field->name.ptr);
    }
    if (bytes > FIELDS_MAX_BYTES)
        return error_set(err, STATUS_BAD_REQUEST, "the fields of the object are longer than 8 KiB together");
    return STATUS_OK;
}

/* ------------------------------------------------------------------------------------------------------- URL */

/* A certificate for *.s3... covers one label. */
static bool is_virtual(const struct s3_place *place, struct slice bucket)
{
    if (place->addressing != S3_ADDRESSING_AUTO)
        return place->addressing == S3_ADDRESSING_VIRTUAL;
    return place->is_aws && memchr(bucket.ptr, '.', bucket.len) == NULL;
}

static void append_host(const struct s3_place *place, struct slice bucket, struct buf *out)
{
    if (is_virtual(place, bucket)) {
        buf_append(out, bucket);
        buf_append_byte(out, '.');
    }
    buf_append_cstr(out, place->endpoint.host);
}

/* Not encoded: the signer encodes it once, as S3 wants it, and so does the URL. */
static void append_path(const struct s3_place *place, const struct s3_request *request, struct buf *out)
{
    buf_append_byte(out, '/');
    if (!is_virtual(place, request->bucket)) {
        buf_append(out, request->bucket);
        if (request->key.len > 0)
            buf_append_byte(out, '/');
    }
    buf_append(out, request->key);
}

static void append_url(const struct s3_place *place, struct slice host, struct slice path, struct slice query,
                       struct buf *out)
{
    buf_append_cstr(out, place->endpoint.https ? "https://" : "http://");
    buf_append(out, host);
    sigv4_canonical_path(path, false, out);
    if (query.len > 0) {
        buf_append_byte(out, '?');
        buf_append(out, query);
    }
}

/* ------------------------------------------------------------------------------------------------------ sign */

static void add_line(struct s3_signed *out, size_t *offsets, struct slice name, struct slice value)
{
    offsets[out->n_lines++] = out->text.len;
    buf_append(&out->text, name);
    buf_append_cstr(&out->text, ": ");
    buf_append(&out->text, value);
    buf_append_byte(&out->text, '\0');
}

struct signing {
    struct buf host, path, authorization;
    char time[TIMESTAMP_AMZ_SIZE];
    struct sigv4_header headers[S3_REQUEST_LINES_MAX];
    size_t n;
};

static void sign_header(struct signing *s, const char *name, struct slice value)
{
    s->headers[s->n++] = (struct sigv4_header){ slice_cstr(name), value };
}

static bool sign(const struct s3_place *place, const struct s3_request *request, const struct credentials *credentials,
                 int64_t time_s, const char *payload_hash, struct signing *s)
{
    const struct sigv4_scope scope = { .time_s = time_s, .region = slice_cstr(place->region), .service = SLICE("s3") };
    char signature[SIGV4_HEX_SIZE];
    timestamp_amz(time_s, s->time);
    append_host(place, request->bucket, &s->host);
    append_path(place, request, &s->path);
    memcpy(s->headers, request->fields, request->n_fields * sizeof *s->headers);
    s->n = request->n_fields;
    sign_header(s, "x-amz-content-sha256", slice_cstr(payload_hash));
    sign_header(s, "x-amz-date", slice_cstr(s->time));
    if (credentials->session_token.len > 0)
        sign_header(s, "x-amz-security-token", secret_slice(&credentials->session_token));
    sign_header(s, "host", buf_slice(&s->host));
    const struct sigv4_request to_sign = { .method = slice_cstr(request->method),
                                           .path = buf_slice(&s->path),
                                           .query = request->query,
                                           .headers = s->headers,
                                           .n_headers = s->n,
                                           .payload_hash = slice_cstr(payload_hash),
                                           .normalize_path = false };
    if (!buf_ok(&s->host) || !buf_ok(&s->path) ||
        !sigv4_sign(&to_sign, &scope, secret_slice(&credentials->secret_access_key), signature))
        return false;
    sigv4_authorization(&to_sign, &scope, secret_slice(&credentials->access_key_id), signature, &s->authorization);
    return buf_ok(&s->authorization);
}

/* The last one is the host, whose line libcurl makes from the URL. */
static bool write_lines(const struct signing *s, struct s3_signed *out)
{
    size_t offsets[S3_REQUEST_LINES_MAX] = { 0 };
    out->n_lines = 0;
    for (size_t i = 0; i + 1 < s->n; i++)
        add_line(out, offsets, s->headers[i].name, s->headers[i].value);
    add_line(out, offsets, slice_cstr("authorization"), buf_slice(&s->authorization));
    if (!buf_ok(&out->text))
        return false;
    for (size_t i = 0; i < out->n_lines; i++)
        out->lines[i] = out->text.data + offsets[i];
    return true;
}

enum status s3_request_sign(const struct s3_place *place, const struct s3_request *request,
                            const struct credentials *credentials, int64_t time_s, const char *payload_hash,
                            struct s3_signed *out, struct error *err)
{
    struct signing s = { .host = BUF_INIT(AWS_HOST_SIZE + S3_BUCKET_MAX_BYTES + 1), .path = BUF_INIT(URL_MAX_BYTES),
                         .authorization = BUF_INIT(TEXT_MAX_BYTES) };
    *out = (struct s3_signed){ .url = BUF_INIT(URL_MAX_BYTES), .text = BUF_INIT(TEXT_MAX_BYTES) };
    bool ok = sign(place, request, credentials, time_s, payload_hash, &s) && write_lines(&s, out);
    append_url(place, buf_slice(&s.host), buf_slice(&s.path), request->query, &out->url);
    ok = ok && buf_ok(&out->url);
    buf_clean_up(&s.host);
    buf_clean_up(&s.path);
    buf_clean_up_secure(&s.authorization);
    if (!ok)
        return error_set(err, STATUS_INTERNAL, "the request could not be signed");
    return STATUS_OK;
}

void s3_signed_clean_up(struct s3_signed *s)
{
    buf_clean_up(&s->url);
    buf_clean_up_secure(&s->text);
    s->n_lines = 0;
}
