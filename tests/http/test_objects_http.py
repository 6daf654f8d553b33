"""Objects over HTTP, where they differ from all other resources: long bodies, answers in pieces, conditions that are S3's."""

import contextlib
import json
import socket
import time
import uuid

import pytest

from http_client import wait_until
from objects_client import BUCKET, ObjectsClient, path_of
from objects_fixtures import client  # noqa: F401 (a fixture)
from support import slow_reader
from token_issuer import TokenIssuer, bearer

MIB = 1 << 20
LONG_BODIES_MAX = 64 * MIB  # api/task.c, as the next
LONG_ANSWERS_MAX = 256 * MIB


@pytest.fixture
def key():
    return f"h/{uuid.uuid4().hex}"


@contextlib.contextmanager
def raw(service, *fields, key, method="PUT", path=None):
    """A connection on which the head of a request was sent."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.sendall("\r\n".join([f"{method} {path or path_of(key)} HTTP/1.1", "Host: localhost", *fields, "", ""]).encode())
        yield s


def status_of(s):
    with s.makefile("rb") as file:
        return int(file.readline().split()[1])


# ---- long bodies ----

def test_a_long_body_has_more_time_than_others(objects, key):
    """1 Mbit/s is enough; the deadline of what S3 is asked counts from the body's end."""
    service = objects.start(CUSTOMERD_REQUEST_TIMEOUT_MS="1000", CUSTOMERD_OBJECT_S3_TIMEOUT_MS="900")
    body = bytes(range(256)) * 2048
    with raw(service, f"Content-Length: {len(body)}", key=key) as s:
        for at in range(0, len(body), 65536):
            s.sendall(body[at:at + 65536])
            time.sleep(0.25)  # two seconds in all
        assert status_of(s) == 200
    with raw(service, "Content-Length: 100000", "Content-Type: application/json", key=key, method="POST", path="/customers") as s:
        started = time.monotonic()
        assert status_of(s) == 400 and time.monotonic() - started < 3
    with raw(service, f"Content-Length: {256 * 1024}", key=key) as s:
        started = time.monotonic()
        assert status_of(s) == 400 and 1.5 < time.monotonic() - started < 5
    assert objects.s3.get(BUCKET, key).body == body
    service.stop()


