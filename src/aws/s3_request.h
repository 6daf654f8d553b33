/* s3_request: one request to S3, from its parts to a URL and signed header lines. Pure: credentials and time are given. */
#ifndef CUSTOMERD_AWS_S3_REQUEST_H
#define CUSTOMERD_AWS_S3_REQUEST_H

#include "customerd/aws/endpoint.h"
#include "customerd/aws/s3.h"
#include "customerd/aws/sigv4.h"

#define S3_REQUEST_FIELDS_MAX 16
/* Those above, and host, date, hash, token and authorization. */
#define S3_REQUEST_LINES_MAX (S3_REQUEST_FIELDS_MAX + 5)

/* Where S3 is. */
struct s3_place {
    struct aws_endpoint endpoint;
    char region[64];
    enum s3_addressing addressing;
    bool is_aws; /* the region's own endpoint */
};

enum status s3_place_find(const struct s3_options *options, const struct credentials_env *env, struct s3_place *out,
                          struct error *err) MUST_USE;

/* All slices are borrowed. */
struct s3_request {
    const char *method;
    struct slice bucket;
    struct slice key;    /* empty: the bucket itself */
    struct slice query;  /* encoded, without the "?" */
    struct sigv4_header fields[S3_REQUEST_FIELDS_MAX]; /* all are signed */
    size_t n_fields;
    struct slice body;
};

/* A field that is empty is not sent. */
void s3_request_add(struct s3_request *request, const char *name, struct slice value);

/* BAD_REQUEST when the bucket's name, the key or a field's value can't be sent as it is. */
enum status s3_request_check(const struct s3_request *request, struct error *err) MUST_USE;

struct s3_signed {
    struct buf url;
    struct buf text; /* of the lines; holds secrets */
    const char *lines[S3_REQUEST_LINES_MAX];
    size_t n_lines;
};

/* To be cleaned up in any case. payload_hash: lower-case hexadecimal SHA-256 of the body. */
enum status s3_request_sign(const struct s3_place *place, const struct s3_request *request,
                            const struct credentials *credentials, int64_t time_s, const char *payload_hash,
                            struct s3_signed *out, struct error *err) MUST_USE;
void s3_signed_clean_up(struct s3_signed *s);

#endif
