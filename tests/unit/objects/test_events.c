#include "customerd/objects/objects.h"

#include <stdio.h>

#include "unit.h"

#define FINDING(pointer, detail) "{\"pointer\":\"" pointer "\",\"detail\":\"" detail "\"}"

/* AWS's documented examples: "EventBridge event message structure", "Event message structure" of S3's notifications, and
 * "Using Lambda with Amazon SQS". */
#define EVENTBRIDGE(type, object, rest)                                                                           \
    "{\"version\":\"0\",\"id\":\"17793124-05d4-b198-2fde-7ededc63b103\",\"detail-type\":\"" type "\","              \
    "\"source\":\"aws.s3\",\"account\":\"111122223333\",\"time\":\"2021-11-12T00:00:00Z\",\"region\":\"ca-central-1\"," \
    "\"resources\":[\"arn:aws:s3:::amzn-s3-demo-bucket1\"],\"detail\":{\"version\":\"0\","                          \
    "\"bucket\":{\"name\":\"amzn-s3-demo-bucket1\"},\"object\":" object ",\"request-id\":\"N4N7GDK58NMKJ12R\","     \
    "\"requester\":\"123456789012\",\"source-ip-address\":\"1.2.3.4\"," rest "}}"

#define CREATED                                                                                                    \
    EVENTBRIDGE("Object Created",                                                                                  \
                "{\"key\":\"example-key\",\"size\":5,\"etag\":\"b1946ac92492d2347c6235b4d2611184\","              \
                "\"version-id\":\"IYV3p45BT0ac8hjHg1houSdS1a.Mro8e\",\"sequencer\":\"617f08299329d189\"}",        \
                "\"reason\":\"PutObject\"")
#define DELETED                                                                                                    \
    EVENTBRIDGE("Object Deleted",                                                                                  \
                "{\"key\":\"example-key\",\"etag\":\"d41d8cd98f00b204e9800998ecf8427e\","                         \
                "\"version-id\":\"1QW9g1Z99LUNbvaaYVpW9xDlOLU.qxgF\",\"sequencer\":\"617f0837b476e463\"}",        \
                "\"reason\":\"DeleteObject\",\"deletion-type\":\"Delete Marker Created\"")
#define RESTORED                                                                                                   \
    EVENTBRIDGE("Object Restore Completed",                                                                        \
                "{\"key\":\"example-key\",\"size\":5,\"etag\":\"b1946ac92492d2347c6235b4d2611184\"}",             \
                "\"restore-expiry-time\":\"2021-11-13T00:00:00Z\",\"source-storage-class\":\"GLACIER\"")

#define S3_RECORD(version, source, name, object)                                                                   \
    "{\"eventVersion\":\"" version "\",\"eventSource\":\"" source "\",\"awsRegion\":\"us-west-2\","               \
    "\"eventTime\":\"1970-01-01T00:00:00.000Z\",\"eventName\":\"" name "\","                                      \
    "\"userIdentity\":{\"principalId\":\"AIDAJDPLRKLG7UEXAMPLE\"},"                                               \
    "\"requestParameters\":{\"sourceIPAddress\":\"127.0.0.1\"},"                                                  \
    "\"responseElements\":{\"x-amz-request-id\":\"C3D13FE58DE4C810\","                                            \
    "\"x-amz-id-2\":\"FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG4V5Wp6S7S/JRWeUWerMUE5JgHvANOjpD\"},"                       \
    "\"s3\":{\"s3SchemaVersion\":\"1.0\",\"configurationId\":\"testConfigRule\","                                 \
    "\"bucket\":{\"name\":\"mybucket\",\"ownerIdentity\":{\"principalId\":\"A3NL1KOZZKExample\"},"                \
    "\"arn\":\"arn:aws:s3:::mybucket\"},\"object\":" object "}}"
