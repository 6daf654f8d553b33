/* objects: objects of S3, read through a cache that all instances share, and written through it. Each function is one thing
 * that a client can ask for; all may be called by any thread or fiber, and wait as cluster_run does. How entries are kept,
 * and why nothing old is served: src/objects/README.md. */
#ifndef CUSTOMERD_OBJECTS_OBJECTS_H
#define CUSTOMERD_OBJECTS_OBJECTS_H

#include "customerd/aws/s3.h"
#include "customerd/core/clock.h"
#include "customerd/core/log.h"
#include "customerd/core/status.h"
#include "customerd/objects/events.h"
#include "customerd/objects/settings.h"

#define OBJECT_BUCKET_MAX_BYTES S3_BUCKET_MAX_BYTES
#define OBJECT_KEY_MAX_BYTES S3_KEY_MAX_BYTES

struct cluster;
struct objects;

/* Where objects come from: aws/s3.h's functions, or a test's. */
struct objects_origin {
    enum status (*get)(void *ctx, const struct s3_get *get, struct s3_reply *out, struct error *err);
    enum status (*put)(void *ctx, const struct s3_put *put, struct s3_reply *out, struct error *err);
    enum status (*remove)(void *ctx, const struct s3_delete *what, struct s3_reply *out, struct error *err);
    void *ctx;
};
struct objects_origin objects_origin_s3(struct s3 *s3);

struct objects_options {
    struct cluster *cluster;      /* the cache's; borrowed, as all here */
    struct objects_origin origin; /* copied */
    const struct objects_settings *settings;
    const struct clock *clock;
    struct log *log; /* may be NULL */
};

/* Starts nothing. NULL and err when out of memory. */
struct objects *objects_new(const struct objects_options *options, struct error *err);
/* Nobody uses it, or a view that it gave, any more. Accepts NULL. */
void objects_destroy(struct objects *o);
/* Appends what came of requests and of the cache (core/metrics.h). */
void objects_write_metrics(struct objects *o, struct buf *out);

/* 1 to OBJECT_BUCKET_MAX_BYTES and 1 to OBJECT_KEY_MAX_BYTES; the key's bytes as S3 has them, decoded. Borrowed. */
struct object_name {
    struct slice bucket;
    struct slice key;
};

/* ---- reading ---- */

/* hit: from the cache. miss: from S3, for this request or for others that asked at the same time; the cache has it now.
 * stale: from the cache, past its time, since S3 does not answer or somebody else is asking it. bypass: from S3, and not kept: the
 * cache can't be reached, the object is being written, or it is too long. */
enum object_source { OBJECT_HIT, OBJECT_MISS, OBJECT_STALE, OBJECT_BYPASS };

struct object_wish {
    bool head;          /* the body is not wanted: view.body may hold it all the same, view.stream is never there */
    struct slice range; /* a Range as S3 takes it, or empty: used when the object is too long to be kept. Others are
                         * given whole, since they are at hand */
    struct slice range_tag; /* of which object the range is, with its quotes; another one is fetched whole. Empty: of any, or no range */
    /* Asked before the bytes of an object that is too long to be kept are fetched, with what S3 says of it: false, and the view has
     * no more than that. NULL: they are wanted. */
    bool (*wants_bytes)(void *ctx, const struct s3_meta *meta);
    void *ctx;
};

/* An object, or a part of one. Initialise with object_view_init, clean up whatever the status. */
struct object_view {
    enum object_source source;
    int64_t age_ms;              /* since S3 was asked; 0 when that was for this request */
    int status;                  /* as S3 answered: 200; 206 or 416 only where a range was handed on */
    const struct s3_meta *meta;  /* of the whole object; meta->content_range with a 206 */
    struct slice body;           /* all of it, unless there is a stream */
    struct s3_stream *stream;    /* longer than CUSTOMERD_OBJECT_CACHE_MAX_BYTES; the caller may take it (and put NULL here) */
    struct object_bytes *bytes;  /* what meta and body lie in, shared with others */
};
void object_view_init(struct object_view *v);
/* Closes the stream, too, if it is still there. */
void object_view_clean_up(struct object_view *v);

