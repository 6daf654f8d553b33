"""Objects read through the cache: where they come from, what is told about them, and which names they may have."""

import time
import uuid

import pytest

from http_client import wait_until
from objects_client import BUCKET, ObjectsClient, came_from, path_of
from objects_fixtures import client  # noqa: F401 (a fixture)
from raw_http import exchange
from token_issuer import TokenIssuer, bearer

MIB = 1 << 20


@pytest.fixture
def name():
    """A new key at each call."""
    return lambda tag="k": f"{tag}/{uuid.uuid4().hex}"


# ---- lazy loading ----

def test_a_miss_asks_s3_and_then_there_are_hits(client, objects, name):
    key = name()
    etag = objects.s3.put(BUCKET, key, b"green tea", "text/x-tea", Cache_Control="max-age=60")
    began = time.monotonic()
    first = client.read(key).expect(200)
    assert (came_from(first), first.header("Age"), first.body) == ("miss", "0", b"green tea")
    for _ in range(3):
        again = client.read(key).expect(200)
        assert (came_from(again), again.body) == ("hit", b"green tea") and int(again.header("Age")) <= time.monotonic() - began + 1
        assert again.etag == first.etag == etag and again.header("Content-Type") == "text/x-tea"
        assert again.header("Last-Modified") == first.header("Last-Modified") == objects.s3.get(BUCKET, key).headers["last-modified"]
    assert objects.proxy.count("GET", key=key) == 1


def test_all_that_describes_an_object_is_kept(client, objects, name):
    key = name()
    objects.s3.put(BUCKET, key, b"\x1f\x8b not really", "text/css; charset=utf-8", Content_Encoding="gzip", Content_Language="de",
                   Content_Disposition='attachment; filename="a.css"', Cache_Control="public, max-age=7")
    for source in ("miss", "hit"):
        answer = client.read(key).expect(200)
        assert came_from(answer) == source
        got = {field: answer.header(field) for field in ("Content-Type", "Content-Encoding", "Content-Language")}
        assert got == {"Content-Type": "text/css; charset=utf-8", "Content-Encoding": "gzip", "Content-Language": "de"}
        assert 'filename="a.css"' in answer.header("Content-Disposition")


def test_age_grows(client, objects, name):
    key = name()
    objects.s3.put(BUCKET, key, b"x")
    client.read(key).expect(200)
    wait_until(lambda: int(client.read(key).header("Age")) >= 2, 5, "Age says how old it is")
    assert objects.proxy.count(key=key) == 1


def test_head_is_get_without_the_body(client, objects, name):
    key = name()
    objects.s3.put(BUCKET, key, b"0123456789", "text/plain")
    for source in ("miss", "hit"):
        head = client.read(key, method="HEAD").expect(200)
        get = client.read(key).expect(200)
        assert head.body == b"" and head.header("Content-Length") == "10" == get.header("Content-Length")
        assert came_from(head) == source or source == "miss"
        fields = ("ETag", "Last-Modified", "Content-Type", "Accept-Ranges", "Content-Disposition", "Content-Security-Policy")
        assert [head.header(f) for f in fields] == [get.header(f) for f in fields]
    client.read(name("no"), method="HEAD").expect(404)


def test_an_absent_object_is_remembered_briefly(client, objects, name):
    key = name("no")
    service = objects.start(CUSTOMERD_OBJECT_ABSENT_TTL_S="1")
    with ObjectsClient(service.url) as brief:
        for _ in range(5):
            brief.read(key).problem(404, "not-found")
        assert objects.proxy.count("GET", key=key) == 1
        objects.s3.put(BUCKET, key, b"here now")
        wait_until(lambda: brief.read(key).status == 200, 5, "it is looked for again")
        assert objects.proxy.count("GET", key=key) <= 3
    service.stop()


def test_without_a_time_for_absent_ones_s3_is_asked_each_time(objects, name):
    service = objects.start(CUSTOMERD_OBJECT_ABSENT_TTL_S="0")
    key = name("no")
    with ObjectsClient(service.url) as client:
        for _ in range(3):
            client.read(key).problem(404, "not-found")
        objects.s3.put(BUCKET, key, b"here now")
        client.read(key).expect(200)
    assert objects.proxy.count("GET", key=key) == 4
    service.stop()