#define HAPPY_FACE                                                                                                 \
    "{\"key\":\"HappyFace.jpg\",\"size\":1024,\"eTag\":\"d41d8cd98f00b204e9800998ecf8427e\","                     \
    "\"versionId\":\"096fKKXTRTtl3on89fVO.nfljtsv6qko\",\"sequencer\":\"0055AED6DCD90281E5\"}"
#define PUT(object) S3_RECORD("2.1", "aws:s3", "ObjectCreated:Put", object)
#define IN_BUCKET(name)                                                                                            \
    "{\"eventVersion\":\"2.1\",\"eventSource\":\"aws:s3\",\"eventName\":\"ObjectCreated:Put\","                     \
    "\"s3\":{\"bucket\":{\"name\":\"" name "\"},\"object\":{\"key\":\"k\"}}}"
#define NAME_OF_63 "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc"
#define RECORDS(records) "{\"Records\":[" records "]}"

#define TEST_EVENT                                                                                                 \
    "{\"Service\":\"Amazon S3\",\"Event\":\"s3:TestEvent\",\"Time\":\"2014-10-13T15:57:02.089Z\","                \
    "\"Bucket\":\"amzn-s3-demo-bucket\",\"RequestId\":\"5582815E1AEA5ADF\","                                      \
    "\"HostId\":\"8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE\"}"

static const char sqs_before[] = "{\"messageId\":\"059f36b4-87a3-44ab-83d2-661975830a7d\","
                                 "\"receiptHandle\":\"AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...\",\"body\":\"";
static const char sqs_after[] = "\",\"attributes\":{\"ApproximateReceiveCount\":\"1\",\"SentTimestamp\":\"1545082649183\","
                                "\"SenderId\":\"AIDAIENQZJOLO23YVJ4VO\"},\"messageAttributes\":{},"
                                "\"md5OfBody\":\"e4e68fb7bd0e697a0ae8f1bb342846b3\",\"eventSource\":\"aws:sqs\","
                                "\"eventSourceARN\":\"arn:aws:sqs:us-east-2:123456789012:my-queue\",\"awsRegion\":\"us-east-2\"}";

/* "HTTP/HTTPS notification JSON format" of SNS, which queues get, too; the subject is S3's. */
static const char sns_before[] = "{\n  \"Type\" : \"Notification\",\n  \"MessageId\" : \"22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\",\n"
                                 "  \"TopicArn\" : \"arn:aws:sns:us-west-2:123456789012:MyTopic\",\n"
                                 "  \"Subject\" : \"Amazon S3 Notification\",\n  \"Message\" : \"";
static const char sns_after[] = "\",\n  \"Timestamp\" : \"2012-05-02T00:54:06.655Z\",\n  \"SignatureVersion\" : \"1\",\n"
                                "  \"Signature\" : \"EXAMPLEw6JRN...\",\n"
                                "  \"SigningCertURL\" : \"https://sns.us-west-2.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem\",\n"
                                "  \"UnsubscribeURL\" : \"https://sns.us-west-2.amazonaws.com/?Action=Unsubscribe&SubscriptionArn="
                                "arn:aws:sns:us-west-2:123456789012:MyTopic:c9135db0-26c4-47ec-8998-413945fb5a96\"\n}";

struct fixture {
    struct object_events events;
    struct findings f;
    struct error err;
};

static enum status parse(struct fixture *x, const char *body)
{
    char *copy = exact_copy(body, strlen(body));
    memset(x, 0, sizeof *x);
    object_events_init(&x->events);
    findings_init(&x->f);
    enum status status = object_events_parse(slice_of(copy, strlen(body)), &x->events, &x->f, &x->err);
    free(copy); /* nothing may point into it */
    return status;
}

static void end(struct fixture *x)
{
    object_events_clean_up(&x->events);
    findings_clean_up(&x->f);
}

static void append_message(struct buf *out, const char *body)
{
    buf_append_cstr(out, sqs_before);
    buf_append_json_escaped(out, slice_cstr(body));
    buf_append_cstr(out, sqs_after);
}

static void append_notification(struct buf *out, const char *message)
{
    buf_append_cstr(out, sns_before);
    buf_append_json_escaped(out, slice_cstr(message));
    buf_append_cstr(out, sns_after);
}