/* NOT_FOUND (view.source and view.age_ms are filled then, too); else what s3_get fails with: S3_UNAVAILABLE, S3_TIMED_OUT,
 * OVERLOADED, BAD_REQUEST. */
enum status objects_get(struct objects *o, const struct object_name *name, const struct object_wish *wish,
                        int64_t deadline_ms, struct object_view *out, struct error *err) MUST_USE;

/* ---- writing ---- */

struct object_content {
    struct slice body;
    struct slice content_type;        /* these may be empty */
    struct slice content_encoding;
    struct slice content_language;
    struct slice content_disposition;
    struct slice cache_control;
    struct slice content_md5;         /* base64: S3 checks it */
    struct slice if_match;            /* handed to S3, which alone can judge them */
    struct slice if_none_match;
};

struct object_written {
    char etag[96];       /* with its quotes; empty after a delete */
};

/* Once one has returned OK, no reader is given what was there before.
 *   PRECONDITION_FAILED, UPDATE_IN_PROGRESS  S3 says so; nothing was done
 *   UNAVAILABLE            the cache can't be reached; nothing was done
 *   S3_UNAVAILABLE, S3_TIMED_OUT, OVERLOADED, BAD_REQUEST  as s3_put has them; nothing was done
 *   OUTCOME_UNKNOWN        S3 did not say how it ended, and readers get what S3 has until CUSTOMERD_OBJECT_FENCE_MS is over; or
 *                          S3 has it, and the cache could not be told in that time */
enum status objects_put(struct objects *o, const struct object_name *name, const struct object_content *content,
                        int64_t deadline_ms, struct object_written *out, struct error *err) MUST_USE;
enum status objects_delete(struct objects *o, const struct object_name *name, struct slice if_match, int64_t deadline_ms,
                           struct object_written *out, struct error *err) MUST_USE;

/* ---- what others do ---- */

/* The cache forgets what it has of the events' objects, unless it is what the event tells. Buckets that may not be used are passed over.
 * UNAVAILABLE, OUTCOME_UNKNOWN: perhaps not all was forgotten, and the events are to be sent again. *dropped: how many
 * entries went. */
enum status objects_forget(struct objects *o, const struct object_event *events, size_t n, int64_t deadline_ms,
                           size_t *dropped, struct error *err) MUST_USE;

enum object_warmth {
    OBJECT_WAS_FRESH,
    OBJECT_WARMED,
    OBJECT_IS_ABSENT,
    OBJECT_IS_TOO_LONG,
    OBJECT_NOT_KEPT, /* it is being written */
};
/* Fills the cache unless what it has is fresh. UNAVAILABLE when the cache can't be reached or takes nothing, S3_UNAVAILABLE
 * also when what it has stays past its time; else as objects_get. */
enum status objects_warm(struct objects *o, const struct object_name *name, int64_t deadline_ms, enum object_warmth *out,
                         struct error *err) MUST_USE;

/* ---- for the resource and commands beside it ---- */

struct config;
struct io_thread;

/* All of the above with what it takes: the cache's cluster and its login, and S3. */
struct objects_service;

/* What can be wrong before any thread runs. */
enum status objects_service_check(const struct objects_settings *settings, struct error *err) MUST_USE;
/* settings are borrowed; the cache's cluster joins io. NULL and err. */
struct objects_service *objects_service_new(const struct objects_settings *settings, const struct config *config,
                                            struct io_thread *io, const struct clock *clock, struct log *log,
                                            struct error *err);
void objects_service_destroy(struct objects_service *s); /* accepts NULL */
struct objects *objects_service_objects(struct objects_service *s);
struct cluster *objects_service_cluster(struct objects_service *s);
struct s3 *objects_service_s3(struct objects_service *s);
void objects_service_write_metrics(struct objects_service *s, struct buf *out);
/* Members of /readyz, each with a comma before it. */
void objects_service_write_readiness(struct objects_service *s, struct buf *out);

#endif