@pytest.mark.parametrize("size", [0, 1, 4095, MIB - 1, MIB])
def test_up_to_the_bound_objects_are_cached(client, objects, name, size):
    key, body = name(), bytes(i * 7 % 251 for i in range(min(size, 4096))) * (size // 4096 or 1)
    body = (body + bytes(size))[:size]
    objects.s3.put(BUCKET, key, body, "application/octet-stream")
    for source in ("miss", "hit"):
        answer = client.read(key).expect(200)
        assert came_from(answer) == source and answer.body == body and answer.header("Content-Length") == str(size)


@pytest.mark.parametrize("size", [MIB + 1, 9 * MIB])
def test_above_the_bound_they_stream_through(client, objects, name, size):
    key, body = name("big"), bytes(range(256)) * (size // 256) + bytes(size % 256)
    etag = objects.s3.put(BUCKET, key, body, "application/octet-stream")
    for _ in range(2):
        answer = client.read(key).expect(200)
        assert came_from(answer) == "bypass" and answer.body == body and answer.etag == etag
        assert answer.header("Content-Length") == str(size)
    assert objects.proxy.count("GET", key=key) == 2
    assert all(int(node.command("STRLEN", stored)) < 4096 for node, stored in objects.stored(key, "o"))
    head = client.read(key, method="HEAD").expect(200)
    assert head.header("Content-Length") == str(size) and head.etag == etag


def test_the_bound_is_a_setting(objects, name):
    service = objects.start(CUSTOMERD_OBJECT_CACHE_MAX_BYTES="10")
    with ObjectsClient(service.url) as client:
        for size, sources in ((10, ["miss", "hit"]), (11, ["bypass", "bypass"])):
            key = name()
            objects.s3.put(BUCKET, key, b"x" * size)
            assert [came_from(client.read(key).expect(200)) for _ in range(2)] == sources
    service.stop()


# ---- names ----

KEYS = ["a", "a b", "a+b", "a%20b", "100%", "ä/ö/ü", "日本", "a//b", "//", "/leading", "trailing/", "a/./b.", "...", "a..b/c...",
        "q?x=1&y=2", "hash#tag", "semi;colon,comma:colon", "quote\"'`", "back\\slash", "{braces}[brackets]", "*?[a]", "tab\there",
        "e" * 1024, "é" * 512, "emoji 🫖", "a=b@c$d!e'f(g)h~i", "~tilde", "-_.~", "%2F", "line\nfeed", "\x7f"]


@pytest.mark.matrix
@pytest.mark.parametrize("key", [k for k in KEYS if k != "a/./b."], ids=ascii)
def test_any_key_is_one_object(client, objects, key):
    body = key.encode() + uuid.uuid4().bytes
    objects.s3.put(BUCKET, key, body)
    # What an earlier test's key left is no matter: this is the first write of this body.
    objects.forget(key)
    for source in ("miss", "hit"):
        answer = client.read(key).expect(200)
        assert (came_from(answer), answer.body) == (source, body)
    changed = body + b" changed"
    assert client.write(key, changed).expect(200, 201).etag == objects.s3.get(BUCKET, key).headers["etag"]
    assert objects.s3.get(BUCKET, key).body == changed == client.read(key).expect(200).body
    client.remove(key).expect(204)
    assert objects.s3.get(BUCKET, key) is None
    client.read(key).problem(404, "not-found")


def test_keys_that_look_alike_are_different(client, objects):
    tag = uuid.uuid4().hex
    keys = [tag, tag + "/", tag + "//", tag + "%2F", tag + " ", tag + "+", tag + "%20", tag.upper(), "/" + tag]
    for key in keys:
        objects.s3.put(BUCKET, key, key.encode())
    for _ in range(2):
        for key in keys:
            assert client.read(key).expect(200).body == key.encode()


def test_a_key_may_be_encoded_more_than_it_must_be(client, objects, name):
    key = name()
    objects.s3.put(BUCKET, key, b"x")
    client.read(key).expect(200)
    everything = "".join(f"%{byte:02x}" for byte in key.encode())
    assert came_from(client.get(f"/objects/{BUCKET}/{everything}").expect(200)) == "hit"


@pytest.mark.parametrize("raw", ["..", ".", "a/../b", "a/./b", "a/..", "%2e%2e", "a/%2E%2e/b", "%2e/a", "..%2fa", "a%2f..%2fb",
                                 "..%2f..%2f..%2fetc%2fpasswd", "/..", "..//a"])
def test_a_key_climbs_nowhere(objects_service, objects, raw):
    before = objects.proxy.count()
    answers, _ = exchange(objects_service.url, f"GET /objects/{BUCKET}/{raw} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert [a.status for a in answers] == [400], answers
    assert objects.proxy.count() == before


@pytest.mark.parametrize("raw", [b"%", b"%g0", b"%2", b"a%00b", b"\xff", b"%ff", b"%c3", b"%ed%a0%80", b"a" * 1025, b"%c3%a9" * 513])
def test_what_is_no_key_is_refused(objects_service, objects, raw):
    before = objects.proxy.count()
    answers, _ = exchange(objects_service.url, b"GET /objects/catalogue/" + raw + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert [a.status for a in answers] in ([400], [414]), answers
    assert objects.proxy.count() == before


@pytest.mark.parametrize("path", [f"/objects/{BUCKET}/", f"/objects/{BUCKET}", "/objects/", "/objects", "/objects//a"])
def test_a_bucket_is_no_object(client, path):
    client.get(path).expect(404, 400)


@pytest.mark.parametrize("bucket", ["secrets", "catalogu", "catalogue2", "CATALOGUE", "catalogue.", "..", "catalogue%2f..", "a,b",
                                    "catalogue,documents"])
def test_only_the_configured_buckets(client, objects, bucket):
    before = objects.proxy.count()
    for method, body in (("GET", None), ("HEAD", None), ("PUT", b"x"), ("DELETE", None)):
        client.request(method, f"/objects/{bucket}/a", body=body, content_type="text/plain" if body else None).expect(404, 400)
    assert objects.proxy.count() == before


def test_two_buckets_hold_different_objects(client, objects, name):
    key = name()
    for bucket in ("catalogue", "documents"):
        objects.s3.put(bucket, key, bucket.encode())
    for _ in range(2):
        for bucket in ("catalogue", "documents"):
            assert client.read(key, bucket).expect(200).body == bucket.encode()


# ---- what a page of somebody's may do ----

@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "application/xhtml+xml", "text/javascript", "no/such; x=\"y\""])
def test_what_is_stored_is_no_page_of_the_service(client, objects, name, kind):
    key = name("page")
    objects.s3.put(BUCKET, key, b"<script>fetch('/customers')</script>", kind)
    for _ in range(2):
        answer = client.read(key).expect(200)
        assert answer.header("X-Content-Type-Options") == "nosniff"
        policy = answer.header("Content-Security-Policy") or ""
        assert "sandbox" in policy and "allow-scripts" not in policy and "allow-same-origin" not in policy


def test_a_header_of_s3_adds_no_other(client, objects, name):
    key = name()
    objects.s3.put(BUCKET, key, b"x", "text/plain", X_Amz_Meta_Cookie="x", X_Amz_Meta_Set_Cookie="y")
    answer = client.read(key).expect(200)
    assert not answer.all("Set-Cookie") and answer.header("X-Amz-Meta-Cookie") is None


# ---- RFC 9110: conditions and ranges ----

@pytest.fixture(params=["miss", "hit"])
def stored(request, objects, client, name):
    """(key, ETag) of ten digits; a miss is read from S3 at the first request, a hit is in the cache."""
    key = name("digits")
    etag = objects.s3.put(BUCKET, key, b"0123456789")
    if request.param == "hit":
        client.read(key).expect(200)
    return key, etag


def test_if_none_match(client, stored):
    key, etag = stored
    for value, status in ((etag, 304), (f"W/{etag}", 304), (f'"x", {etag}', 304), ("*", 304), ('"x"', 200)):
        answer = client.read(key, if_none_match=value).expect(status)
        assert answer.etag == etag and came_from(answer) in ("miss", "hit")
        client.read(key, method="HEAD", if_none_match=value).expect(status)
    client.read(key, if_none_match="x").problem(400, "bad-request")


def test_if_match(client, stored):
    key, etag = stored
    for value, status in ((etag, 200), ("*", 200), (f'"x", {etag}', 200), ('"x"', 412), (f"W/{etag}", 412)):
        client.read(key, if_match=value).expect(status)


def test_conditions_on_dates(client, stored):
    key, etag = stored
    modified = client.read(key).header("Last-Modified")
    early, late = "Sun, 06 Nov 1994 08:49:37 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
    client.read(key, if_modified_since=modified).expect(304)
    client.read(key, if_modified_since=early).expect(200)
    client.read(key, if_modified_since="yesterday").expect(200)
    client.read(key, if_unmodified_since=modified).expect(200)
    client.read(key, if_unmodified_since=early).expect(412)
    client.read(key, if_unmodified_since=late).expect(200)
    # Entity tags go before dates.
    client.read(key, if_modified_since=modified, if_none_match='"x"').expect(200)
    client.read(key, if_unmodified_since=early, if_match=etag).expect(200)


RANGES = [("bytes=0-3", "0123", "0-3"), ("bytes=4-4", "4", "4-4"), ("bytes=7-", "789", "7-9"), ("bytes=-2", "89", "8-9"),
          ("bytes=-50", "0123456789", "0-9"), ("bytes=5-500", "56789", "5-9"), ("bytes=0-", "0123456789", "0-9"),
          ("BYTES=1-2", "12", "1-2")]


@pytest.mark.parametrize("wanted, body, told", RANGES)
def test_a_range(client, stored, wanted, body, told):
    key, etag = stored
    answer = client.read(key, range=wanted).expect(206)
    assert answer.body.decode() == body and answer.header("Content-Range") == f"bytes {told}/10" and answer.etag == etag
    assert answer.header("Content-Length") == str(len(body)) and answer.header("Accept-Ranges") == "bytes"


@pytest.mark.parametrize("wanted", ["bytes=10-", "bytes=10-20", "bytes=-0"])
def test_a_range_beyond_the_end(client, stored, wanted):
    key, _ = stored
    answer = client.read(key, range=wanted).expect(416)
    assert answer.header("Content-Range") == "bytes */10"


@pytest.mark.parametrize("wanted", ["bytes=0-1,4-5", "bytes=5-2", "bytes=a-b", "lines=1-2", "bytes=", "bytes=-", "bytes 0-1"])
def test_what_is_no_single_range_gives_the_whole(client, stored, wanted):
    key, _ = stored
    answer = client.read(key, range=wanted).expect(200)
    assert answer.body == b"0123456789" and answer.header("Content-Range") is None


def test_if_range(client, stored):
    key, etag = stored
    modified = client.read(key).header("Last-Modified")
    for value, status in ((etag, 206), ('"x"', 200), (f"W/{etag}", 200), ("Sun, 06 Nov 1994 08:49:37 GMT", 200)):
        assert len(client.read(key, range="bytes=0-3", if_range=value).expect(status).body) == (4 if status == 206 else 10)
    # A date is a strong validator a minute after it (RFC 9110 section 8.8.2.2); this one is younger.
    assert client.read(key, range="bytes=0-3", if_range=modified).expect(200).body == b"0123456789"


def test_a_range_goes_after_conditions_and_is_for_get_alone(client, stored):
    key, etag = stored
    client.read(key, range="bytes=0-3", if_none_match=etag).expect(304)
    client.read(key, range="bytes=0-3", if_match='"x"').expect(412)
    client.read(key, range="bytes=50-", if_none_match=etag).expect(304)
    head = client.read(key, range="bytes=0-3", method="HEAD").expect(200)
    assert head.header("Content-Length") == "10"


def test_a_range_fills_the_cache_with_the_whole(client, objects, name):
    key = name()
    objects.s3.put(BUCKET, key, b"0123456789")
    assert client.read(key, range="bytes=2-3").expect(206).body == b"23"
    whole = client.read(key).expect(200)
    assert (came_from(whole), whole.body) == ("hit", b"0123456789") and objects.proxy.count("GET", key=key) == 1


def test_ranges_and_conditions_of_what_streams(client, objects, name):
    key, body = name("big"), bytes(range(256)) * 8192
    etag = objects.s3.put(BUCKET, key, body, "application/octet-stream")
    for _ in range(2):
        part = client.read(key, range="bytes=1000000-1000009").expect(206)
        assert part.body == body[1000000:1000010] and part.header("Content-Range") == f"bytes 1000000-1000009/{len(body)}"
        assert client.read(key, range="bytes=-5").expect(206).body == body[-5:]
        assert client.read(key, range="bytes=99999999-").expect(416).header("Content-Range") == f"bytes */{len(body)}"
        client.read(key, if_none_match=etag).expect(304)
        client.read(key, if_match='"x"').expect(412)
        assert len(client.read(key, range="bytes=0-9", if_range='"x"').expect(200).body) == len(body)
        assert len(client.read(key, range="bytes=0-9", if_range=etag).expect(206).body) == 10


def test_a_condition_that_holds_back_a_long_object_transfers_nothing(client, objects, name):
    """S3's head decides it; the bytes are fetched where they are sent."""
    key, body = name("big"), bytes(range(256)) * 8192
    etag = objects.s3.put(BUCKET, key, body, "application/octet-stream")
    modified = client.read(key).expect(200).header("Last-Modified")
    early = "Sun, 06 Nov 1994 08:49:37 GMT"
    objects.proxy.forget()
    for fields, status in (({"if_none_match": etag}, 304), ({"if_none_match": f'W/{etag}, "x"'}, 304), ({"if_none_match": "*"}, 304),
                           ({"if_modified_since": modified}, 304), ({"if_match": '"x"'}, 412), ({"if_unmodified_since": early}, 412),
                           ({"if_none_match": etag, "range": "bytes=0-9"}, 304), ({"if_match": '"x"', "range": "bytes=0-9"}, 412)):
        answer = client.read(key, **fields).expect(status)
        assert answer.etag == etag and came_from(answer) == "bypass", fields
    client.read(key, if_none_match="x").problem(400, "bad-request")
    assert objects.proxy.count("GET", key=key) == 0 and objects.proxy.count("HEAD", key=key) == 9
    assert client.read(key, if_none_match='"x"').expect(200).body == body
    assert client.read(key, if_match=etag, range="bytes=5-9").expect(206).body == body[5:10]
    assert objects.proxy.count("GET", key=key) == 2


def test_of_another_long_object_than_a_range_is_for_no_part_is_fetched(client, objects, name):
    key, body = name("big"), bytes(range(256)) * 8192
    etag = objects.s3.put(BUCKET, key, body, "application/octet-stream")
    client.read(key).expect(200)
    objects.proxy.forget()
    assert client.read(key, range="bytes=5-9", if_range=etag).expect(206).body == body[5:10]
    assert client.read(key, range="bytes=5-9", if_range='"x"').expect(200).body == body
    for value in (f"W/{etag}", '"x', "Sun, 06 Nov 1994 08:49:37 GMT"):
        assert client.read(key, range="bytes=5-9", if_range=value).expect(200).body == body
    asked = [(r.headers.get("range"), r.headers.get("if-match")) for r in objects.proxy.requests("GET", key=key)]
    part = "bytes=5-9"
    assert asked == [(part, etag), (part, '"x"'), (None, None)] + 3 * [(part, None), (None, None)]


def test_conditions_of_what_is_absent(client, name):
    key = name("no")
    client.read(key, if_none_match="*").problem(404, "not-found")
    client.read(key, if_match='"x"').expect(404, 412)
    client.read(key, range="bytes=0-1").problem(404, "not-found")


# ---- who may ----

def test_scopes(objects, name):
    key = name()
    objects.s3.put(BUCKET, key, b"x")
    with TokenIssuer(algs=("ES256",)) as issuer:
        service = objects.start(**issuer.settings())
        with ObjectsClient(service.url) as client:
            client.read(key).problem(401, "unauthorized")
            reader, writer, other = (bearer(issuer.token(scope=s)) for s in ("objects:read", "objects:write", "customers:write"))
            client.read(key, headers=reader).expect(200)
            client.read(key, method="HEAD", headers=reader).expect(200)
            for headers in (reader, other):
                refused = client.write(key, b"y", headers=headers)
                refused.problem(403, "forbidden")
                assert "objects:write" in refused.header("WWW-Authenticate")
                client.remove(key, headers=headers).problem(403, "forbidden")
                client.tell({}, headers=headers).problem(403, "forbidden")
            client.read(key, headers=other).problem(403, "forbidden")
            client.write(key, b"y", headers=writer).expect(200, 201)
            client.remove(key, headers=writer).expect(204)
            admin = bearer(issuer.token(scope="admin"))
            client.write(key, b"z", headers=admin).expect(200, 201)
            assert client.read(key, headers=admin).expect(200).body == b"z"
        service.stop()


def test_methods(client, name):
    answer = client.request("POST", path_of(name()), body=b"x", content_type="text/plain")
    answer.problem(405, "method-not-allowed")
    assert {m.strip() for m in answer.header("Allow").split(",")} >= {"GET", "HEAD", "PUT", "DELETE"}


def test_what_is_off_is_not_there(objects, name):
    service = objects.start(CUSTOMERD_RESOURCES="customers,sessions")
    with ObjectsClient(service.url) as client:
        client.resources = ("customers", "sessions")
        client.read(name()).problem(404, "not-found")
        assert not any(path.startswith("/objects") for path in client.get("/openapi.json").expect(200).json()["paths"])
    service.stop()


def test_objects_need_no_database(objects, name):
    """The resource alone: a service without customers has no database."""
    key = name()
    objects.s3.put(BUCKET, key, b"alone")
    service = objects.start(CUSTOMERD_RESOURCES="objects")
    with ObjectsClient(service.url) as client:
        client.resources = ("objects",)
        assert [came_from(client.read(key).expect(200)) for _ in range(2)] == ["miss", "hit"]
        client.get("/customers/01a216e3-2116-7ce1-9ba8-7cfa188a9470").problem(404, "not-found")
        client.write(key, b"new").expect(200, 201)
        assert client.read(key).body == b"new"
    started = time.monotonic()
    assert service.stop() == 0 and time.monotonic() - started < 10