static void expect_event(const struct object_event *event, const char *bucket, const char *key,
                         const char *etag)
{
    assert_slice(event->bucket, bucket);
    assert_slice(event->key, key);
    assert_slice(event->etag, etag);
}

static void expect_one(const char *body, const char *bucket, const char *key, const char *etag)
{
    struct fixture x;
    if (parse(&x, body) != STATUS_OK)
        fail_msg("%.100s: %s", body, x.f.json.data != NULL ? x.f.json.data : x.err.detail);
    assert_int_equal(x.events.n, 1);
    assert_int_equal(x.events.ignored + x.events.tests, 0);
    expect_event(x.events.items, bucket, key, etag);
    end(&x);
}

static void expect_counts(const char *body, size_t n, size_t ignored, size_t tests)
{
    struct fixture x;
    if (parse(&x, body) != STATUS_OK)
        fail_msg("%.100s: %s", body, x.f.json.data != NULL ? x.f.json.data : x.err.detail);
    assert_int_equal(x.events.n, n);
    assert_int_equal(x.events.ignored, ignored);
    assert_int_equal(x.events.tests, tests);
    end(&x);
}

static void expect_findings(const char *body, const char *findings)
{
    struct fixture x;
    enum status status = parse(&x, body);
    if (status != STATUS_INVALID_EVENT || x.err.code != status)
        fail_msg("%.200s: status %d", body, (int)status);
    assert_slice(buf_slice(&x.f.json), findings);
    end(&x);
}

static void eventbridge_tells_creations_and_deletions(void **state)
{
    (void)state;
    expect_one(CREATED, "amzn-s3-demo-bucket1", "example-key", "b1946ac92492d2347c6235b4d2611184");
    expect_one(DELETED, "amzn-s3-demo-bucket1", "example-key", "");
    expect_counts(RESTORED, 0, 1, 0);
    expect_counts(EVENTBRIDGE("Object Made Up Later", "5", "\"x\":0"), 0, 1, 0);
}

static void s3_tells_creations_and_deletions(void **state)
{
    (void)state;
    expect_one(RECORDS(PUT(HAPPY_FACE)), "mybucket", "HappyFace.jpg",
               "d41d8cd98f00b204e9800998ecf8427e");
    expect_one(RECORDS(S3_RECORD("2.3", "minio:s3", "s3:ObjectCreated:CompleteMultipartUpload", "{\"key\":\"a\",\"eTag\":null}")),
               "mybucket", "a", "");
    expect_one(RECORDS(S3_RECORD("2.1", "aws:s3", "ObjectCreated:Copy", "{\"key\":\"a\",\"eTag\":\"\\\"x-2\\\"\"}")),
               "mybucket", "a", "x-2");
    static const char *const gone[] = { RECORDS(S3_RECORD("2.1", "aws:s3", "ObjectRemoved:Delete", HAPPY_FACE)),
                                        RECORDS(S3_RECORD("2.1", "aws:s3", "ObjectRemoved:DeleteMarkerCreated", HAPPY_FACE)),
                                        RECORDS(S3_RECORD("2.3", "aws:s3", "LifecycleExpiration:Delete", HAPPY_FACE)),
                                        RECORDS(S3_RECORD("2.1", "aws:s3", "ReducedRedundancyLostObject", HAPPY_FACE)) };
    for (size_t i = 0; i < COUNT(gone); i++)
        expect_one(gone[i], "mybucket", "HappyFace.jpg", "");
    static const char *const same[] = { RECORDS(S3_RECORD("2.3", "aws:s3", "ObjectTagging:Put", HAPPY_FACE)),
                                        RECORDS(S3_RECORD("2.3", "aws:s3", "ObjectAcl:Put", HAPPY_FACE)),
                                        RECORDS(S3_RECORD("2.1", "aws:s3", "ObjectRestore:Completed", HAPPY_FACE)),
                                        RECORDS(S3_RECORD("2.9", "aws:s3", "MadeUpLater", "5")) };
    for (size_t i = 0; i < COUNT(same); i++)
        expect_counts(same[i], 0, 1, 0);
}

