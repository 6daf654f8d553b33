"""`customerd warm` fills the cache from S3 and can be interrupted; `customerd compare` measures S3 and the cache."""

import http.server
import json
import re
import signal
import subprocess
import threading
import urllib.parse
import uuid
import xml.etree.ElementTree

import pytest

from http_client import wait_until
from local_memorydb.service import child_environment
from objects_client import BUCKET, came_from
from objects_fixtures import client  # noqa: F401 (a fixture)

# So that nothing fails only since the machine is busy.
PATIENT = {"CUSTOMERD_OBJECT_S3_TIMEOUT_MS": "15000", "CUSTOMERD_REQUEST_TIMEOUT_MS": "20000"}
SVG = "{http://www.w3.org/2000/svg}"


class Commands:
    """Runs them where the services of ObjectsWorld run, with the proxy before S3."""

    def __init__(self, world):
        self.world = world

    def begin(self, *words, **env):
        local = self.world.local
        settings = {**local.client_settings(), **local.env, "AWS_ENDPOINT_URL_S3": self.world.proxy.url, **PATIENT, **env}
        return subprocess.Popen([local.binary, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=child_environment(settings))

    def run(self, *words, status=0, **env):
        return ended(self.begin(*words, **env), status)

    def warm(self, *words, status=0, **env):
        return self.run("warm", "--bucket", BUCKET, *words, status=status, **env)

    def compare(self, key, *words, status=0, **env):
        return self.run("compare", "--bucket", BUCKET, "--key", key, *words, status=status, **env)


def ended(process, status):
    """(stdout, stderr) of one that ends with that status."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == status, f"{process.returncode}: {out!r}\n{err.decode()}"
    return out.decode(), err.decode()


def counts(err):
    """{"filled": 3, ...} of the last line that tells how far a warming has come."""
    line = [line for line in err.splitlines() if re.search(r"\d+ objects in ", line)][-1]
    told = {what: int(n) for n, what in re.findall(r"(\d+) ([a-z' ]+)(?:,|$)", line.partition("/s: ")[2])}
    assert sum(told.values()) == int(re.search(r"(\d+) objects", line).group(1)), line
    return {what: n for what, n in told.items() if n}


@pytest.fixture(scope="module")
def commands(objects):
    return Commands(objects)


@pytest.fixture
def prefix():
    """A new one at each call."""
    return lambda: f"commands/{uuid.uuid4().hex}/"


@pytest.fixture
def filled(objects, prefix):
    """filled(n): so many new objects; (their prefix, their keys in S3's order)."""
    def fill(n, body=b"warm me"):
        where = prefix()
        keys = [f"{where}{i:04}" for i in range(n)]
        for key in keys:
            objects.s3.put(BUCKET, key, body)
        objects.proxy.forget()
        return where, keys
    return fill


def gets(world, keys):
    return [seen.key for seen in world.proxy.requests("GET", BUCKET) if seen.key in set(keys)]


# ---- warm ----

@pytest.mark.concurrent
def test_warm_fills_what_is_not_fresh(commands, client, objects, filled):
    where, keys = filled(25)
    client.read(keys[3]).expect(200)
    out, err = commands.warm("--prefix", where)
    assert out == "" and counts(err) == {"filled": 24, "fresh already": 1}
    assert sorted(gets(objects, keys)) == keys
    for key in keys:
        assert came_from(client.read(key).expect(200)) == "hit"
    assert counts(commands.warm("--prefix", where)[1]) == {"fresh already": 25}
    assert sorted(gets(objects, keys)) == keys


def test_warm_asks_for_no_object_outside_its_prefix(commands, objects, filled):
    where, keys = filled(2)
    objects.s3.put(BUCKET, where[:-1] + "-beside", b"x")
    commands.warm("--prefix", where)
    assert objects.proxy.count("GET", BUCKET, where[:-1] + "-beside") == 0 and len(gets(objects, keys)) == 2


class Pages(http.server.BaseHTTPRequestHandler):
    """S3 with a listing of several pages. `asked` has the queries."""

    protocol_version = "HTTP/1.1"
    pages, asked = [["p/a", "p/b"], ["p/c"], [], ["p/d", "p/e"]], []

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass

    def do_GET(self):  # pylint: disable=invalid-name
        path, _, query = self.path.partition("?")
        if query:
            self.asked.append(dict(urllib.parse.parse_qsl(query)))
            body = self.page(int(self.asked[-1].get("continuation-token", "at 0").split()[1])).encode()
        else:
            body = path.encode()
        self.send_response(200)
        for name, value in (("Content-Length", len(body)), ("ETag", '"e"'), ("Last-Modified", "Thu, 26 Nov 2026 00:00:00 GMT")):
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def page(self, at):
        entries = "".join(f"<Contents><Key>{key}</Key><LastModified>2026-11-26T00:00:00.000Z</LastModified><ETag>&quot;e&quot;</ETag>"
                          f"<Size>{len(key) + len(BUCKET) + 2}</Size></Contents>" for key in self.pages[at])
        more = at + 1 < len(self.pages)
        token = f"<NextContinuationToken>at {at + 1}</NextContinuationToken>" if more else ""
        return (f'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult><Name>{BUCKET}</Name><EncodingType>url</EncodingType>'
                f"<IsTruncated>{str(more).lower()}</IsTruncated>{entries}{token}</ListBucketResult>")


def test_warm_goes_over_all_pages(commands):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            out, err = commands.warm("--prefix", "p/", AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()
    assert out == "" and counts(err) == {"filled": 5}
    assert [query.get("continuation-token") for query in Pages.asked] == [None, "at 1", "at 2", "at 3"]
    assert all(query["list-type"] == "2" and query["prefix"] == "p/" for query in Pages.asked)


def test_warm_tells_what_can_not_be_kept(commands, objects, filled, tmp_path):
    where, keys = filled(1)
    objects.s3.put(BUCKET, where + "long", b"x" * 20)
    objects.s3.put(BUCKET, where + "x/../y", b"x")
    objects.proxy.forget()
    names = tmp_path / "names"
    settings = {"CUSTOMERD_OBJECT_CACHE_MAX_BYTES": "10"}
    assert counts(commands.warm("--prefix", where, **settings)[1]) == {"filled": 1, "too long": 1, "that can't be served": 1}
    assert gets(objects, [where + "long"]) == [], "its length stands in the listing"
    names.write_bytes(b"\n".join([keys[0].encode(), (where + "long").encode(), (where + "no").encode(), b"", b"a/./b", b"k\xff",
                                  b"k" * 1025, b"k\0"]))
    assert counts(commands.warm("--from-list", names, **settings)[1]) == {
        "fresh already": 1, "too long": 1, "absent": 1, "that can't be served": 4}


def test_warm_takes_keys_as_they_are(commands, client, objects, prefix):
    where = prefix()
    keys = [where + name for name in ("a b+c%20d", "\u00fc\u65e5&<x>\"'", "line\nfeed", "/double//slash/", "tail ")]
    for key in keys:
        objects.s3.put(BUCKET, key, b"x")
    assert counts(commands.warm("--prefix", where)[1]) == {"filled": len(keys)}
    for key in keys:
        if "\n" not in key:
            assert came_from(client.read(key).expect(200)) == "hit"


def test_warm_from_a_list(commands, objects, filled, tmp_path):
    where, keys = filled(5)
    names = tmp_path / "names"
    names.write_text("\n".join([keys[4], "elsewhere/x", keys[0], "", keys[2]]), encoding="utf-8")
    assert counts(commands.warm("--from-list", names, "--prefix", where)[1]) == {"filled": 3}
    assert sorted(gets(objects, keys)) == [keys[0], keys[2], keys[4]]
    assert objects.proxy.count(key="elsewhere/x") == 0
    assert not [seen for seen in objects.proxy.requests() if "list-type" in seen.query]


def test_warm_starts_after_a_key(commands, objects, filled):
    where, keys = filled(6)
    assert counts(commands.warm("--prefix", where, "--start-after", keys[2])[1]) == {"filled": 3}
    assert sorted(gets(objects, keys)) == keys[3:]


def test_warm_keeps_to_its_rate(commands, objects, filled):
    where, keys = filled(16)
    commands.warm("--prefix", where, "--rate", 10, "--jobs", 16)
    times = sorted(seen.at_s for seen in objects.proxy.requests("GET", BUCKET) if seen.key in keys)
    assert times[-1] - times[0] >= 1.4, "15 distances of 100 ms"


def test_what_is_too_long_does_not_hold_up_the_others(commands, filled):
    where, _ = filled(20, b"x" * 20)
    _, err = commands.warm("--prefix", where, "--rate", 1, CUSTOMERD_OBJECT_CACHE_MAX_BYTES="10")
    assert counts(err) == {"too long": 20} and float(re.findall(r"in ([0-9.]+) s", err)[-1]) < 15


def test_warm_asks_for_so_many_at_a_time(commands, objects, filled):
    where, keys = filled(12)
    with objects.proxy.rule("hold", "GET", BUCKET, keys[0]), objects.proxy.rule("hold", "GET", BUCKET, keys[1]), \
            objects.proxy.rule("hold", "GET", BUCKET, keys[2]):
        process = commands.begin("warm", "--bucket", BUCKET, "--prefix", where, "--jobs", 3)
        wait_until(lambda: len(gets(objects, keys)) == 3, 10, "three are asked for")
        assert sorted(gets(objects, keys)) == keys[:3]
    assert counts(ended(process, 0)[1]) == {"filled": 12}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("source", ["listing", "list"])
def test_an_interrupted_warming_goes_on_where_it_was(commands, objects, filled, tmp_path, number, source):
    where, keys = filled(40)
    state, names = tmp_path / "state", tmp_path / "names"
    names.write_text("".join(key + "\n" for key in keys), encoding="utf-8")
    words = ["--prefix", where, "--state", state] + (["--from-list", names] if source == "list" else [])
    process = commands.begin("warm", "--bucket", BUCKET, *words, "--rate", 20, "--jobs", 2)
    wait_until(lambda: len(gets(objects, keys)) >= 5, 20, "some are asked for")
    process.send_signal(number)
    out, err = ended(process, 128 + number)
    done = counts(err)["filled"]
    assert out == "" and "interrupted: " in err and "goes on where this one has ended" in err
    first = gets(objects, keys)
    assert 5 <= done <= len(first) < 40
    after = json.loads(state.read_text())["after"]
    assert after in keys and keys.index(after) + 1 == done, "all up to the mark is done, in order"
    objects.proxy.forget()
    again = counts(commands.warm(*words)[1])
    assert again.get("filled", 0) + again.get("fresh already", 0) == 40 - done
    assert set(gets(objects, keys)) == set(keys[done:]) - set(first[done:])
    assert not state.exists() and not list(tmp_path.glob("state*"))


def test_a_killed_warming_goes_on_where_it_was(commands, objects, filled, tmp_path):
    where, keys = filled(60)
    state = tmp_path / "state"
    process = commands.begin("warm", "--bucket", BUCKET, "--prefix", where, "--state", state, "--rate", 20)
    wait_until(lambda: json.loads(state.read_text())["after"] in keys if state.exists() else False, 20, "the state is kept")
    process.kill()
    ended(process, -signal.SIGKILL)
    mark = keys.index(json.loads(state.read_text())["after"])
    assert set(keys[:mark + 1]) <= set(gets(objects, keys))
    again = counts(commands.warm("--prefix", where, "--state", state)[1])
    assert sum(again.values()) == 60 - mark - 1 and sorted(set(gets(objects, keys))) == keys


def test_an_interrupted_warming_without_state_says_how_to_go_on(commands, objects, filled):
    where, keys = filled(30)
    process = commands.begin("warm", "--bucket", BUCKET, "--prefix", where, "--rate", 20, "--jobs", 1)
    wait_until(lambda: len(gets(objects, keys)) >= 3, 20, "some are asked for")
    process.send_signal(signal.SIGINT)
    _, err = ended(process, 130)
    after = re.search(r'to go on: --start-after "(.+)"', err).group(1)
    assert keys.index(after) + 1 == counts(err)["filled"]


@pytest.mark.concurrent
def test_what_is_cut_short_by_a_signal_has_not_failed(commands, objects, filled, tmp_path):
    where, keys = filled(3)
    state = tmp_path / "state"
    with objects.proxy.rule("hang", "GET", BUCKET, keys[1]) as rule:
        process = commands.begin("warm", "--bucket", BUCKET, "--prefix", where, "--state", state, CUSTOMERD_OBJECT_S3_TIMEOUT_MS="1000")
        wait_until(lambda: rule.met == 1, 10, "it is asked for")
        process.send_signal(signal.SIGINT)
        out, err = ended(process, 130)
    assert out == "" and "failed" not in err and json.loads(state.read_text())["after"] in ("", keys[0])
    commands.warm("--prefix", where, "--state", state)
    assert set(gets(objects, keys)) == set(keys)


def test_a_second_signal_ends_it_at_once(commands, objects, filled):
    where, keys = filled(1)
    with objects.proxy.rule("hang", "GET", BUCKET, keys[0]) as rule:
        process = commands.begin("warm", "--bucket", BUCKET, "--prefix", where, CUSTOMERD_OBJECT_S3_TIMEOUT_MS="19000")
        wait_until(lambda: rule.met == 1, 10, "it is asked for")
        process.send_signal(signal.SIGTERM)
        assert b"a second signal ends it at once" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == -signal.SIGTERM
        process.communicate()


def test_names_that_failed_come_out_as_a_list(commands, objects, filled, tmp_path):
    where, keys = filled(8)
    bad = [keys[2], keys[5]]
    settings = {"CUSTOMERD_OBJECT_S3_TIMEOUT_MS": "300"}
    with objects.proxy.rule("answer", "GET", BUCKET, bad[0], status=503, code="SlowDown"), \
            objects.proxy.rule("answer", "GET", BUCKET, bad[1], status=500, code="InternalError"):
        out, err = commands.warm("--prefix", where, status=3, **settings)
    assert sorted(out.splitlines()) == bad and counts(err) == {"filled": 6, "failed": 2}
    names = tmp_path / "names"
    names.write_text(out, encoding="utf-8")
    assert counts(commands.warm("--from-list", names)[1]) == {"filled": 2}


@pytest.mark.concurrent
def test_warm_gives_up_when_nothing_goes_well(commands, objects, filled, tmp_path):
    where, keys = filled(40)
    state = tmp_path / "state"
    settings = {"CUSTOMERD_OBJECT_S3_TIMEOUT_MS": "200"}
    first = keys[:4]
    commands.warm("--from-list", put(tmp_path / "first", first))
    rules = [objects.proxy.rule("answer", "GET", BUCKET, key, status=503, code="SlowDown") for key in keys[4:]]
    for rule in rules:
        rule.__enter__()  # pylint: disable=unnecessary-dunder-call
    try:
        out, err = commands.warm("--prefix", where, "--state", state, "--jobs", 20, status=1, **settings)
    finally:
        for rule in rules:
            rule.__exit__(None, None, None)
    assert "20 objects in a row failed" in err and "given up: " in err
    assert json.loads(state.read_text())["after"] == first[-1], "it goes on before the first that failed"
    assert counts(commands.warm("--prefix", where, "--state", state)[1]) == {"filled": 36}
    assert set(out.splitlines()) <= set(keys[4:])


def put(path, keys):
    path.write_text("".join(key + "\n" for key in keys), encoding="utf-8")
    return path


def test_a_bucket_that_can_not_be_listed(commands, objects):
    with objects.proxy.rule("answer", "GET", BUCKET, "", status=403, code="AccessDenied"):
        _, err = commands.warm(status=1)
    assert "the bucket can't be listed" in err and "AccessDenied" in err


def test_another_runs_state_is_refused(commands, filled, tmp_path):
    where, keys = filled(1)
    state = tmp_path / "state"
    state.write_text(json.dumps({"bucket": BUCKET, "prefix": "other/", "list": None, "after": keys[0], "line": 0}), encoding="utf-8")
    assert "another bucket, prefix or list" in commands.warm("--prefix", where, "--state", state, status=1)[1]
    assert json.loads(state.read_text())["prefix"] == "other/"


@pytest.mark.parametrize("words,status,told", [
    (["warm"], 2, "--bucket is needed"),
    (["warm", "--bucket"], 2, "--bucket lacks its value"),
    (["warm", "--bucket", BUCKET, "--jobs", "0"], 2, '--jobs: "0" is not a number from 1 to 256'),
    (["warm", "--bucket", BUCKET, "--rate", "-1"], 2, "--rate"),
    (["warm", "--bucket", BUCKET, "--rate", "1x"], 2, "--rate"),
    (["warm", "--bucket", BUCKET, "--from-list", "/x", "--start-after", "k"], 2, "not with --from-list"),
    (["warm", "--bucket", BUCKET, "--state", "/x", "--start-after", "k"], 2, "give one of them"),
    (["warm", "--bucket", BUCKET, "--start-after", ""], 2, "--start-after: expected 1 to 1024 bytes"),
    (["warm", "--bucket", "foreign"], 1, "none of CUSTOMERD_OBJECT_BUCKETS"),
    (["warm", "--bucket", BUCKET, "--from-list", "/no/such/list"], 1, "can't be read"),
    (["warm", "--bucket", BUCKET, "--state", "/no/such/state"], 1, "can't be written"),
    (["warm", "--bucket", BUCKET, "--bukket", "x"], 1, "--bukket"),
    (["compare", "--bucket", BUCKET], 2, "--bucket and --key are needed"),
    (["compare", "--bucket", BUCKET, "--key", ""], 2, "--key: expected 1 to 1024 bytes"),
    (["compare", "--bucket", BUCKET, "--key", "k", "--requests", "100001"], 2, "--requests"),
    (["compare", "--bucket", "foreign", "--key", "k"], 1, "none of CUSTOMERD_OBJECT_BUCKETS"),
    (["compare", "--bucket", BUCKET, "--key", "commands/no-such-object"], 1, "there is no such object"),
])
def test_what_is_wrong_is_told(commands, words, status, told):
    out, err = commands.run(*words, status=status)
    assert out == "" and told in err and len(err.splitlines()) == 1


@pytest.mark.parametrize("env,told", [
    ({"CUSTOMERD_OBJECT_BUCKETS": ""}, "CUSTOMERD_OBJECT_BUCKETS: not set"),
    ({"CUSTOMERD_CACHE_ENDPOINT": ""}, "CUSTOMERD_CACHE_ENDPOINT: not set"),
    ({"CUSTOMERD_CACHE_AUTH": "password", "CUSTOMERD_CACHE_PASSWORD_FILE": "/no/such/file"}, "CUSTOMERD_CACHE_PASSWORD_FILE"),
    ({"CUSTOMERD_OBJECT_S3_TIMEOUT_MS": "20000"}, "CUSTOMERD_OBJECT_S3_TIMEOUT_MS: \"20000\" is not less than CUSTOMERD_REQUEST_TIMEOUT_MS"),
])
def test_wrong_settings_are_told(commands, env, told):
    _, err = commands.warm(status=1, **env)
    assert told in err and len(err.splitlines()) == 1


def test_only_what_the_cache_and_s3_take_is_needed(commands, filled):
    where, _ = filled(1)
    nothing = {"CUSTOMERD_RESOURCES": "", "CUSTOMERD_DB_ENDPOINT": "", "CUSTOMERD_DB_USER": "", "CUSTOMERD_IAM_RESOURCE": ""}
    assert counts(commands.warm("--prefix", where, **nothing)[1]) == {"filled": 1}


@pytest.mark.parametrize("command", ["warm", "compare"])
def test_help_names_all_options(commands, command):
    out, err = commands.run(command, "--help")
    assert err == "" and "--bucket NAME" in out and "exit status:" in out and "--cache-endpoint" in out


def test_a_cache_that_is_gone_is_told(commands, objects, filled):
    where, keys = filled(1)
    with objects.cache_gone():
        _, err = commands.warm("--prefix", where, status=1)
    assert "the cache can't be reached" in err and gets(objects, keys) == []


# ---- compare ----

def test_compare_measures_both(commands, objects, filled, tmp_path):
    _, (key,) = filled(1, b"0123456789")
    picture = tmp_path / "picture.svg"
    with objects.proxy.rule("latency", "GET", BUCKET, key, seconds=0.02):
        out, err = commands.compare(key, "--requests", 20, "--json", "--svg", picture)
    result = json.loads(out)
    assert err == "" and (result["bucket"], result["key"], result["bytes"], result["requests"], result["misses"]) == (BUCKET, key, 10, 20, 0)
    for side in ("s3", "cache"):
        told = result[side]
        assert (told["reads"], told["failures"]) == (20, 0)
        assert 0 < told["minimum_us"] <= told["p50_us"] <= told["p90_us"] <= told["p99_us"] <= told["maximum_us"]
        assert told["minimum_us"] <= told["average_us"] <= told["maximum_us"]
        assert sum(bin["reads"] for bin in told["histogram"]) == 20
        assert told["histogram"][0]["from_us"] <= told["minimum_us"] < told["histogram"][0]["below_us"]
        assert told["histogram"][-1]["from_us"] <= told["maximum_us"] < told["histogram"][-1]["below_us"]
    s3, cache = result["s3"]["average_us"], result["cache"]["average_us"]
    assert s3 >= 20000 > cache
    assert result["improvement_percent"] == pytest.approx(100 * (s3 - cache) / s3, abs=0.01)
    assert objects.proxy.count("GET", BUCKET, key) == 22, "20, the first that does not count, and the one that fills the cache"
    root = xml.etree.ElementTree.parse(picture).getroot()
    assert root.tag == SVG + "svg" and root.get("viewBox")
    words = "".join(root.itertext())
    assert f"{result['improvement_percent']:.2f} %" in words and f"{BUCKET}/commands/" in words


def test_what_the_cache_did_not_have_is_not_its_latency(commands, objects, filled):
    _, (key,) = filled(1)
    with objects.proxy.rule("latency", "GET", BUCKET, key, seconds=0.25):
        out, _ = commands.compare(key, "--requests", 12, "--json", CUSTOMERD_OBJECT_TTL_S="1", CUSTOMERD_OBJECT_STALE_S="0")
    result = json.loads(out)
    assert result["misses"] >= 2 and result["cache"]["reads"] + result["misses"] == 12
    assert result["cache"]["maximum_us"] < 250000 <= result["s3"]["minimum_us"], "a miss waits for S3"


def test_compare_prints_a_table(commands, objects, filled):
    _, (key,) = filled(1, b"0123456789")
    out, err = commands.compare(key, "--requests", 5)
    lines = out.splitlines()
    assert err == "" and lines[0] == f"{BUCKET}/{key}, 10 bytes, 5 reads of each; microseconds"
    rows = {line.split()[0]: line.split()[1:] for line in lines[2:] if line.strip()}
    assert rows["reads"] == ["5", "5"]
    assert all(float(value) > 0 for name in ("average", "minimum", "maximum", "p50", "p90", "p99") for value in rows[name])
    s3, cache = map(float, rows["average"])
    assert float(rows["improvement"][-2]) == pytest.approx(100 * (s3 - cache) / s3, abs=0.1)


def test_compare_tells_reads_that_failed(commands, objects, filled):
    _, (key,) = filled(1)
    with objects.proxy.rule("latency", "GET", BUCKET, key, seconds=0.01):
        commands.compare(key, "--requests", 1)
        rule = objects.proxy.rule("answer", "GET", BUCKET, key, times=3, status=403, code="AccessDenied")
        with rule as met:
            out, err = commands.compare(key, "--requests", 10, "--json", status=3)
            assert met.met == 3
    result = json.loads(out)
    assert (result["s3"]["failures"], result["s3"]["reads"], result["cache"]["reads"]) == (2, 8, 10)
    assert "AccessDenied" in err


def test_compare_refuses_what_is_never_kept(commands, filled):
    _, (key,) = filled(1, b"x" * 100)
    _, err = commands.compare(key, status=1, CUSTOMERD_OBJECT_CACHE_MAX_BYTES="99")
    assert "longer than CUSTOMERD_OBJECT_CACHE_MAX_BYTES" in err


def test_a_picture_that_can_not_be_written_is_told(commands, filled):
    _, (key,) = filled(1)
    out, err = commands.compare(key, "--requests", 1, "--svg", "/no/such/folder/x.svg", status=1)
    assert out == "" and "can't be written" in err
