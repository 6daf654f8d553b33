/* s3: the five operations of S3 that an object cache needs, signed, bounded in time, size and number.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html (PutObject, DeleteObject, HeadObject, ListObjectsV2)
 *
 * Callers are fibers or threads; they wait on core/monitor, so that a fiber leaves its thread to others. All traffic runs
 * on one thread of the client's own (core/http_multi.h), over connections that are kept and used again. Credentials are
 * fetched in the background, never on a request's path; only the very first fetch is waited for.
 *
 * What may be tried again is (429, 5xx, a lost connection), after a random delay and within the deadline: all operations
 * are idempotent. A write with a condition is not repeated once it may have taken effect, since its second answer would
 * tell about the first. Redirects are never followed. An endpoint of plain http must be on the loopback.
 *
 * Keys are any 1 to 1024 bytes without NUL, as S3 names objects: they are percent-encoded here. Keys with a segment "."
 * or ".." are refused, since what stands between may resolve them and reach another key or bucket. */
#ifndef CUSTOMERD_AWS_S3_H
#define CUSTOMERD_AWS_S3_H

#include "customerd/aws/credentials.h"
#include "customerd/core/buf.h"
#include "customerd/core/http_multi.h"
#include "customerd/core/log.h"

#define S3_BUCKET_MAX_BYTES 63
#define S3_KEY_MAX_BYTES 1024
#define S3_LIST_MAX 1000

/* Whether a bucket may have that name, which becomes part of a host's name or of a path. Pure.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
bool s3_is_bucket_name(struct slice name);
/* Whether a segment of the key is "." or "..". Pure. */
bool s3_key_climbs(struct slice key);

struct s3;
struct s3_stream;

/* In which part of the URL the bucket stands. Auto: the host for AWS's own endpoint, unless the bucket's name has a dot
 * (no certificate fits); the path for another endpoint. */
enum s3_addressing { S3_ADDRESSING_AUTO, S3_ADDRESSING_PATH, S3_ADDRESSING_VIRTUAL };

struct s3_options {
    const struct credentials_env *env; /* NULL: the system's; its `cancelled` is not looked at. What it points to, and
                                        * the log, must outlive the client */
    const char *endpoint;  /* scheme, host and perhaps a port; NULL or "": AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, else
                            * the region's own */
    const char *region;    /* NULL or "": as aws_region finds it */
    const char *ca_file;   /* PEM; NULL or "": AWS_CA_BUNDLE, else the system's */
    enum s3_addressing addressing;
    size_t connections;    /* exchanges under way at once; more wait for their turn. 0: 32 */
    size_t waiting;        /* how many may wait; more are refused with OVERLOADED. 0: 1024 */
    size_t streams;        /* answers that are handed through piece by piece at once, beside `connections`. 0: 32 */
    struct log *log;       /* may be NULL */
};

/* Starts the threads. Waits for no network. NULL (and err) when it can't start, or the endpoint, region or bucket style
 * is not usable. */
struct s3 *s3_new(const struct s3_options *options, struct error *err);
/* No call is under way and no stream is open any more. Stops and joins: within about two seconds. Accepts NULL. */
void s3_destroy(struct s3 *s3);

/* Whether requests can be signed now; else why not (the last refresh's reason). Any thread, never waits. */
enum status s3_ready(struct s3 *s3, struct error *err) MUST_USE;
/* Appends requests, durations, bytes, retries, what is under way, and the credentials' life (core/metrics.h). */
void s3_write_metrics(struct s3 *s3, struct buf *out);

/* ---- what stands in the headers of an object ---- */

enum s3_field {
    S3_ETAG, /* with its quotes */
    S3_LAST_MODIFIED, /* IMF-fixdate, as S3 gives it */
    S3_CONTENT_TYPE,
    S3_CONTENT_ENCODING,
    S3_CONTENT_LANGUAGE,
    S3_CONTENT_DISPOSITION,
    S3_CACHE_CONTROL,
    S3_EXPIRES,
    S3_CONTENT_RANGE,
    S3_VERSION_ID,
    S3_FIELDS
};

/* "content-type": a literal in lower case; S3_VERSION_ID is "x-amz-version-id". */
const char *s3_field_name(enum s3_field field);

struct s3_meta {
    int64_t length;                 /* of this answer's body (for HEAD: the one that GET has); -1 when S3 did not say */
    struct slice fields[S3_FIELDS]; /* empty: none; no control bytes are in them */
    char *text;                     /* owns them */
};

/* Frees; what is left is empty. Accepts NULL. */
void s3_meta_clean_up(struct s3_meta *meta);