static void keys_are_decoded_in_s3s_shape_alone(void **state)
{
    (void)state;
    expect_one(RECORDS(PUT("{\"key\":\"red+flower%2B%c3%BC%2Fx.jpg\"}")), "mybucket",
               "red flower+\xc3\xbc/x.jpg", "");
    expect_one(EVENTBRIDGE("Object Created", "{\"key\":\"red+flower%2B\\u00fc 100%\"}", "\"x\":0"), 
               "amzn-s3-demo-bucket1", "red+flower%2B\xc3\xbc 100%", "");
}

/* Also one that this service does not serve: it is not the sender's fault. */
static void any_key_of_s3_is_taken(void **state)
{
    (void)state;
    struct fixture x;
    assert_int_equal(parse(&x, RECORDS(PUT("{\"key\":\"%00/../%0A%7F//\"}"))), STATUS_OK);
    assert_true(slice_equal(x.events.items[0].key, slice_of("\0/../\n\x7f//", 9)));
    end(&x);
}

static void a_test_event_is_no_event(void **state)
{
    (void)state;
    expect_counts(TEST_EVENT, 0, 0, 1);
    expect_counts("{\"Records\":[]}", 0, 0, 0);
}

static void messages_of_sqs_are_opened(void **state)
{
    (void)state;
    struct fixture x;
    struct buf body = BUF_INIT(1u << 16);
    append_message(&body, TEST_EVENT);
    expect_counts(body.data, 0, 0, 1); /* one alone */
    buf_clear(&body);
    buf_append_cstr(&body, "{\"Records\":[");
    append_message(&body, RECORDS(PUT(HAPPY_FACE) "," PUT("{\"key\":\"second%20one\"}")));
    buf_append_byte(&body, ',');
    append_message(&body, DELETED);
    buf_append_byte(&body, ',');
    append_message(&body, TEST_EVENT);
    buf_append_cstr(&body, "," PUT("{\"key\":\"beside\"}") "," S3_RECORD("2.3", "aws:s3", "ObjectAcl:Put", "{}") "]}");
    assert_int_equal(parse(&x, body.data), STATUS_OK);
    assert_int_equal(x.events.n, 4);
    assert_int_equal(x.events.tests, 1);
    assert_int_equal(x.events.ignored, 1);
    expect_event(&x.events.items[0], "mybucket", "HappyFace.jpg", "d41d8cd98f00b204e9800998ecf8427e");
    expect_event(&x.events.items[1], "mybucket", "second one", "");
    expect_event(&x.events.items[2], "amzn-s3-demo-bucket1", "example-key", "");
    expect_event(&x.events.items[3], "mybucket", "beside", "");
    end(&x);
    buf_clean_up(&body);
}

