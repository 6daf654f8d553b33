/* sigv4: AWS Signature Version 4 as named pure stages.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 *
 * canonical request -> string to sign -> (signing key) -> signature. Every stage appends to a buffer that the caller
 * owns; one that can't (out of memory, over a limit below) marks the buffer failed, which the caller asks once, at the
 * end. Nothing here reads a clock or keeps state; derived keys are wiped. */
#ifndef CUSTOMERD_AWS_SIGV4_H
#define CUSTOMERD_AWS_SIGV4_H

#include <stdint.h>

#include "customerd/core/buf.h"
#include "customerd/core/crypto.h"
#include "customerd/core/slice.h"
#include "customerd/core/timestamp.h"

#define SIGV4_HEX_SIZE (2 * SHA256_BYTES + 1)
#define SIGV4_HEADERS_MAX 32
#define SIGV4_PARAMETERS_MAX 64
#define SIGV4_PATH_SEGMENTS_MAX 64

struct sigv4_header {
    struct slice name;
    struct slice value; /* may be folded over several lines */
};

struct sigv4_request {
    struct slice method;
    struct slice path;                  /* as it stands in the request line, without the query; empty means "/" */
    struct slice query;                 /* as it stands in the request line, without the "?" */
    const struct sigv4_header *headers; /* exactly those that are to be signed, Host among them */
    size_t n_headers;
    struct slice payload_hash;          /* lower-case hexadecimal SHA-256 of the body */
    bool normalize_path;                /* RFC 3986 section 5.2.4, and "//" as "/": everything but S3 */
};

/* Where and when a signature holds. */
struct sigv4_scope {
    int64_t time_s; /* realtime */
    struct slice region;
    struct slice service;
};

/* The parameters of a presigned request. */
struct sigv4_presign {
    struct sigv4_scope scope;
    struct slice access_key_id;
    struct slice session_token; /* empty: none */
    int64_t expires_s;
};

bool sigv4_payload_hash(struct slice body, char out[SIGV4_HEX_SIZE]) MUST_USE;

/* RFC 3986: everything but unreserved characters as %XX in upper case. */
void sigv4_uri_encode(struct slice text, struct buf *out);
/* The path is encoded as it is given: one that is already encoded is encoded twice, as all services but S3 want it. */
void sigv4_canonical_path(struct slice path, bool normalize, struct buf *out);
/* Parameters are decoded, encoded anew and sorted by encoded name, then encoded value. */
void sigv4_canonical_query(struct slice query, struct buf *out);
/* "name:value\n" each: names in lower case and sorted, white space trimmed and folded, repeated names joined by ",". */
void sigv4_canonical_headers(const struct sigv4_header *headers, size_t n, struct buf *out);
/* "host;x-amz-date" */
void sigv4_signed_headers(const struct sigv4_header *headers, size_t n, struct buf *out);
void sigv4_canonical_request(const struct sigv4_request *request, struct buf *out);

/* "20150830/us-east-1/service/aws4_request" */
void sigv4_credential_scope(const struct sigv4_scope *scope, struct buf *out);
void sigv4_string_to_sign(const struct sigv4_scope *scope, struct slice canonical_request, struct buf *out);
/* The caller wipes the key. */
bool sigv4_signing_key(struct slice secret_access_key, const struct sigv4_scope *scope, uint8_t key[SHA256_BYTES]) MUST_USE;
bool sigv4_signature(const uint8_t key[SHA256_BYTES], struct slice string_to_sign, char out[SIGV4_HEX_SIZE]) MUST_USE;

/* All stages in one: the signature of a request. */
bool sigv4_sign(const struct sigv4_request *request, const struct sigv4_scope *scope, struct slice secret_access_key,
                char out[SIGV4_HEX_SIZE]) MUST_USE;
/* The value of the Authorization header for that signature. */
void sigv4_authorization(const struct sigv4_request *request, const struct sigv4_scope *scope,
                         struct slice access_key_id, const char *signature, struct buf *out);
/* The query parameters of a presigned request, without the signature, in botocore's order; appended to what stands in
 * out, after an "&" where something does. signed_headers as sigv4_signed_headers makes it. */
void sigv4_presign_query(const struct sigv4_presign *presign, struct slice signed_headers, struct buf *out);

#endif
