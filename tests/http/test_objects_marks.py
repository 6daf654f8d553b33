"""What lies in objects, what they are called, and what S3's requests are signed with, each with a mark of its own, through every
route and failure at the log level that says most: no mark stands in a log, a metric or another's answer."""

import pytest

import s3_events
from http_client import Client
from objects_client import BUCKET, ObjectsClient
from test_marks import Marks

QUICK = {"CUSTOMERD_LOG_LEVEL": "debug", "CUSTOMERD_OBJECT_S3_TIMEOUT_MS": "1500", "CUSTOMERD_OBJECT_FENCE_MS": "3000"}
# Kinds of Marks, for: the key, the body, and four header fields.
KEY, BODY, FIELDS = "path", "record", ("agent", "street", "query", "name")


@pytest.fixture(scope="module")
def marks():
    return Marks()


def every_route(client, objects, marks):
    """Each with success, and with each way to fail."""
    key, body = f"a/{marks[KEY]}", marks[BODY].encode()
    kind, disposition, language, control = (marks[field] for field in FIELDS)
    client.write(key, body, content_type=f"text/{kind}", content_disposition=f'attachment; filename="{disposition}"',
                 content_language=language, cache_control=f"x={control}").expect(200, 201)
    for method in ("GET", "HEAD"):
        client.read(key, method=method).expect(200)
        client.read(key + "/no", method=method).expect(404)
    client.read(key, range="bytes=0-3").expect(206)
    client.read(key, range=f"bytes={marks['etag']}").expect(200)
    client.read(key, range="bytes=9999-").expect(416)
    client.read(key, if_none_match=f'"{marks["etag"]}"').expect(200)
    client.read(key, if_match=f'"{marks["etag"]}"').expect(412)
    client.read(key, if_match=marks["etag"]).expect(400)
    client.read(key, bucket=marks["metakey"]).expect(404)
    client.write(key, body, bucket=marks["metakey"]).expect(404)
    client.write(key, body, if_match=f'"{marks["etag"]}"').expect(412)
    client.write(key, body * 600_000).expect(413)
    client.write(key, body, content_md5=marks["etag"]).expect(400, 422, 503)
    for shape in s3_events.all_shapes(BUCKET, key, marks["etag"]).values():
        client.tell(shape).expect(204)
    client.request("POST", "/objects/events", body=b'{"Records":[{"x":"%s' % marks[BODY].encode()).expect(400)
    client.tell({"Records": [{"eventSource": "aws:s3", "eventName": marks[KEY]}]}).expect(204, 422)
    for kind, options in (("answer", {"status": 403, "code": "AccessDenied"}), ("refuse", {}), ("hang", {}), ("lose", {}),
                          ("cut", {"bytes": 2})):
        objects.forget(key)
        with objects.proxy.rule(kind, key=key, **options):
            client.read(key).expect(200, 503, 504)
            client.write(key, body).expect(200, 503, 504)
            client.remove(key).expect(204, 503, 504)
    client.remove(key).expect(204)
    client.request("GET", f"/objects/{BUCKET}/../{marks[KEY]}").expect(400, 404)


def test_nothing_of_them_is_told(objects, marks):
    service = objects.start(**QUICK)
    with ObjectsClient(service.url) as client:
        every_route(client, objects, marks)
    with Client(service.admin_url, listener="admin") as admin:
        told = admin.get("/metrics").expect(200).body + admin.get("/readyz").body
    assert service.stop() == 0
    log = service.log_path.read_bytes() + service.error_path.read_bytes()
    assert len(log.splitlines()) > 40, "the log says little: nothing would be found in it"
    assert not marks.found_in(log) and not marks.found_in(told)
    given = objects.local.credentials()
    for secret in (given["SecretAccessKey"], given["Token"]):
        assert secret.encode() not in log + told
    for asked in objects.proxy.requests():
        assert asked.headers["authorization"].partition("Signature=")[2].encode() not in log + told