/* S3 -> SNS, and EventBridge -> SNS; by Lambda; and by SQS with a topic before it. */
static void messages_of_sns_are_opened(void **state)
{
    (void)state;
    struct fixture x;
    struct buf alone = BUF_INIT(1u << 16), body = BUF_INIT(1u << 16);
    append_notification(&alone, RECORDS(PUT(HAPPY_FACE)));
    expect_one(alone.data, "mybucket", "HappyFace.jpg", "d41d8cd98f00b204e9800998ecf8427e");
    append_message(&body, alone.data);
    expect_one(body.data, "mybucket", "HappyFace.jpg", "d41d8cd98f00b204e9800998ecf8427e");
    buf_clear(&body);
    buf_appendf(&body, "{\"Records\":[{\"EventSource\":\"aws:sns\",\"EventVersion\":\"1.0\",\"EventSubscriptionArn\":\"arn:aws:sns:"
                       "us-east-1:123456789012:sns-lambda:21be56ed-a058-49f5-8c98-aedd2564c486\",\"Sns\":%s}", alone.data);
    buf_clear(&alone);
    append_notification(&alone, CREATED);
    buf_append_byte(&body, ',');
    append_message(&body, alone.data);
    buf_clear(&alone);
    append_notification(&alone, TEST_EVENT);
    buf_append_byte(&body, ',');
    append_message(&body, alone.data);
    buf_append_byte(&body, ',');
    append_message(&body, RECORDS(PUT("{\"key\":\"without+a+topic\"}")));
    buf_append_cstr(&body, "]}");
    assert_int_equal(parse(&x, body.data), STATUS_OK);
    assert_int_equal(x.events.n, 3);
    assert_int_equal(x.events.tests, 1);
    expect_event(&x.events.items[0], "mybucket", "HappyFace.jpg", "d41d8cd98f00b204e9800998ecf8427e");
    expect_event(&x.events.items[1], "amzn-s3-demo-bucket1", "example-key", "b1946ac92492d2347c6235b4d2611184");
    expect_event(&x.events.items[2], "mybucket", "without a topic", "");
    end(&x);
    buf_clean_up(&alone);
    buf_clean_up(&body);
}

static void expect_findings_in_notification(const char *message, const char *findings)
{
    struct buf alone = BUF_INIT(1u << 16), body = BUF_INIT(1u << 16);
    append_notification(&alone, message);
    append_message(&body, alone.data);
    expect_findings(body.data, findings);
    buf_clean_up(&alone);
    buf_clean_up(&body);
}

static void what_is_wrong_with_sns_is_told_where_it_stands(void **state)
{
    (void)state;
    struct buf carried = BUF_INIT(1u << 16);
    expect_findings("{\"Type\":\"SubscriptionConfirmation\",\"Message\":\"You have chosen to subscribe\"}",
                    FINDING("/Type", "expected \\\"Notification\\\""));
    expect_findings("{\"Type\":\"Notification\"}", FINDING("/Message", "expected a string, got nothing"));
    expect_findings("{\"Type\":\"Notification\",\"Message\":\"Hello world!\"}",
                    FINDING("/Message", "in this text: line 1, column 1 (byte 0): expected a value"));
    expect_findings("{\"Records\":[{\"EventSource\":\"aws:ses\"},{\"EventSource\":\"aws:sns\"},{\"EventSource\":\"aws:sns\",\"Sns\":{}}]}",
                    FINDING("/Records/0/EventSource", "expected \\\"aws:sns\\\"") "," FINDING(
                        "/Records/1/Sns", "expected an object, got nothing") "," FINDING(
                        "/Records/2/Sns/Type", "expected a string, got nothing"));
    expect_findings_in_notification("{}", FINDING("/body", "in this text, at /Message: in this text: expected \\\"detail-type\\\" (EventBridge), "
                                                  "\\\"Records\\\" (S3, SQS or SNS), \\\"Type\\\" (SNS), or \\\"Event\\\" (s3:TestEvent)"));
    expect_findings_in_notification("[]", FINDING("/body", "in this text, at /Message: in this text: expected an object"));
    expect_findings_in_notification(RECORDS(PUT(HAPPY_FACE) "," PUT("{\"key\":\"a%\"}")),
                                    FINDING("/body", "in this text, at /Message: in this text, at /Records/1/s3/object/key: expected a "
                                                     "form-encoded key, got a broken escape"));
    append_notification(&carried, TEST_EVENT);
    expect_findings_in_notification(carried.data,
                                    FINDING("/body", "in this text, at /Message: in this text: expected an event, got another message"));
    buf_clear(&carried);
    append_message(&carried, TEST_EVENT);
    expect_findings_in_notification(carried.data,
                                    FINDING("/body", "in this text, at /Message: in this text: expected an event, got another message"));
    buf_clean_up(&carried);
}

