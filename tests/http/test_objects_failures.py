"""Objects while S3 is slow or gone, while the cache is, and while both answer nonsense."""

import re
import socket
import threading
import time
import uuid

import pytest

from http_client import Client, wait_until
from objects_client import BUCKET, ObjectsClient, ObjectsWorld, came_from, path_of, wait_until_ready
from raw_http import RawConnection

S3_TIMEOUT_S, FENCE_S, SLACK_S = 0.6, 2.0, 1.5
QUICK = {"CUSTOMERD_OBJECT_S3_TIMEOUT_MS": "600", "CUSTOMERD_OBJECT_FENCE_MS": "2000", "CUSTOMERD_OBJECT_TTL_S": "1",
         "CUSTOMERD_OBJECT_STALE_S": "600", "CUSTOMERD_REQUEST_TIMEOUT_MS": "2000"}
MIB = 1 << 20


@pytest.fixture(scope="module")
def world(start_cluster):
    """Of its own, since its cache is killed."""
    with ObjectsWorld(start_cluster("objects-failing", service=False, shards=1, replicas=0, objects=True)) as world:
        yield world


@pytest.fixture(scope="module")
def service(world):
    return world.start(**QUICK)


@pytest.fixture(scope="module")
def patient(world):
    """What it has is fresh for as long as it is by default."""
    return world.start(**{**QUICK, "CUSTOMERD_OBJECT_TTL_S": "300"})


@pytest.fixture
def client(service):
    wait_until_ready(service)
    with ObjectsClient(service.url) as c:
        yield c


@pytest.fixture
def key():
    return f"f/{uuid.uuid4().hex}"


def wait_until_stale(client, key, body):
    """It was fresh; S3 does not answer."""
    def stale():
        answer = client.read(key).expect(200)
        assert answer.body == body
        return came_from(answer) == "stale" and answer
    return wait_until(stale, 5, "it is served past its time")


# ---- S3 is slow or gone ----

def test_when_s3_is_gone_what_is_there_is_served(world, client, key):
    world.s3.put(BUCKET, key, b"x")
    client.read(key).expect(200)
    with world.proxy.gone():
        assert client.read(key).expect(200).body == b"x"
        stale = wait_until_stale(client, key, b"x")
        wait_until(lambda: int(client.read(key).expect(200).header("Age")) >= 1, 5, "it ages")
        client.read(key, if_none_match=stale.etag).expect(304)
        assert client.read(key, range="bytes=0-0").expect(206).body == b"x"
        started = time.monotonic()
        answer = client.read(key + "/other")
        answer.expect(503, 504)
        assert time.monotonic() - started < S3_TIMEOUT_S + SLACK_S
    wait_until(lambda: came_from(client.read(key).expect(200)) != "stale", 10, "it is asked for again")
    client.read(key + "/other").problem(404, "not-found")


def test_stale_content_is_served_within_a_bound(world, key):
    brief = world.start(**{**QUICK, "CUSTOMERD_OBJECT_STALE_S": "1"})
    world.s3.put(BUCKET, key, b"x")
    with ObjectsClient(brief.url) as client:
        client.read(key).expect(200)
        with world.proxy.gone():
            wait_until_stale(client, key, b"x")
            wait_until(lambda: client.read(key).status in (503, 504), 5, "the bound is over")
    brief.stop()


def test_none_is_served_where_the_bound_is_none(world, key):
    strict = world.start(**{**QUICK, "CUSTOMERD_OBJECT_STALE_S": "0"})
    world.s3.put(BUCKET, key, b"x")
    with ObjectsClient(strict.url) as client:
        client.read(key).expect(200)
        with world.proxy.gone():
            def over():
                answer = client.read(key)
                assert answer.status != 200 or came_from(answer) == "hit"
                return answer.status in (503, 504)
            wait_until(over, 5, "nothing is served")
    strict.stop()