/* ---- operations ----
 *
 * OK means that S3 answered the question; `status` then is one of those that are named. Everything else is a failure:
 *   BAD_REQUEST     the bucket's name, the key or a field can't be sent; or the body is not what content_md5 says
 *   OVERLOADED      too many wait already; nothing was sent
 *   S3_TIMED_OUT    no answer by the deadline
 *   S3_UNAVAILABLE  not reachable, no credentials, an answer that makes no sense, or a refusal (S3's error code is then
 *                   in the detail)
 * That an object isn't there, S3 tells only to who may list its bucket (s3:ListBucket); to others it refuses with 403.
 * Details may be told to clients: no address, key or credentials are in them. The log has the cause (`s3_failed`).
 * err->applied: whether a write that failed may have taken effect. Strings of a request are borrowed for the call.
 * Replies are to be cleaned up also after a failure, when nothing is in them but too_long. */

struct s3_get {
    struct slice bucket;
    struct slice key;
    bool head;                  /* only what stands in the headers */
    struct slice if_match;
    struct slice range;         /* "bytes=0-99", handed on; empty: the whole */
    size_t body_max;            /* a longer body becomes a stream */
    bool is_long;               /* the caller knows that it will: S3 is not asked while too many are open. Not with head or range */
    int64_t deadline_ms;        /* monotonic (the system's clock); for a stream it ends with the headers */
};

struct s3_reply {
    int status;               /* GET, HEAD: 200, 206, 404, 412, 416. PUT: 200, 404 (If-Match), 409, 412. DELETE: 204,
                               * 412, 409 */
    struct s3_meta meta;
    struct buf body;          /* the object's; empty for other statuses */
    struct s3_stream *stream; /* instead of the body; the caller closes it */
    bool too_long;            /* OVERLOADED: the body is longer than body_max, and too many streams are open */
};

/* Cleans up the meta and the body, and closes the stream. Accepts NULL. */
void s3_reply_clean_up(struct s3_reply *reply);

enum status s3_get(struct s3 *s3, const struct s3_get *get, struct s3_reply *out, struct error *err) MUST_USE;

struct s3_put {
    struct slice bucket;
    struct slice key;
    struct slice body;
    struct slice fields[S3_FIELDS]; /* those from S3_CONTENT_TYPE to S3_EXPIRES are sent; empty: none */
    struct slice if_match;          /* handed on; empty: none */
    struct slice if_none_match;
    struct slice content_md5;       /* base64, handed on; empty: none. The body's SHA-256 is signed in any case */
    int64_t deadline_ms;
};

/* The reply's meta has the new ETag and version; its body is empty. */
enum status s3_put(struct s3 *s3, const struct s3_put *put, struct s3_reply *out, struct error *err) MUST_USE;

struct s3_delete {
    struct slice bucket;
    struct slice key;
    struct slice if_match; /* handed on; empty: none */
    int64_t deadline_ms;
};

/* S3 answers 204 also where no object was. */
enum status s3_delete(struct s3 *s3, const struct s3_delete *delete, struct s3_reply *out, struct error *err) MUST_USE;

struct s3_list {
    struct slice bucket;
    struct slice prefix;             /* may be empty */
    struct slice start_after;        /* keys after this one in S3's order; empty: from the first. Not with a token */
    struct slice continuation_token; /* of the page before; empty: the first page */
    size_t max_keys;                 /* 1 to S3_LIST_MAX; 0: S3_LIST_MAX */
    int64_t deadline_ms;
};

struct s3_list_entry {
    struct slice key;           /* decoded */
    struct slice etag;          /* with its quotes */
    struct slice last_modified; /* RFC 3339 */
    int64_t size;
};

struct s3_page {
    struct s3_list_entry *entries;
    size_t n;
    struct slice next_token; /* empty: this is the last page */
    char *text;              /* owns them */
};

enum status s3_list(struct s3 *s3, const struct s3_list *list, struct s3_page *out, struct error *err) MUST_USE;
void s3_page_clean_up(struct s3_page *page);

/* ---- a body that comes piece by piece ----
 *
 * At most 256 KiB wait to be read (and what had come before it was known to be long, body_max at most); then S3 is not
 * read on. One user at a time, any thread. A stream has no deadline, but S3 must send something every ten seconds while
 * it is read from. */

/* These are as those of http_stream. */
size_t s3_stream_read(struct s3_stream *stream, void *out, size_t size, enum http_stream_state *state);
/* Waits on core/monitor until a read gives something, or until_ms (monotonic) has come: then false. */
bool s3_stream_wait(struct s3_stream *stream, int64_t until_ms);
/* Ends the transfer when it is not at its end. Accepts NULL. */
void s3_stream_close(struct s3_stream *stream);

#endif
