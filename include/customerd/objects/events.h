/* events: what S3 tells about objects that were changed, in the shapes in which it comes to POST /objects/events.
 *
 *   EventBridge    {"source":"aws.s3", "detail-type":"Object Created", "detail":{"bucket":{"name"}, "object":{"key","etag"}}}
 *   S3             {"Records":[{"eventSource":"aws:s3", "eventName":"ObjectCreated:Put", "s3":{"bucket", "object"}}]}
 *   S3, at setup   {"Service":"Amazon S3", "Event":"s3:TestEvent"}
 *   SNS            {"Type":"Notification", "Message":"..."}, or {"Records":[{"EventSource":"aws:sns", "Sns":{...}}]} as
 *                  Lambda gets it; the message is one of the shapes above, as a text
 *   SQS            {"Records":[{"eventSource":"aws:sqs", "body":"..."}]} as Lambda gets it, or one message alone as
 *                  EventBridge Pipes hand it on; the body is one of the shapes above, as a text. One of SNS is there where a
 *                  queue is subscribed to a topic
 *
 * Keys are form-encoded in S3's own shape ("red flower.jpg" is "red+flower.jpg") and literal in EventBridge's.
 * Unknown members are ignored, as AWS asks of readers; so are events that change no content (tags, storage classes, ...). */
#ifndef CUSTOMERD_OBJECTS_EVENTS_H
#define CUSTOMERD_OBJECTS_EVENTS_H

#include "customerd/core/buf.h"
#include "customerd/core/findings.h"
#include "customerd/core/status.h"

#define OBJECT_EVENTS_MAX 1000 /* in one body */
#define OBJECT_EVENTS_BODY_MAX_BYTES (1u << 20) /* a batch of SQS messages; one is at most 1 MiB */

/* Something has happened to this object. */
struct object_event {
    struct slice bucket; /* 1 to OBJECT_BUCKET_MAX_BYTES; whether it is one that is served, the caller knows */
    struct slice key;    /* 1 to OBJECT_KEY_MAX_BYTES of UTF-8: any that S3 may hold, also one that this service can't serve */
    struct slice etag;   /* what the object has now, without quotes; empty when it is gone, or that is not told */
};

/* The events' slices belong to it. */
struct object_events {
    struct object_event *items; /* in the order of the body */
    size_t n;
    size_t ignored; /* events that change no content */
    size_t tests;   /* s3:TestEvent, which S3 sends when notifications are set up */
    struct buf text; /* what the slices lie in */
};

void object_events_init(struct object_events *e);
void object_events_clean_up(struct object_events *e);

/* Reads a body, all or nothing: what is wrong with it stands in f. MALFORMED_JSON, INVALID_EVENT, BODY_TOO_LARGE, or
 * INTERNAL when memory is out. Pure; any thread. e was initialized, f too. */
enum status object_events_parse(struct slice body, struct object_events *e, struct findings *f, struct error *err) MUST_USE;

#endif