def test_a_miss_is_answered_in_time_when_s3_hangs(world, client, key):
    with world.proxy.rule("hang"):
        for method, body in (("GET", None), ("HEAD", None)):
            started = time.monotonic()
            answer = client.request(method, path_of(key), body=body)
            assert answer.status == 504 and time.monotonic() - started < S3_TIMEOUT_S + SLACK_S
            if method == "GET":
                assert answer.json()["status"] == 504


def test_hits_go_on_while_s3_hangs(world, patient, key):
    """Whatever others wait for. S3 is not asked about what is fresh."""
    world.s3.put(BUCKET, key, b"x")
    with ObjectsClient(patient.url) as client:
        client.read(key).expect(200)
        with world.proxy.rule("hang") as hanging:
            threads = [threading.Thread(target=_read_once, args=(patient, f"{key}/{n}")) for n in range(20)]
            for thread in threads:
                thread.start()
            wait_until(lambda: hanging.met >= 10, 5, "S3 hangs for some")
            for _ in range(10):
                answer = client.read(key).expect(200)
                assert (came_from(answer), answer.body) == ("hit", b"x")
            for thread in threads:
                thread.join(20)
    assert world.proxy.count(key=key) == 1


def _read_once(instance, key):
    with ObjectsClient(instance.url) as c:
        c.read(key).expect(200, 404, 503, 504)


@pytest.mark.parametrize("status, code", [(503, "SlowDown"), (500, "InternalError"), (429, "SlowDown")])
def test_s3_is_asked_again_after_a_passing_failure(world, client, key, status, code):
    world.s3.put(BUCKET, key, b"x")
    with world.proxy.rule("answer", "GET", key=key, times=1, status=status, code=code) as rule:
        assert client.read(key).expect(200).body == b"x" and rule.met == 1
    with world.proxy.rule("answer", "PUT", key=key, times=1, status=status, code=code) as rule:
        client.write(key, b"y").expect(200, 201)
        assert rule.met == 1
    assert client.read(key).expect(200).body == b"y"


@pytest.mark.parametrize("kind", ["refuse", "lose"])
def test_s3_is_asked_again_after_a_lost_connection(world, client, key, kind):
    world.s3.put(BUCKET, key, b"x")
    with world.proxy.rule(kind, "GET", key=key, times=1) as rule:
        assert client.read(key).expect(200).body == b"x" and rule.met == 1


@pytest.mark.parametrize("status, code", [(503, "SlowDown"), (403, "AccessDenied"), (400, "ExpiredToken"), (301, "PermanentRedirect")])
def test_a_lasting_failure_is_a_503_and_tells_no_secret(world, client, key, status, code):
    with world.proxy.rule("answer", "GET", key=key, status=status, code=code):
        answer = client.read(key).expect(502, 503, 504)
    assert "AWS4" not in str(answer.body) and "ASIA" not in str(answer.body)
    client.read(key).problem(404, "not-found")


def test_a_body_that_breaks_off_is_never_served(world, client, key):
    body = bytes(range(256)) * 1024
    world.s3.put(BUCKET, key, body)
    with world.proxy.rule("cut", "GET", key=key, times=1, bytes=100_000) as rule:
        assert client.read(key).expect(200).body == body and rule.met == 1
    world.forget(key)
    with world.proxy.rule("cut", "GET", key=key, bytes=100_000):
        client.read(key).expect(503, 504)
    assert client.read(key).expect(200).body == body


def test_a_refused_bucket_is_told(world, key):
    other = world.start(**QUICK, CUSTOMERD_OBJECT_BUCKETS="nobodys-bucket")
    with ObjectsClient(other.url) as client:
        for method in ("GET", "HEAD"):
            client.read(key, "nobodys-bucket", method=method).expect(503)
        assert "NoSuchBucket" in client.read(key, "nobodys-bucket").problem(503, "s3-unavailable")["detail"]
    assert not world.stored(key, bucket="nobodys-bucket")
    other.stop()


# ---- streams ----

