/* s3_verdict: what an answer, or the lack of one, means. Pure.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
#ifndef CUSTOMERD_AWS_S3_VERDICT_H
#define CUSTOMERD_AWS_S3_VERDICT_H

#include "customerd/core/http_multi.h"
#include "s3_request.h"

enum s3_operation { S3_OP_GET, S3_OP_HEAD, S3_OP_PUT, S3_OP_DELETE, S3_OP_LIST, S3_OPERATIONS };

struct s3_question {
    enum s3_operation operation;
    struct s3_request request;
    bool has_range;
    bool has_match;      /* If-Match */
    bool has_none_match; /* If-None-Match */
    size_t body_max;
    bool is_long; /* the body is known to be longer than that */
    int64_t deadline_ms;
};

#define S3_TOO_MANY_STREAMS "too many long objects are being handed through from S3 at once"

bool s3_is_write(enum s3_operation operation);

enum s3_verdict {
    S3_VERDICT_ANSWER, /* to the question */
    S3_VERDICT_AGAIN,  /* worth another try */
    S3_VERDICT_RENEW,  /* worth another try with new credentials */
    S3_VERDICT_FINAL   /* a failure */
};

/* err: what to tell a client when it is no answer; err->applied, whether this try of a write may have taken effect. */
enum s3_verdict s3_judge(const struct s3_question *question, enum http_end end, const struct http_multi_answer *answer,
                         struct error *err);

#endif