static void what_is_wrong_is_told_where_it_stands(void **state)
{
    (void)state;
    expect_findings("{}", FINDING("", "expected \\\"detail-type\\\" (EventBridge), \\\"Records\\\" (S3, SQS or SNS), "
                                      "\\\"Type\\\" (SNS), or \\\"Event\\\" (s3:TestEvent)"));
    expect_findings("[]", FINDING("", "expected an object, got an array"));
    expect_findings("{\"Records\":{}}", FINDING("/Records", "expected an array, got an object"));
    expect_findings("{\"Records\":[1,{}]}", FINDING("/Records/0", "expected an object, got a number") "," FINDING(
                                                "/Records/1/eventSource", "expected a string, got nothing"));
    expect_findings("{\"Records\":[{\"eventSource\":\"aws:sns\"}]}",
                    FINDING("/Records/0/eventSource", "expected \\\"aws:s3\\\" or \\\"aws:sqs\\\""));
    expect_findings("{\"Event\":\"s3:OtherEvent\"}", FINDING("/Event", "expected \\\"s3:TestEvent\\\""));
    expect_findings("{\"detail-type\":\"Object Created\",\"source\":\"aws.ec2\"}",
                    FINDING("/source", "expected \\\"aws.s3\\\""));
    expect_findings("{\"detail-type\":\"Object Created\",\"source\":\"aws.s3\",\"detail\":{\"bucket\":{\"name\":5}}}",
                    FINDING("/detail/object", "expected an object, got nothing") "," FINDING(
                        "/detail/bucket/name", "expected a string, got a number"));
    expect_findings(RECORDS(S3_RECORD("3.0", "aws:s3", "ObjectCreated:Put", "{\"key\":\"\",\"eTag\":1}")),
                    FINDING("/Records/0/eventVersion", "expected version 2, and any minor one") "," FINDING(
                        "/Records/0/s3/object/key", "expected a key of 1 to 1024 bytes, got 0") "," FINDING(
                        "/Records/0/s3/object/eTag", "expected a string, got a number"));
    expect_findings("{\"Records\":[{\"eventSource\":\"aws:s3\",\"eventVersion\":\"2.1\",\"eventName\":\"ObjectCreated:Put\"}]}",
                    FINDING("/Records/0/s3", "expected an object, got nothing"));
    static const char *const broken[] = { RECORDS(PUT("{\"key\":\"a%\"}")), RECORDS(PUT("{\"key\":\"a%2\"}")),
                                          RECORDS(PUT("{\"key\":\"a%g0\"}")), RECORDS(PUT("{\"key\":\"%0/\"}")) };
    for (size_t i = 0; i < COUNT(broken); i++)
        expect_findings(broken[i],
                        FINDING("/Records/0/s3/object/key", "expected a form-encoded key, got a broken escape"));
    expect_findings(RECORDS(PUT("{\"key\":\"%ff\"}")), FINDING("/Records/0/s3/object/key", "expected a key in UTF-8"));
}

static void buckets_have_names_of_their_length(void **state)
{
    (void)state;
    expect_one(RECORDS(IN_BUCKET(NAME_OF_63)), NAME_OF_63, "k", "");
    expect_findings(RECORDS(IN_BUCKET(NAME_OF_63 "d")),
                    FINDING("/Records/0/s3/bucket/name", "expected a bucket's name of 1 to 63 bytes, got 64"));
    expect_findings(RECORDS(IN_BUCKET("")),
                    FINDING("/Records/0/s3/bucket/name", "expected a bucket's name of 1 to 63 bytes, got 0"));
}

