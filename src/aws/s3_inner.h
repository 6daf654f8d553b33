/* s3_inner: what the files of the S3 client share. */
#ifndef CUSTOMERD_AWS_S3_INNER_H
#define CUSTOMERD_AWS_S3_INNER_H

#include <stdatomic.h>

#include "customerd/aws/credentials_refresher.h"
#include "customerd/core/http_multi.h"
#include "s3_metrics.h"
#include "s3_request.h"
#include "s3_verdict.h"

#define S3_RETRY_TOKENS 500

struct s3 {
    struct s3_place place;
    const struct credentials_env *env;
    struct log *log;
    struct http_multi *http;
    struct credentials_refresher *credentials;
    struct s3_metrics metrics;
    atomic_int retry_tokens;        /* each retry takes some, each answer gives one back: no storm of them when S3 is ill */
    _Atomic int64_t log_after_ms;   /* failures are logged once a second */
    atomic_int unlogged;
};

/* Asks until there is an answer to the question, the failure is final, or the deadline comes; counts and logs it. The
 * answer is to be cleaned up in any case. */
enum status s3_ask(struct s3 *s3, const struct s3_question *question, struct http_multi_answer *answer,
                   struct error *err) MUST_USE;

/* Fills the meta from a head. length as in struct s3_meta. False when memory is out. */
bool s3_meta_read(const struct buf *head, int64_t length, struct s3_meta *out) MUST_USE;
/* A number of digits alone; -1 when it is none. */
int64_t s3_number(struct slice text);

/* A page of ListObjectsV2; pure. False when the document is none (or memory is out): *out is empty then. */
bool s3_page_read(struct slice document, struct s3_page *out) MUST_USE;

/* NULL when memory is out; then the stream is closed. */
struct s3_stream *s3_stream_take(struct s3 *s3, struct http_stream *http);

#endif
