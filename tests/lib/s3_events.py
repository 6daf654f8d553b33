"""What S3 tells about a changed object, in the shapes in which it arrives."""

import json
import urllib.parse


def eventbridge(bucket, key, etag=None, kind="Object Created"):
    thing = {"key": key, "size": 5, "sequencer": "00617F08299329D189", **({} if etag is None else {"etag": etag.strip('"')})}
    return {"version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": kind, "source": "aws.s3",
            "account": "111122223333", "time": "2026-11-12T00:00:00Z", "region": "eu-west-1",
            "resources": [f"arn:aws:s3:::{bucket}"],
            "detail": {"version": "0", "bucket": {"name": bucket}, "object": thing, "request-id": "N4N7GDK58NMKJ12R",
                       "requester": "123456789012", "source-ip-address": "1.2.3.4", "reason": "PutObject"}}


def record(bucket, key, etag=None, name="ObjectCreated:Put"):
    """One of S3's own; the key is form-encoded in it."""
    thing = {"key": urllib.parse.quote_plus(key, safe="/"), "size": 5, "sequencer": "0055AED6DCD90281E5",
             **({} if etag is None else {"eTag": etag.strip('"')})}
    return {"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-west-1", "eventTime": "2026-11-12T00:00:00.000Z",
            "eventName": name, "userIdentity": {"principalId": "A3"}, "requestParameters": {"sourceIPAddress": "1.2.3.4"},
            "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810"},
            "s3": {"s3SchemaVersion": "1.0", "configurationId": "c", "object": thing,
                   "bucket": {"name": bucket, "ownerIdentity": {"principalId": "A3"}, "arn": f"arn:aws:s3:::{bucket}"}}}


def s3(*records):
    return {"Records": list(records)}


def sqs(*bodies):
    """As Lambda gets a batch of messages."""
    return {"Records": [{"messageId": f"m{i}", "receiptHandle": "h", "body": json.dumps(body), "attributes": {},
                         "messageAttributes": {}, "md5OfBody": "x", "eventSource": "aws:sqs",
                         "eventSourceARN": "arn:aws:sqs:eu-west-1:1:q", "awsRegion": "eu-west-1"}
                        for i, body in enumerate(bodies)]}


def sns(body):
    """As a topic hands a message to its queues."""
    topic = "arn:aws:sns:us-west-2:123456789012:MyTopic"
    return {"Type": "Notification", "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324", "TopicArn": topic,
            "Subject": "Amazon S3 Notification", "Message": json.dumps(body), "Timestamp": "2012-05-02T00:54:06.655Z",
            "SignatureVersion": "1", "Signature": "EXAMPLEw6JRN...",
            "SigningCertURL": "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem",
            "UnsubscribeURL": f"https://sns.us-west-2.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={topic}:c9135db0"}


TEST_EVENT = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-11-13T15:00:00.000Z", "Bucket": "catalogue",
              "RequestId": "5582815E1AEA5ADF", "HostId": "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE"}


def all_shapes(bucket, key, etag=None, gone=False):
    """name -> body: every shape for one event."""
    bridge = eventbridge(bucket, key, etag, "Object Deleted" if gone else "Object Created")
    own = s3(record(bucket, key, etag, "ObjectRemoved:Delete" if gone else "ObjectCreated:Put"))
    return {"EventBridge": bridge, "S3": own, "SQS of S3": sqs(own), "SQS of EventBridge": sqs(bridge),
            "SNS of S3": sns(own), "SQS of SNS of S3": sqs(sns(own)), "SQS of SNS of EventBridge": sqs(sns(bridge))}