static void what_is_wrong_in_a_message_is_told_at_its_text(void **state)
{
    (void)state;
    struct buf body = BUF_INIT(1u << 16);
    struct buf inner = BUF_INIT(1u << 16);
    append_message(&body, "Message Body");
    expect_findings(body.data, FINDING("/body", "in this text: line 1, column 1 (byte 0): expected a value"));
    buf_clear(&body);
    append_message(&inner, TEST_EVENT);
    buf_append_cstr(&body, "{\"Records\":[");
    append_message(&body, RECORDS(PUT("{\"key\":\"a%\"}")));
    buf_append_byte(&body, ',');
    append_message(&body, "[]");
    buf_append_byte(&body, ',');
    append_message(&body, inner.data);
    buf_append_cstr(&body, ",{\"eventSource\":\"aws:sqs\"}]}");
    expect_findings(body.data, FINDING("/Records/0/body", "in this text, at /Records/0/s3/object/key: expected a form-encoded "
                                                          "key, got a broken escape") "," FINDING(
                                   "/Records/1/body", "in this text: expected an object") "," FINDING(
                                   "/Records/2/body", "in this text: expected an event, got another message") "," FINDING(
                                   "/Records/3/body", "expected a string, got nothing"));
    buf_clean_up(&inner);
    buf_clean_up(&body);
}

static void a_body_that_is_no_json_has_a_position(void **state)
{
    (void)state;
    struct fixture x;
    assert_int_equal(parse(&x, "{\"Records\":\n[}"), STATUS_MALFORMED_JSON);
    assert_int_equal(x.f.line, 2);
    assert_int_equal(x.f.column, 2);
    end(&x);
}

static enum status parse_many(struct fixture *x, size_t n, size_t key_len)
{
    struct buf body = BUF_INIT(8u << 20);
    buf_append_cstr(&body, "{\"Records\":[");
    for (size_t i = 0; i < n; i++) {
        buf_appendf(&body, "%s{\"eventSource\":\"aws:s3\",\"eventVersion\":\"2.1\",\"eventName\":\"ObjectCreated:Put\","
                           "\"s3\":{\"bucket\":{\"name\":\"b\"},\"object\":{\"key\":\"%zu", i == 0 ? "" : ",", i);
        for (size_t k = 0; k < key_len; k++)
            buf_append_byte(&body, 'k');
        buf_append_cstr(&body, "\"}}}");
    }
    buf_append_cstr(&body, "]}");
    assert_true(buf_ok(&body));
    enum status status = parse(x, body.data);
    buf_clean_up(&body);
    return status;
}

static void there_are_bounds(void **state)
{
    (void)state;
    struct fixture x;
    assert_int_equal(parse_many(&x, OBJECT_EVENTS_MAX, 0), STATUS_OK);
    assert_int_equal(x.events.n, OBJECT_EVENTS_MAX);
    expect_event(&x.events.items[OBJECT_EVENTS_MAX - 1], "b", "999", "");
    end(&x);
    for (size_t extra = 1; extra <= 2; extra++) {
        assert_int_equal(parse_many(&x, OBJECT_EVENTS_MAX + extra, 0), STATUS_INVALID_EVENT);
        assert_slice(buf_slice(&x.f.json), FINDING("", "expected at most 1000 events"));
        end(&x);
    }
    assert_int_equal(parse_many(&x, 1, OBJECT_KEY_MAX_BYTES - 1), STATUS_OK);
    end(&x);
    assert_int_equal(parse_many(&x, 1, OBJECT_KEY_MAX_BYTES), STATUS_INVALID_EVENT);
    end(&x);
    assert_int_equal(parse_many(&x, 1000, 1024), STATUS_BODY_TOO_LARGE);
    end(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eventbridge_tells_creations_and_deletions),
        cmocka_unit_test(s3_tells_creations_and_deletions),
        cmocka_unit_test(keys_are_decoded_in_s3s_shape_alone),
        cmocka_unit_test(any_key_of_s3_is_taken),
        cmocka_unit_test(a_test_event_is_no_event),
        cmocka_unit_test(messages_of_sqs_are_opened),
        cmocka_unit_test(messages_of_sns_are_opened),
        cmocka_unit_test(what_is_wrong_is_told_where_it_stands),
        cmocka_unit_test(what_is_wrong_with_sns_is_told_where_it_stands),
        cmocka_unit_test(buckets_have_names_of_their_length),
        cmocka_unit_test(what_is_wrong_in_a_message_is_told_at_its_text),
        cmocka_unit_test(a_body_that_is_no_json_has_a_position),
        cmocka_unit_test(there_are_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