def test_the_memory_for_long_bodies_is_bounded(objects, key):
    service = objects.start()
    with contextlib.ExitStack() as ends, ObjectsClient(service.url) as client:
        for _ in range(LONG_BODIES_MAX // (8 * MIB)):
            s = ends.enter_context(raw(service, f"Content-Length: {8 * MIB}", "Expect: 100-continue", key=key))
            assert status_of(s) == 100
        refused = client.write(key, bytes(MIB))
        assert refused.problem(503, "overloaded")["applied"] == "no" and refused.header("Retry-After") == "1"
        client.write(key, b"short").expect(200)
        client.post("/customers", {"name": "Ada"}).expect(201)
    with ObjectsClient(service.url) as client:
        wait_until(lambda: client.write(key, bytes(8 * MIB)).status == 200, 10, "what they held is free again", 0.2)
    service.stop()


def test_a_body_of_unknown_length(objects_service, objects, key):
    with raw(objects_service, "Transfer-Encoding: chunked", "Content-Type: text/x-tea", key=key) as s:
        for piece in (b"green ", b"tea"):
            s.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        s.sendall(b"0\r\n\r\n")
        assert status_of(s) == 200
    stored = objects.s3.get(BUCKET, key)
    assert stored.body == b"green tea" and stored.headers["content-type"] == "text/x-tea"


def test_a_body_that_turns_out_too_long(objects, key):
    service = objects.start(CUSTOMERD_OBJECT_PUT_MAX_BYTES="200000")
    with raw(service, "Transfer-Encoding: chunked", key=key) as s:
        for _ in range(4):
            s.sendall(b"10000\r\n" + bytes(65536) + b"\r\n")
        s.sendall(b"0\r\n\r\n")
        assert status_of(s) == 413
    assert objects.s3.get(BUCKET, key) is None
    service.stop()


@pytest.mark.parametrize("framing", ["Content-Length: 100000", "Content-Length: 1000000", "Transfer-Encoding: chunked"])
def test_a_body_of_any_length_is_told_of_the_rate(objects, key, framing):
    """Whether it would be taken as any other, or only where its request is let in."""
    service = objects.start(CUSTOMERD_RATE_LIMIT="1", CUSTOMERD_RATE_BURST="1")
    length = int(framing.rpartition(" ")[2]) if "Length" in framing else 1000000
    body = bytes(length) if "Length" in framing else b"%x\r\n%s\r\n0\r\n\r\n" % (length, bytes(length))

    def answered():
        with raw(service, framing, key=key) as s:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                s.sendall(body)
            return status_of(s)
    answers = {answered()}
    wait_until(lambda: answers.add(answered()) or answers != {200}, 10, "the caller has used what he may")
    assert answers == {200, 429}
    service.stop()


# ---- answers ----

def test_a_connection_serves_on_after_each_kind_of_answer(objects_service, objects, key):
    etag = objects.s3.put(BUCKET, key + "/long", bytes(3 * MIB))
    objects.s3.put(BUCKET, key, b"0123456789")
    with socket.create_connection(("127.0.0.1", objects_service.port), timeout=20) as s, s.makefile("rb") as file:
        for method, one, fields, status, length in (("GET", key, "", 200, 10), ("GET", key + "/long", "", 200, 3 * MIB), ("HEAD", key + "/long", "", 200, 0),
                                                    ("GET", key + "/long", f"If-None-Match: {etag}\r\n", 304, 0),
                                                    ("GET", key + "/long", "Range: bytes=5-104\r\n", 206, 100), ("HEAD", key, "", 200, 0),
                                                    ("GET", key, "Range: bytes=2-3\r\n", 206, 2), ("GET", key, "", 200, 10)):
            s.sendall(f"{method} {path_of(one)} HTTP/1.1\r\nHost: x\r\n{fields}\r\n".encode())
            assert int(file.readline().split()[1]) == status
            head = dict(line.decode().strip().lower().split(": ", 1) for line in iter(file.readline, b"\r\n"))
            assert "transfer-encoding" not in head
            told = int(head["content-length"])
            assert told == (length or (3 * MIB if one != key else 10))
            assert len(file.read(length)) == length


def test_many_streams_at_once_leave_the_others_quick(objects_service, client, objects, key):
    objects.s3.put(BUCKET, key, bytes(24 * MIB))
    client.write(key + "/short", b"x").expect(200)
    with contextlib.ExitStack() as ends:
        for _ in range(8):
            s = ends.enter_context(raw(objects_service, key=key, method="GET"))
            assert status_of(s) == 200
        for _ in range(20):
            started = time.monotonic()
            client.read(key + "/short").expect(200)
            assert time.monotonic() - started < 1


def test_one_more_long_object_than_may_be_handed_through_is_refused(objects, key):
    """Whether it is known by then that the object is long, or not."""
    etag = objects.s3.put(BUCKET, key, bytes(24 * MIB))
    objects.s3.put(BUCKET, key + "/new", bytes(24 * MIB))
    service = objects.start(CUSTOMERD_OBJECT_S3_CONNECTIONS="3")
    with ObjectsClient(service.url) as client:
        client.write(key + "/short", b"x").expect(200)
        with contextlib.ExitStack() as ends:
            for _ in range(3):
                s = ends.enter_context(slow_reader(service, f"GET {path_of(key)} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
                assert int(s.recv(200).split()[1]) == 200
            objects.proxy.forget()
            for one, questions in ((key, 0), (key + "/new", 1)):
                for _ in range(3):
                    refused = client.read(one)
                    assert refused.problem(503, "overloaded")["detail"] == "Too many long objects are being handed through from S3 at once"
                    assert refused.header("Retry-After") == "1"
                assert objects.proxy.count(key=one) == questions
                # What needs none of the places is served.
                assert client.read(one, method="HEAD").expect(200).header("Content-Length") == str(24 * MIB)
                client.read(one, if_none_match=etag).expect(304)
                assert client.read(one, range="bytes=0-9").expect(206).body == bytes(10)
            client.read(key + "/short").expect(200)
            client.read(key + "/other").problem(404, "not-found")
        wait_until(lambda: client.read(key).status == 200, 10, "they are let go of", 0.1)
        assert len(client.read(key + "/new").expect(200).body) == 24 * MIB
    service.stop()


def test_clients_that_do_not_read_hold_no_more_than_is_allowed(objects_service, client, objects, key):
    objects.s3.put(BUCKET, key, bytes(1000 * 1000))
    client.read(key).expect(200)
    with contextlib.ExitStack() as ends:
        answers = []
        for n in range(LONG_ANSWERS_MAX // (1000 * 1000) + 3):
            request = f"GET {path_of(key)} HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-{999_999 - n % 2}\r\n\r\n"
            s = ends.enter_context(slow_reader(objects_service, request))
            answers.append(int(s.recv(200).split()[1]))
        assert set(answers[:250]) == {206} and answers[-1] == 503, answers
        client.read(key).problem(503, "overloaded")
    wait_until(lambda: client.read(key).status == 200, 5, "the answers are let go of")


def test_a_stream_that_is_read_too_slowly_is_ended(objects, key):
    """1 Mbit/s is enough, and the time that a connection may be idle for comes on top."""
    body = bytes(24 * MIB)
    objects.s3.put(BUCKET, key, body)
    service = objects.start(CUSTOMERD_IDLE_TIMEOUT_S="1")
    with slow_reader(service, f"GET {path_of(key)} HTTP/1.1\r\nHost: localhost\r\n\r\n") as s:
        received = 0
        until = time.monotonic() + 15
        while time.monotonic() < until:
            received += len(s.recv(4096))
            time.sleep(0.1)
        with contextlib.suppress(ConnectionResetError):
            while piece := s.recv(1 << 16):
                received += len(piece)
        assert 0 < received < len(body)
    with ObjectsClient(service.url) as client:
        assert len(client.read(key).expect(200).body) == len(body)
    service.stop()


def test_what_a_token_opened_is_not_for_shared_caches(objects, key):
    objects.s3.put(BUCKET, key, b"x", "text/plain", Cache_Control="public, max-age=60")
    with TokenIssuer(algs=("ES256",)) as issuer:
        service = objects.start(**issuer.settings())
        with ObjectsClient(service.url) as client:
            answer = client.read(key, headers=bearer(issuer.token(scope="objects:read"))).expect(200)
            assert answer.header("Cache-Control") == "private, no-cache"
        service.stop()


def test_what_is_stored_for_caches_is_told_where_anybody_may_read(client, objects, key):
    objects.s3.put(BUCKET, key, b"x", "text/plain", Cache_Control="public, max-age=60")
    assert client.read(key).expect(200).header("Cache-Control") == "public, max-age=60"


def test_how_the_bytes_are_coded_is_told_whatever_stands_beside_it(client, objects, key):
    for length in (962, 1010):  # with the first one all room but for some bytes is taken
        client.write(key, b"x", content_type="text/" + "a" * length, cache_control="x=" + "b" * 1010, content_encoding="gzip").expect(200)
        assert client.read(key).expect(200).header("Content-Encoding") == "gzip"


def test_long_fields_are_left_out(client, objects, key):
    objects.s3.put(BUCKET, key, b"x", "text/plain", Content_Disposition="attachment; filename=" + "a" * 1500, Content_Language="de")
    answer = client.read(key).expect(200)
    assert answer.header("Content-Disposition") is None and answer.header("Content-Language") == "de"


# ---- writing ----

@pytest.mark.parametrize("fields", [
    {"Content-Range": "bytes 0-1/2"}, {"If-Match": "*"}, {"If-Match": '"a", "b"'}, {"If-Match": 'W/"a"'}, {"If-None-Match": '"a"'},
    {"If-Match": '"a"', "If-None-Match": "*"}, {"If-Unmodified-Since": "Sun, 06 Nov 1994 08:49:37 GMT"},
    {"Content-Disposition": "a" * 1025}, {"Content-Language": "a\tb"}], ids=lambda f: ",".join(f))
def test_a_write_that_can_not_be_judged_is_refused(client, objects, key, fields):
    before = objects.proxy.count()
    client.write(key, b"x", headers=fields).problem(400, "bad-request")
    if "Content" not in str(fields):
        client.remove(key, headers=fields).problem(400, "bad-request")
    assert objects.proxy.count() == before


def test_a_query_is_no_part_of_a_name(client, key):
    client.get(path_of(key) + "?versionId=1").problem(400, "bad-parameter")


def test_the_audit_names_objects_without_telling_their_names(objects_service, client, key):
    answers = [client.write(key, b"x").expect(200), client.remove(key).expect(204), client.write(key + "x", b"y").expect(200)]
    ids = [answer.header("X-Request-Id") for answer in answers]

    def lines():
        found = [json.loads(line) for line in objects_service.log_path.read_text().splitlines() if '"audit"' in line]
        return [line for line in found if line["request_id"] in ids]
    wait_until(lambda: len(lines()) == 3, 10, "the audit is written")
    put, delete, other = sorted(lines(), key=lambda line: ids.index(line["request_id"]))
    assert [put["operation"], delete["operation"]] == ["putObject", "deleteObject"] and put["outcome"] == "applied"
    assert put["id"] == delete["id"] != other["id"] and len(put["id"]) == 36
    assert key not in objects_service.log_path.read_text()
