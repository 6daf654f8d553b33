"""The S3 that the other tests and the local run have: it judges signatures, keeps keys as they are, and lists them as S3 does.

Signatures here are botocore's, so that what the service signs is held against another program's understanding of it."""

import html
import http.client
import re
import urllib.parse
import uuid

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local_memorydb.s3 import Answer, S3Client

BUCKET, REGION = "documents", "eu-west-1"


@pytest.fixture
def s3(objects):
    return objects.s3


@pytest.fixture
def tag():
    return uuid.uuid4().hex


def code_of(answer):
    found = re.search(rb"<Code>(\w+)</Code>", answer.body)
    return answer.status, found and found.group(1).decode()


def as_if(objects, **changed):
    """A client with the authority's credentials, but for what is changed."""
    port = objects.local.objects.s3.port
    return S3Client(port, lambda: {**objects.local.credentials(), **changed}, REGION)


@pytest.mark.parametrize("changed, wanted", [
    ({"SecretAccessKey": "another"}, (403, "SignatureDoesNotMatch")), ({"AccessKeyId": "AKIANOBODY"}, (403, "InvalidAccessKeyId")),
    ({"Token": "another"}, (400, "InvalidToken")), ({"Token": None}, (400, "InvalidToken"))])
def test_what_is_signed_wrongly_is_refused(objects, tag, changed, wanted):
    for method, body in (("PUT", b"x"), ("GET", b""), ("DELETE", b"")):
        assert code_of(as_if(objects, **changed).request(method, BUCKET, tag, body)) == wanted


def signed(objects, method, path, body=b""):
    """The header fields of a request that is signed rightly."""
    given = objects.local.credentials()
    request = AWSRequest(method, f"http://127.0.0.1:{objects.local.objects.s3.port}{path}", data=body)
    S3SigV4Auth(Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["Token"]), "s3", REGION).add_auth(request)
    return dict(request.headers.items())


def send(objects, method, path, headers, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", objects.local.objects.s3.port, timeout=10)
    try:
        connection.request(method, path, body, headers)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def test_what_was_changed_after_signing_is_refused(objects, tag):
    path, body = f"/{BUCKET}/{tag}", b"signed"
    put = signed(objects, "PUT", path, body)
    assert send(objects, "PUT", path, put, body).status == 200
    refused = (403, "SignatureDoesNotMatch")
    assert code_of(send(objects, "PUT", path + "x", put, body)) == refused
    assert code_of(send(objects, "DELETE", path, put)) == refused
    assert code_of(send(objects, "PUT", path + "?acl", put, body)) == refused
    assert code_of(send(objects, "PUT", path, {**put, "X-Amz-Meta-A": "b"}, body)) == (403, "AccessDenied")
    assert code_of(send(objects, "PUT", path, put, b"chang!")) == (400, "XAmzContentSHA256Mismatch")
    old = {**put, "X-Amz-Date": "20200101T000000Z"}
    assert code_of(send(objects, "PUT", path, old, body)) == (403, "RequestTimeTooSkewed")
    assert code_of(send(objects, "GET", path, {})) == (403, "AccessDenied")
    assert objects.s3.get(BUCKET, tag).body == body


def test_keys_are_kept_as_they_are_and_listed_in_their_order(s3, tag):
    names = ["a", "a/", "a//b", "a/b", "a.b", "a b", "a+b", "a%20b", "ä", "\U0001f375", "/a", "a" * 900, "B"]
    keys = [f"{tag}/{name}" for name in names]
    for key in keys:
        s3.put(BUCKET, key, key.encode())
    for key in keys:
        assert s3.get(BUCKET, key).body == key.encode()
    found, token = [], ""
    while token is not None:
        query = f"list-type=2&max-keys=4&prefix={tag}%2F" + (f"&continuation-token={urllib.parse.quote(token, safe='')}" if token else "")
        page = s3.request("GET", BUCKET, query=query)
        assert page.status == 200, page.body
        text = html.unescape(page.body.decode())
        found += re.findall(r"<Key>(.*?)</Key>", text, re.S)
        token = next(iter(re.findall(r"<NextContinuationToken>(.*?)</NextContinuationToken>", text)), None)
    assert found == sorted(keys, key=str.encode)


def test_conditional_writes(s3, tag):
    def put(**headers):
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return code_of(s3.request("PUT", BUCKET, tag, b"x", fields))

    assert put(If_Match='"x"') == (404, "NoSuchKey")
    assert put(If_None_Match="*") == (200, None) and put(If_None_Match="*") == (412, "PreconditionFailed")
    etag = s3.get(BUCKET, tag).headers["etag"]
    assert put(If_Match='"x"') == (412, "PreconditionFailed") and put(If_Match=etag) == (200, None)
    assert put(Content_MD5="AAAAAAAAAAAAAAAAAAAAAA==") == (400, "BadDigest")


@pytest.mark.parametrize("wanted, body", [("bytes=0-1", b"01"), ("bytes=8-", b"89"), ("bytes=-3", b"789"), ("bytes=0-0", b"0"),
                                          ("bytes=5-100", b"56789"), ("bytes=2-1", b"0123456789"), ("bytes=0-1,3-4", b"0123456789")])
def test_ranges(s3, tag, wanted, body):
    s3.put(BUCKET, tag, b"0123456789")
    answer = s3.request("GET", BUCKET, tag, headers={"Range": wanted})
    assert answer.body == body and answer.status == (200 if len(body) == 10 else 206)
    assert code_of(s3.request("GET", BUCKET, tag, headers={"Range": "bytes=10-"})) == (416, "InvalidRange")