def test_a_slow_stream_is_whole(world, client, key):
    body = bytes(range(256)) * (3 * 4096)
    world.s3.put(BUCKET, key, body)
    with world.proxy.rule("trickle", "GET", key=key, bytes=MIB // 2, seconds=0.3):
        assert client.read(key).expect(200).body == body


def test_a_stream_that_breaks_off_is_not_taken_for_whole(world, client, key):
    body = bytes(range(256)) * (3 * 4096)
    world.s3.put(BUCKET, key, body)
    with world.proxy.rule("cut", "GET", key=key, bytes=2 * MIB):
        with pytest.raises(ConnectionError):
            client.read(key)
    assert client.read(key).expect(200).body == body


def test_a_client_that_goes_away_ends_the_transfer(world, service, client, key):
    world.s3.put(BUCKET, key, bytes(48 * MIB))
    open_before = world.proxy.open_now
    for _ in range(5):
        with RawConnection(service.url) as raw:
            raw.send(f"GET {path_of(key)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert raw.readable(5)
    wait_until(lambda: world.proxy.open_now <= open_before + 1, 15, "the transfers have ended")
    client.read(key + "x").problem(404, "not-found")


def test_a_client_that_does_not_read_fills_no_memory(world, service, key):
    """S3's side is not read on either: what is on the way is bounded."""
    world.s3.put(BUCKET, key, bytes(48 * MIB))

    def resident_kb():
        with open(f"/proc/{service.pid}/status", encoding="ascii") as file:
            return int(next(line for line in file if line.startswith("VmRSS")).split()[1])
    before = resident_kb()
    sockets = []
    for _ in range(4):
        quiet = socket.create_connection(("127.0.0.1", service.port), timeout=10)
        quiet.sendall(f"GET {path_of(key)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        sockets.append(quiet)
    for quiet in sockets:
        assert quiet.recv(100)
    time.sleep(1)  # what would be read without a bound arrives within this
    grown = resident_kb() - before
    for quiet in sockets:
        quiet.close()
    assert grown < 4 * 4 * 1024, f"{grown} KB for four clients"


def test_a_stream_ends_well_while_the_service_drains(world, key):
    body = bytes(range(256)) * (4 * 4096)
    world.s3.put(BUCKET, key, body)
    leaving = world.start(**QUICK)
    result = {}

    def read():
        with ObjectsClient(leaving.url) as c:
            result.update(body=c.read(key).expect(200).body)
    with world.proxy.rule("trickle", "GET", key=key, bytes=MIB, seconds=0.4):
        reading = threading.Thread(target=read)
        reading.start()
        wait_until(lambda: world.proxy.count("GET", key=key) == 1, 5, "the stream has begun")
        assert leaving.stop() == 0
        reading.join(10)
    assert result["body"] == body


def test_a_stream_without_progress_is_ended(world, service, key):
    world.s3.put(BUCKET, key, bytes(3 * MIB))
    with world.proxy.rule("trickle", "GET", key=key, bytes=MIB, seconds=40):
        with RawConnection(service.url, timeout_s=30) as raw:
            raw.send(f"GET {path_of(key)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert raw.closed_within(25)


# ---- writes whose end is not known ----

def test_a_write_whose_answer_is_lost(world, client, key):
    """S3 has it. Nobody reads the old content afterwards, and when the fence's time is over it is cached again."""
    world.s3.put(BUCKET, key, b"old")
    client.read(key).expect(200)
    began = time.monotonic()
    with world.proxy.rule("lose", "PUT", key=key):
        assert client.write(key, b"new").problem(503, "outcome-unknown")["applied"] == "unknown"
    while time.monotonic() < began + FENCE_S - 0.5:
        answer = client.read(key).expect(200)
        assert answer.body == b"new" and came_from(answer) == "bypass"
    wait_until(lambda: came_from(client.read(key).expect(200)) == "hit", 6, "it is cached again")
    assert client.read(key).body == b"new"


def test_a_write_that_s3_never_got(world, client, key):
    world.s3.put(BUCKET, key, b"old")
    client.read(key).expect(200)
    with world.proxy.rule("hang", "PUT", key=key):
        started = time.monotonic()
        answer = client.write(key, b"new")
        assert answer.problem(503, "outcome-unknown")["applied"] == "unknown" and time.monotonic() - started < S3_TIMEOUT_S + SLACK_S
    assert client.read(key).expect(200).body == b"old"
    client.write(key, b"newer").expect(200, 201)
    wait_until(lambda: came_from(client.read(key).expect(200)) == "hit", 6, "it is cached again")
    assert client.read(key).body == b"newer"


def test_after_a_write_of_unknown_end_what_is_often_written_is_cached_again(world, patient, key):
    """Later writes do not prolong the time in which the first may still be done."""
    with ObjectsClient(patient.url) as client:
        with world.proxy.rule("hang", "PUT", key=key):
            client.write(key, b"unknown").problem(503, "outcome-unknown")
        written = []

        def is_cached():
            written.append(f"version {len(written)}".encode())
            client.write(key, written[-1]).expect(200)
            answer = client.read(key).expect(200)
            assert answer.body == written[-1]
            return came_from(answer) == "hit"
        wait_until(is_cached, 10, "it is cached again", pause_s=0.2)
        assert len(written) > 1


def test_a_write_while_s3_is_gone_changes_nothing(world, patient, key):
    """Nor does it cost what the cache has."""
    world.s3.put(BUCKET, key, b"old")
    with ObjectsClient(patient.url) as client:
        client.read(key).expect(200)
        with world.proxy.gone():
            for write in (lambda: client.write(key, b"new"), lambda: client.remove(key)):
                assert write().expect(503).json()["applied"] == "no"
                answer = client.read(key).expect(200)
                assert (answer.body, came_from(answer)) == (b"old", "hit")
        assert client.read(key).expect(200).body == b"old" == world.s3.get(BUCKET, key).body


def test_a_delete_whose_answer_is_lost(world, client, key):
    world.s3.put(BUCKET, key, b"old")
    client.read(key).expect(200)
    with world.proxy.rule("lose", "DELETE", key=key):
        assert client.remove(key).problem(503, "outcome-unknown")["applied"] == "unknown"
    began = time.monotonic()
    while time.monotonic() < began + FENCE_S + 0.5:
        client.read(key).problem(404, "not-found")


# ---- the cache is gone ----

def test_when_the_cache_is_gone_s3_is_read(world, client, key):
    body = b"x" * 2000
    world.s3.put(BUCKET, key, body)
    client.read(key).expect(200)
    with world.cache_gone():
        for _ in range(5):
            answer = client.read(key).expect(200)
            assert answer.body == body and came_from(answer) == "bypass" and answer.header("Age") in (None, "0")
        assert client.read(key, range="bytes=5-9").expect(206).body == b"xxxxx"
        client.read(key, if_none_match=client.read(key).etag).expect(304)
        client.read(key + "/absent").problem(404, "not-found")
    wait_until(lambda: came_from(client.read(key).expect(200)) == "hit", 20, "the cache is used again")


def test_no_write_goes_past_a_cache_that_is_gone(world, client, key):
    """Other instances may reach it, and would serve the old content."""
    world.s3.put(BUCKET, key, b"old")
    with world.cache_gone():
        assert client.write(key, b"new").expect(503).json()["applied"] == "no"
        assert client.remove(key).expect(503).json()["applied"] == "no"
    assert world.s3.get(BUCKET, key).body == b"old"
    wait_until(lambda: client.write(key, b"new").status in (200, 201), 20, "writes are taken again")
    assert client.read(key).expect(200).body == b"new"


def test_when_the_cache_hangs_s3_is_read_in_time(world, client, key):
    world.s3.put(BUCKET, key, b"x")
    for node in world.cache_nodes:
        node.pause()
    try:
        for _ in range(3):
            answer = client.read(key).expect(200)
            assert came_from(answer) == "bypass" and answer.elapsed_s < 1.5
    finally:
        for node in world.cache_nodes:
            node.resume()
    wait_until(lambda: came_from(client.read(key).expect(200)) == "hit", 20, "the cache is used again")


def test_half_of_the_cache_is_gone(world, client, key):
    keys = [f"{key}/{n}" for n in range(12)]
    for one in keys:
        world.s3.put(BUCKET, one, one.encode())
        client.read(one).expect(200)
    dead = world.cache_nodes[0]
    at_dead = {one for one in keys if any(node is dead for node, _ in world.stored(one, "o"))}
    assert 0 < len(at_dead) < len(keys)
    dead.kill()
    try:
        for _ in range(2):
            for one in keys:
                answer = client.read(one).expect(200)
                assert answer.body == one.encode() and (came_from(answer) == "bypass") == (one in at_dead), one
    finally:
        dead.restart()
        world.local.wait_until_cache_is_whole()
    for one in keys:  # each for itself: it is fresh for a second only
        wait_until(lambda one=one: came_from(client.read(one)) == "hit", 20, "it is cached again")


def test_a_service_starts_without_its_cache(world, key):
    world.s3.put(BUCKET, key, b"x")
    with world.cache_gone():
        starting = world.start(**QUICK)
        with ObjectsClient(starting.url) as client:
            assert came_from(client.read(key).expect(200)) == "bypass"
    with ObjectsClient(starting.url) as client:
        wait_until(lambda: came_from(client.read(key).expect(200)) == "hit", 20, "the cache is used")
    starting.stop()


def test_when_both_are_gone_the_rest_serves(world, client, key):
    with world.proxy.gone(), world.cache_gone():
        client.read(key).expect(503, 504)
        client.get("/customers?limit=1").expect(200)
    client.read(key).problem(404, "not-found")


def damaged_so_far(service):
    with Client(service.admin_url, listener="admin") as admin:
        return int(re.search(r"^customerd_objects_damaged_total (\d+)$", admin.get("/metrics").expect(200).body.decode(), re.M).group(1))


def test_what_is_damaged_in_the_cache_is_not_served(world, service, client, key):
    """Somebody else's bytes under our key, or bytes that lack their end: the next read fills the place."""
    before = damaged_so_far(service)
    right = b"right answer, whole"
    world.s3.put(BUCKET, key, right)
    client.read(key).expect(200)
    ((node, stored),) = world.stored(key, "o")
    whole = node.command("GET", stored)
    whole = whole if isinstance(whole, bytes) else whole.encode()
    all_of_them = (b"", b"O", b"Z" + whole[1:], whole[:len(whole) // 2], b"\xff" * 300, whole[:20] + b"\xff" * 40, whole[:-1], whole + b"x")
    for damaged in all_of_them:
        node.command("SET", stored, damaged, "PX", 600_000)
        answer = client.read(key).expect(200)
        assert (answer.body, came_from(answer)) == (right, "miss"), damaged[:20]
    assert damaged_so_far(service) - before == len(all_of_them)
    log = service.log_path.read_text()
    assert f'"event":"cached_object_damaged","tag":"{stored[1:17]}"' in log and key not in log


def test_credentials_that_change_go_unnoticed(start_cluster, key):
    local = start_cluster("objects-rotating", service=False, shards=1, replicas=0, objects=True, token_ttl=10, credential_ttl=10)
    with ObjectsWorld(local) as world:
        service = world.start(**QUICK)
        world.s3.put(BUCKET, key, b"x")
        names, until, n = set(), time.monotonic() + 14, 0
        with ObjectsClient(service.url) as client:
            while time.monotonic() < until:
                n += 1
                client.read(f"{key}/{n}").problem(404, "not-found")
                assert client.read(key).expect(200).body == b"x"
                client.write(f"{key}/w", str(n).encode()).expect(200, 201)
        for asked in world.proxy.requests("GET"):
            names.add(asked.headers["authorization"].split("Credential=")[1].split("/")[0])
        assert len(names) >= 2, "the credentials never changed"
        service.stop()
