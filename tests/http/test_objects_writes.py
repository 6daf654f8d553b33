"""Objects written through the cache, and what S3 tells about those that were written elsewhere."""

import base64
import hashlib
import json
import threading
import uuid

import pytest

import s3_events
from http_client import wait_until
from objects_client import BUCKET, ObjectsClient, came_from
from objects_fixtures import client  # noqa: F401 (a fixture)
from support import together

SHAPES = list(s3_events.all_shapes(BUCKET, "k"))


@pytest.fixture(scope="module")
def second(objects):
    return objects.start()


@pytest.fixture
def other(second):
    """A client of another instance."""
    with ObjectsClient(second.url) as c:
        yield c


@pytest.fixture
def key():
    return f"w/{uuid.uuid4().hex}"


def events_of(client, *bodies):
    for body in bodies:
        client.tell(body).expect(200, 204)


# ---- write-through ----

def test_what_was_written_is_read_at_once_everywhere(client, other, objects, key):
    for n in range(5):
        body = f"version {n}".encode()
        written = client.write(key, body, content_type="text/x-n").expect(200, 201)
        in_s3 = objects.s3.get(BUCKET, key)
        assert in_s3.body == body and in_s3.headers["etag"] == written.etag and in_s3.headers["content-type"] == "text/x-n"
        for reader in (other, client):
            answer = reader.read(key).expect(200)
            assert (answer.body, answer.etag, answer.header("Content-Type")) == (body, written.etag, "text/x-n")


def test_a_write_fills_the_cache(client, other, objects, key):
    client.write(key, b"x").expect(200, 201)
    answer = other.read(key).expect(200)
    assert came_from(answer) == "hit" and objects.proxy.count("GET", key=key) == 0
    assert answer.header("Last-Modified") is not None or objects.proxy.count("HEAD", key=key) == 0


def test_all_that_describes_an_object_goes_to_s3(client, objects, key):
    client.write(key, b"x", content_type="text/css; charset=utf-8", content_encoding="gzip", content_language="de",
                 content_disposition='attachment; filename="a"', cache_control="max-age=5").expect(200, 201)
    headers = objects.s3.get(BUCKET, key).headers
    assert {n: headers.get(n) for n in ("content-type", "content-encoding", "content-language", "content-disposition",
                                        "cache-control")} == {
        "content-type": "text/css; charset=utf-8", "content-encoding": "gzip", "content-language": "de",
        "content-disposition": 'attachment; filename="a"', "cache-control": "max-age=5"}
    assert client.read(key).expect(200).header("Content-Encoding") == "gzip"


@pytest.mark.parametrize("kind", ["application/json", "image/png", "text/html", "application/x-www-form-urlencoded",
                                  "multipart/form-data; boundary=x", "application/merge-patch+json"])
def test_any_type_is_taken_as_it_is(client, objects, key, kind):
    body = b"{not json\x00\xff"
    client.write(key, body, content_type=kind).expect(200, 201)
    assert objects.s3.get(BUCKET, key).body == body == client.read(key).expect(200).body
    assert client.read(key).header("Content-Type") == kind


def test_without_a_type_it_is_bytes(client, objects, key):
    client.write(key, b"x", content_type=None).expect(200)
    assert objects.s3.get(BUCKET, key).headers["content-type"] == "application/octet-stream"
    assert client.read(key).expect(200).header("Content-Type") == "application/octet-stream"


def test_an_empty_object(client, objects, key):
    client.write(key, b"").expect(200, 201)
    assert objects.s3.get(BUCKET, key).body == b"" == client.read(key).expect(200).body


def test_a_long_object_is_written_and_not_cached(client, objects, key):
    body = bytes(range(256)) * (5 * 4096)
    client.write(key, body).expect(200, 201)
    answer = client.read(key).expect(200)
    assert came_from(answer) == "bypass" and answer.body == body
    client.write(key, b"short").expect(200, 201)
    assert client.read(key).expect(200).body == b"short"
    client.write(key, body).expect(200, 201)
    assert client.read(key).expect(200).body == body


def test_the_bound_on_a_write(objects, key):
    service = objects.start(CUSTOMERD_OBJECT_PUT_MAX_BYTES="1000")
    with ObjectsClient(service.url) as client:
        client.write(key, b"x" * 1000).expect(200, 201)
        before = objects.proxy.count("PUT", key=key)
        assert "1000" in client.write(key, b"x" * 1001).problem(413, "body-too-large")["detail"]
        assert objects.proxy.count("PUT", key=key) == before and client.read(key).body == b"x" * 1000
        # Other routes have bounds of their own.
        client.post("/customers", {"name": "x", "metadata": {"a": "y" * 500}, "email": "a@b"}).expect(201, 422)
    service.stop()


def test_a_delete_is_seen_at_once_everywhere(client, other, objects, key):
    objects.s3.put(BUCKET, key, b"x")
    for reader in (client, other):
        reader.read(key).expect(200)
    client.remove(key).expect(204)
    assert objects.s3.get(BUCKET, key) is None
    for reader in (other, client):
        reader.read(key).problem(404, "not-found")
    client.remove(key).expect(204)


def test_conditional_writes(client, other, objects, key):
    first = client.write(key, b"1", if_none_match="*").expect(200, 201)
    client.write(key, b"2", if_none_match="*").problem(412, "precondition-failed")
    client.write(key, b"2", if_match='"x"').problem(412, "precondition-failed")
    assert objects.s3.get(BUCKET, key).body == b"1" == other.read(key).expect(200).body
    second = client.write(key, b"2", if_match=first.etag).expect(200, 201)
    assert other.read(key).expect(200).body == b"2"
    client.remove(key, if_match=first.etag).problem(412, "precondition-failed")
    assert other.read(key).expect(200).body == b"2"
    client.remove(key, if_match=second.etag).expect(204)
    other.read(key).problem(404, "not-found")
    client.write(key, b"3", if_match=second.etag).expect(412, 404)


def test_a_condition_is_judged_by_what_s3_has(client, objects, key):
    """The cache may be behind: its ETag opens nothing."""
    old = objects.s3.put(BUCKET, key, b"old")
    client.read(key).expect(200)
    objects.s3.put(BUCKET, key, b"new elsewhere")
    client.write(key, b"mine", if_match=old).problem(412, "precondition-failed")
    assert objects.s3.get(BUCKET, key).body == b"new elsewhere"


def test_a_digest_is_checked(client, objects, key):
    body = b"checked"
    right = base64.b64encode(hashlib.md5(body).digest()).decode()
    client.write(key, body, content_md5=right).expect(200, 201)
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    client.write(key, b"damaged", content_md5=wrong).expect(400, 422)
    assert objects.s3.get(BUCKET, key).body == body == client.read(key).expect(200).body


def test_a_refused_write_leaves_the_old_content(client, objects, key):
    client.write(key, b"old").expect(200, 201)
    with objects.proxy.rule("answer", "PUT", key=key, status=403, code="AccessDenied"):
        answer = client.write(key, b"new").expect(502, 503)
        assert answer.json()["applied"] == "no"
    answer = client.read(key).expect(200)
    assert answer.body == b"old" == objects.s3.get(BUCKET, key).body
    client.write(key, b"new").expect(200, 201)
    assert client.read(key).expect(200).body == b"new"


@pytest.mark.concurrent
def test_writers_at_once_leave_what_s3_has(client, second, objects_service, objects, key):
    """Two writes overlap: whichever S3 kept is what all read afterwards, and nobody reads the other one later."""
    def writer(url, mine):
        with ObjectsClient(url) as c:
            for n in range(15):
                # 503 is told while another write of the same object is under way, where the service does not wait for it.
                c.write(key, f"{mine} {n}".encode()).expect(200, 201, 409, 503)
        return True

    together([lambda u=u, m=m: writer(u, m) for u in (second.url, objects_service.url) for m in "ab"])
    final = objects.s3.get(BUCKET, key).body
    for _ in range(20):
        for url in (second.url, objects_service.url):
            with ObjectsClient(url) as reader:
                assert reader.read(key).expect(200).body == final


@pytest.mark.parametrize("first, method, options, kept", [
    ("latency", "PUT", {"seconds": 1.2}, b"second"), ("hold", "PUT", {}, b"first"), ("latency", "HEAD", {"seconds": 1.2}, b"second")])
def test_of_two_overlapping_writes_what_s3_kept_is_read(client, other, objects, key, first, method, options, kept):
    """The first write's answer is late, and S3 has the second by then; or the first comes to S3 late, after the second; or the
    first has asked what it wrote, and the second goes past it before it stores that."""
    client.write(key, b"before").expect(200, 201)
    objects.proxy.forget()
    with objects.proxy.rule(first, method, key=key, times=1, **options) as rule:
        writer = threading.Thread(target=lambda: client.write(key, b"first").expect(200, 201))
        writer.start()
        wait_until(lambda: rule.met == 1 and (first == "hold" or objects.proxy.s3_has_answered(method, key)), 5, "it is under way")
        other.write(key, b"second").expect(200, 201)
        # Whatever the second left in the cache, the first is not done.
        assert other.read(key).expect(200).body == objects.s3.get(BUCKET, key).body == b"second"
    writer.join()
    assert objects.s3.get(BUCKET, key).body == kept
    for reader in (client, other, client):
        assert reader.read(key).expect(200).body == kept


@pytest.mark.concurrent
def test_readers_never_go_back(second, objects_service, objects, key):
    """One writer counts up; whoever has read n, or was told that n is written, never reads less."""
    stopping, ended, written, reads = threading.Event(), threading.Event(), [0], [0] * 4

    def reader(url, mine):
        last = 0
        try:
            with ObjectsClient(url) as c:
                while not stopping.is_set():
                    floor = written[0]
                    answer = c.read(key).expect(200)
                    value = int(answer.body)
                    assert value >= max(floor, last), f"{value} after {last}, {floor} was acknowledged ({came_from(answer)})"
                    last = value
                    reads[mine] += 1
        finally:
            ended.set()

    def writer():
        try:
            with ObjectsClient(objects_service.url) as c:
                while not ended.is_set() and (written[0] < 40 or min(reads) < 25):
                    c.write(key, str(written[0] + 1).encode()).expect(200, 201)
                    written[0] += 1
        finally:
            stopping.set()

    with ObjectsClient(objects_service.url) as c:
        c.write(key, b"0").expect(200, 201)
    together([writer] + [lambda u=u, m=m: reader(u, m) for m, u in enumerate((second.url, objects_service.url) * 2)])


def test_a_slow_fill_never_undoes_a_write(client, other, objects, key):
    """The classic race: a miss has S3's old answer in hand while a write goes past it."""
    objects.s3.put(BUCKET, key, b"old")
    result = {}
    with objects.proxy.rule("latency", "GET", key=key, times=1, seconds=1.0):
        reader = threading.Thread(target=lambda: result.update(answer=other.read(key)))
        reader.start()
        wait_until(lambda: objects.proxy.count("GET", key=key) == 1, 5, "the miss asks S3")
        client.write(key, b"new").expect(200, 201)
        reader.join()
    assert result["answer"].expect(200).body == b"old"  # it began before the write
    for reader in (client, other, client):
        assert reader.read(key).expect(200).body == b"new"


def test_reads_during_a_write_give_what_s3_has(client, other, objects, key):
    client.write(key, b"old").expect(200, 201)
    with objects.proxy.rule("hold", "PUT", key=key) as held:
        writer = threading.Thread(target=lambda: client.write(key, b"new").expect(200, 201))
        writer.start()
        wait_until(lambda: held.met == 1, 5, "the write is under way")
        before = objects.proxy.count("GET", key=key)
        for n in range(3):
            answer = other.read(key).expect(200)
            assert (came_from(answer), answer.body) == ("bypass", b"old")
        assert objects.proxy.count("GET", key=key) == before + 3
    writer.join()
    assert other.read(key).expect(200).body == b"new"


# ---- what S3 tells ----

@pytest.mark.parametrize("shape", SHAPES)
def test_an_object_that_changed_elsewhere_is_seen_after_its_event(client, other, objects, key, shape):
    key = f"{key}/ä+b c%20"
    objects.s3.put(BUCKET, key, b"old")
    client.read(key).expect(200)
    etag = objects.s3.put(BUCKET, key, b"new")
    assert other.read(key).expect(200).body == b"old"  # nobody has told it
    events_of(client, s3_events.all_shapes(BUCKET, key, etag)[shape])
    for reader in (other, client):
        assert reader.read(key).expect(200).body == b"new"
    objects.s3.delete(BUCKET, key)
    events_of(other, s3_events.all_shapes(BUCKET, key, gone=True)[shape])
    for reader in (other, client):
        reader.read(key).problem(404, "not-found")


@pytest.mark.parametrize("shape", SHAPES)
def test_an_absent_object_that_appears_is_seen_after_its_event(client, objects, key, shape):
    client.read(key).problem(404, "not-found")
    etag = objects.s3.put(BUCKET, key, b"new")
    events_of(client, s3_events.all_shapes(BUCKET, key, etag)[shape])
    assert client.read(key).expect(200).body == b"new"


def test_an_event_of_what_is_there_already_costs_nothing(client, objects, key):
    """The event of our own write comes back to us."""
    written = client.write(key, b"x").expect(200, 201)
    for body in s3_events.all_shapes(BUCKET, key, written.etag).values():
        events_of(client, body)
    assert came_from(client.read(key).expect(200)) == "hit" and objects.proxy.count("GET", key=key) == 0


def test_old_events_never_bring_back_old_content(client, other, objects, key):
    etags, bodies = [], [f"v{n}".encode() for n in range(4)]
    for body in bodies:
        etags.append(client.write(key, body).expect(200, 201).etag)
    # All of them again, late and in the wrong order, and a deletion that was long ago.
    for etag in reversed(etags):
        for body in s3_events.all_shapes(BUCKET, key, etag).values():
            events_of(other, body)
            assert other.read(key).expect(200).body == bodies[-1]
    events_of(client, s3_events.eventbridge(BUCKET, key, kind="Object Deleted"))
    for reader in (client, other):
        assert reader.read(key).expect(200).body == bodies[-1]


def test_an_event_during_a_fill_wins(client, other, objects, key):
    """S3's old answer is in hand when the event of the change comes: it must not be stored."""
    objects.s3.put(BUCKET, key, b"old")
    with objects.proxy.rule("latency", "GET", key=key, times=1, seconds=1.0):
        reader = threading.Thread(target=lambda: other.read(key).expect(200))
        reader.start()
        wait_until(lambda: objects.proxy.count("GET", key=key) == 1, 5, "the miss asks S3")
        wait_until(lambda: objects.proxy.s3_has_answered("GET", key), 5, "S3 has answered, and the answer is on its way")
        etag = objects.s3.put(BUCKET, key, b"new")
        events_of(client, s3_events.eventbridge(BUCKET, key, etag))
        reader.join()
    for reader in (client, other):
        assert reader.read(key).expect(200).body == b"new"


def test_many_events_in_one_body(client, objects, key):
    keys = [f"{key}/{n}" for n in range(100)]
    for one in keys:
        objects.s3.put(BUCKET, one, b"old")
        client.read(one).expect(200)
    records = [s3_events.record(BUCKET, one, objects.s3.put(BUCKET, one, b"new")) for one in keys]
    events_of(client, s3_events.sqs(s3_events.s3(*records[:50]), s3_events.s3(*records[50:])))
    for one in keys:
        assert client.read(one).expect(200).body == b"new"


def test_events_that_mean_nothing_here(client, objects, key):
    client.write(key, b"x").expect(200, 201)
    before = objects.proxy.count()
    events_of(client, s3_events.TEST_EVENT, s3_events.eventbridge("somebody-elses", key, "abc"),
              s3_events.eventbridge(BUCKET, key, "abc", kind="Object Tags Added"), {"Records": []})
    assert came_from(client.read(key).expect(200)) == "hit" and objects.proxy.count() == before


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'{"Records":7}', b'{"Records":[{"eventSource":"aws:sqs","body":"{"}]}',
                                  json.dumps(s3_events.s3({"eventSource": "aws:s3", "eventName": "ObjectCreated:Put"})).encode(),
                                  json.dumps({**s3_events.eventbridge(BUCKET, "k"), "detail": {}}).encode()])
def test_what_is_no_event_is_refused_as_a_whole(client, body):
    answer = client.request("POST", "/objects/events", body=body)
    assert answer.status in (400, 422), answer


def test_events_have_a_bound(client):
    answer = client.request("POST", "/objects/events", body=b'{"Records":[' + b" " * (2 << 20) + b"]}")
    answer.problem(413, "body-too-large")
