"""The program: its commands, its configuration, its end, and what it writes."""

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import uuid

import pytest

from http_client import Client, path_of, wait_until
from local_cluster import ports
from raw_http import Closed, RawConnection
from support import Load

GOOD = {"CUSTOMERD_LISTEN": "127.0.0.1:0", "CUSTOMERD_ADMIN_LISTEN": "127.0.0.1:0", "CUSTOMERD_DB_ENDPOINT": "localhost:1",
        "CUSTOMERD_DB_AUTH": "iam", "CUSTOMERD_DB_USER": "u", "CUSTOMERD_IAM_RESOURCE": "r", "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "SECRETEXAMPLE"}


def environment(changes=None):
    """This environment without our settings, and with these; None takes one away."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CUSTOMERD_", "AWS_"))}
    clean["HOME"] = "/nonexistent"
    return {k: v for k, v in {**clean, **(changes or {})}.items() if v is not None}


def run(binary, *words, env=None, timeout_s=8):
    try:
        return subprocess.run([str(binary), *words], env=environment(env), capture_output=True, text=True,
                              timeout=timeout_s, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"it runs on: customerd {' '.join(words)} with {env}") from None


# ---- commands ----

@pytest.mark.parametrize("command", ["serve", "restore", "token", "config", "version", "warm", "compare"])
def test_every_command_has_help(binary, command):
    done = run(binary, command, "--help")
    assert done.returncode == 0 and command in done.stdout and done.stderr == "", done
    assert "--" in done.stdout or command == "version"


def test_the_program_itself_has_help(binary):
    done = run(binary, "--help")
    assert done.returncode == 0
    for command in ("serve", "restore", "token", "config", "version", "warm", "compare"):
        assert command in done.stdout


@pytest.mark.parametrize("words", [[], ["nonsense"], ["--nonsense"], ["version", "--nonsense"], ["serve", "extra"]])
def test_wrong_usage_is_an_error(binary, words):
    done = run(binary, *words, env=GOOD)
    assert done.returncode != 0 and done.stderr.strip(), done


def test_version(binary):
    done = run(binary, "version")
    assert done.returncode == 0 and re.search(r"\d+\.\d+\.\d+", done.stdout)


def test_config_prints_values_and_their_source(binary):
    done = run(binary, "config", "--listen", "127.0.0.1:9999", env={"CUSTOMERD_REQUEST_TIMEOUT_MS": "1234"})
    assert done.returncode == 0, done

    def line(name):
        return next(ln for ln in done.stdout.splitlines() if re.match(rf"{name}\b", ln))

    assert "127.0.0.1:9999" in line("CUSTOMERD_LISTEN") and "flag" in line("CUSTOMERD_LISTEN")
    assert "1234" in line("CUSTOMERD_REQUEST_TIMEOUT_MS") and "environment" in line("CUSTOMERD_REQUEST_TIMEOUT_MS")
    assert "127.0.0.1:8081" in line("CUSTOMERD_ADMIN_LISTEN") and "default" in line("CUSTOMERD_ADMIN_LISTEN")


def test_it_listens_on_the_loopback_by_default(binary):
    text = run(binary, "config").stdout
    assert re.search(r"CUSTOMERD_LISTEN\W+127\.0\.0\.1:8080", text) and re.search(r"CUSTOMERD_ADMIN_LISTEN\W+127\.0\.0\.1:8081", text)


def test_a_flag_wins_over_the_environment_in_both_forms(binary):
    for words in (["--log-level", "error"], ["--log-level=error"]):
        done = run(binary, "config", *words, env={"CUSTOMERD_LOG_LEVEL": "debug"})
        assert re.search(r"CUSTOMERD_LOG_LEVEL\W+error", done.stdout), done


OBJECTS = {"CUSTOMERD_RESOURCES": "customers,objects", "CUSTOMERD_OBJECT_BUCKETS": "catalogue", "CUSTOMERD_CACHE_ENDPOINT": "localhost:6379",
           "CUSTOMERD_CACHE_USER": "cache", "CUSTOMERD_CACHE_IAM_RESOURCE": "cache"}
WRONG = [
    ({"CUSTOMERD_LISTEN": "foo"}, "CUSTOMERD_LISTEN"),
    ({"CUSTOMERD_LISTEN": "127.0.0.1:99999"}, "CUSTOMERD_LISTEN"),
    ({"CUSTOMERD_ADMIN_LISTEN": ":"}, "CUSTOMERD_ADMIN_LISTEN"),
    ({"CUSTOMERD_DB_ENDPOINT": None}, "CUSTOMERD_DB_ENDPOINT"),
    ({"CUSTOMERD_DB_ENDPOINT": "localhost"}, "CUSTOMERD_DB_ENDPOINT"),
    ({"CUSTOMERD_DB_ENDPOINT": "localhost:abc"}, "CUSTOMERD_DB_ENDPOINT"),
    ({"CUSTOMERD_DB_TLS": "maybe"}, "CUSTOMERD_DB_TLS"),
    ({"CUSTOMERD_DB_TLS": "off"}, "CUSTOMERD_DB_TLS"),
    ({"CUSTOMERD_DB_CA_FILE": "/nonexistent/ca.crt"}, "CUSTOMERD_DB_CA_FILE"),
    ({"CUSTOMERD_DB_AUTH": "magic"}, "CUSTOMERD_DB_AUTH"),
    ({"CUSTOMERD_DB_USER": None}, "CUSTOMERD_DB_USER"),
    ({"CUSTOMERD_IAM_RESOURCE": None}, "CUSTOMERD_IAM_RESOURCE"),
    ({"CUSTOMERD_IAM_SERVICE": "s3"}, "CUSTOMERD_IAM_SERVICE"),
    ({"CUSTOMERD_DB_AUTH": "password"}, "CUSTOMERD_DB_PASSWORD_FILE"),
    ({"CUSTOMERD_DB_AUTH": "password", "CUSTOMERD_DB_PASSWORD_FILE": "/nonexistent/p"}, "CUSTOMERD_DB_PASSWORD_FILE"),
    ({"CUSTOMERD_REQUEST_TIMEOUT_MS": "abc"}, "CUSTOMERD_REQUEST_TIMEOUT_MS"),
    ({"CUSTOMERD_REQUEST_TIMEOUT_MS": "1"}, "CUSTOMERD_REQUEST_TIMEOUT_MS"),
    ({"CUSTOMERD_REQUEST_TIMEOUT_MS": "3000ms"}, "CUSTOMERD_REQUEST_TIMEOUT_MS"),
    ({"CUSTOMERD_REQUEST_TIMEOUT_MS": "99999999999999999999"}, "CUSTOMERD_REQUEST_TIMEOUT_MS"),
    ({"CUSTOMERD_LOG_LEVEL": "loud"}, "CUSTOMERD_LOG_LEVEL"),
    ({"CUSTOMERD_REQUIRE_IF_MATCH": "2"}, "CUSTOMERD_REQUIRE_IF_MATCH"),
    ({"CUSTOMERD_LISTNE": "127.0.0.1:0"}, "CUSTOMERD_LISTEN"),
    ({"AWS_REGION": None}, "AWS_REGION"),
    ({**OBJECTS, "CUSTOMERD_CACHE_CA_FILE": "/nonexistent/ca.crt"}, "CUSTOMERD_CACHE_CA_FILE"),
    ({**OBJECTS, "CUSTOMERD_OBJECT_S3_TIMEOUT_MS": "3000"}, "CUSTOMERD_OBJECT_S3_TIMEOUT_MS"),
    ({**OBJECTS, "CUSTOMERD_REQUEST_TIMEOUT_MS": "2000"}, "CUSTOMERD_OBJECT_S3_TIMEOUT_MS"),
]


@pytest.mark.parametrize("change,name", WRONG, ids=[" ".join(f"{k}={v}" for k, v in c.items())[:60] for c, _ in WRONG])
def test_a_wrong_setting_stops_the_start_with_one_line(binary, change, name):
    done = run(binary, "serve", env={**GOOD, **change})
    assert done.returncode > 0, f"it ended with {done.returncode}: {done}"
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and name in lines[0], f"expected one line that names {name}: {done}"
    for line in done.stdout.splitlines():
        assert json.loads(line)["level"], "what was logged before it stopped"


@pytest.mark.parametrize("words,name", [(["--listne", "127.0.0.1:0"], "--listen"), (["--listen"], "--listen"),
                                        (["--listen", "foo"], "--listen"), (["--request-timeout-ms=x"], "--request-timeout-ms")])
def test_a_wrong_flag_stops_the_start_with_one_line(binary, words, name):
    done = run(binary, "serve", *words, env=GOOD)
    lines = (done.stderr + done.stdout).strip().splitlines()
    assert done.returncode > 0 and len(lines) == 1 and name in lines[0], done


@pytest.mark.parametrize("setting", ["CUSTOMERD_LISTEN", "CUSTOMERD_ADMIN_LISTEN"])
def test_a_taken_port_is_told_in_one_line(binary, cluster, setting):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run(binary, "serve", env={**cluster.client_settings(), "CUSTOMERD_LISTEN": "127.0.0.1:0",
                                         "CUSTOMERD_ADMIN_LISTEN": "127.0.0.1:0", setting: f"127.0.0.1:{port}"})
    told = [line for line in done.stderr.splitlines() if line.strip()]
    assert done.returncode > 0 and len(told) == 1 and str(port) in told[0] and setting in told[0], done


def test_port_zero_takes_a_free_one_and_says_which(binary, cluster):
    process = subprocess.Popen([str(binary), "serve"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(
        {**cluster.client_settings(), "CUSTOMERD_LISTEN": "127.0.0.1:0", "CUSTOMERD_ADMIN_LISTEN": "127.0.0.1:0"}))
    try:
        found = []
        for line in process.stdout:
            document = json.loads(line)
            if document["event"] == "listening":
                found = [int(p) for p in re.findall(r"(?<![\d.])\d{4,5}(?![\d.])", json.dumps({k: v for k, v in document.items() if k != "time"}))]
                break
        assert found
        wait_until(lambda: any(answers(port) for port in found), 20, "one of the ports told serves")
    finally:
        process.terminate()
        process.stdout.close()
        assert process.wait(20) == 0


def answers(port):
    with Client(f"http://127.0.0.1:{port}") as client:
        return client.get("/customers?limit=1").status == 200


# ---- the end ----

def test_sigterm_ends_an_idle_instance_with_0(cluster):
    instance = cluster.start_instance()
    with Client(instance.url) as client:
        client.get("/customers?limit=1").expect(200)  # an idle keep-alive connection stays open
        start = time.monotonic()
        instance.process.signal(signal.SIGTERM)
        assert instance.process.wait(8), "an idle connection keeps it from ending"
    assert instance.exit_code == 0 and time.monotonic() - start < 8


@pytest.mark.concurrent
def test_sigterm_under_load_fails_no_request(cluster, second):
    """Clients move to the other instance when readiness goes, as behind a load balancer."""
    first = cluster.start_instance(env={"CUSTOMERD_DRAIN_WAIT_MS": "3000"})
    moved = threading.Event()
    with Load(lambda: second.url if moved.is_set() else first.url, threads=4) as load:
        wait_until(lambda: load.count() > 50 or load.failures, 20, "the load runs")
        first.process.signal(signal.SIGTERM)
        with Client(first.admin_url, listener="admin") as admin:
            wait_until(lambda: admin.get("/readyz").status == 503, 3, "not ready after SIGTERM", 0.01)
        moved.set()
        assert first.process.wait(20), "it doesn't end"
        before = load.count()
        wait_until(lambda: load.count() > before + 50 or load.failures, 20, "the load goes on")
    load.assert_clean()
    assert first.exit_code == 0


def test_while_draining_it_serves_and_is_not_ready_and_a_second_sigterm_ends_it(cluster):
    instance = cluster.start_instance(env={"CUSTOMERD_DRAIN_WAIT_MS": "60000"})
    with Client(instance.url) as client, Client(instance.admin_url, listener="admin") as admin:
        client.create()
        instance.process.signal(signal.SIGTERM)
        wait_until(lambda: admin.get("/readyz").status == 503, 5, "not ready", 0.01)
        client.create()
        with Client(instance.url) as fresh:
            fresh.create()
        assert admin.get("/livez").status == 200
        start = time.monotonic()
        instance.process.signal(signal.SIGTERM)
        assert instance.process.wait(5) and time.monotonic() - start < 5


def test_a_request_on_its_way_is_finished(cluster):
    instance = cluster.start_instance()
    body = b'{"name":"Last"}'
    with RawConnection(instance.url) as raw:
        raw.send(b"POST /customers HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:5])
        with Client(instance.url) as client:
            client.get("/customers?limit=1").expect(200)
        instance.process.signal(signal.SIGTERM)

        def refused():
            try:
                socket.create_connection(("127.0.0.1", instance.port), timeout=1).close()
                return False
            except ConnectionRefusedError:
                return True
        wait_until(refused, 5, "new connections are refused", 0.01)
        raw.send(body[5:])
        answer = raw.response()
        assert answer.status == 201 and answer.header("Connection") == "close", answer
    assert instance.process.wait(15) and instance.exit_code == 0


def test_a_hanging_client_does_not_keep_it_from_ending(cluster):
    instance = cluster.start_instance(env={"CUSTOMERD_DRAIN_TIMEOUT_MS": "500"})
    with RawConnection(instance.url) as raw:
        raw.send(b"POST /customers HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
        with Client(instance.url) as client:
            client.get("/customers?limit=1").expect(200)
        instance.process.signal(signal.SIGTERM)
        assert instance.process.wait(10), "a client that sends nothing more keeps it from ending"


def test_sigterm_ends_it_while_the_database_is_away(binary):
    process = subprocess.Popen([str(binary), "serve"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(
        {**GOOD, "CUSTOMERD_DB_ENDPOINT": f"127.0.0.1:{ports.choose(1)[0]}"}))
    try:
        for line in process.stdout:
            if json.loads(line)["event"] == "listening":
                break
        process.terminate()
        assert process.wait(10) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()


def test_it_serves_503_and_lives_while_the_database_is_away(binary):
    public, private = ports.choose(2)
    process = subprocess.Popen([str(binary), "serve"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(
        {**GOOD, "CUSTOMERD_DB_ENDPOINT": f"127.0.0.1:{ports.choose(1)[0]}", "CUSTOMERD_LISTEN": f"127.0.0.1:{public}",
         "CUSTOMERD_ADMIN_LISTEN": f"127.0.0.1:{private}"}))
    try:
        with Client(f"http://127.0.0.1:{private}", listener="admin") as admin, Client(f"http://127.0.0.1:{public}") as client:
            wait_until(lambda: admin.get("/livez").status == 200, 10, "alive")
            document = admin.get("/readyz").expect(503).json()
            assert document["ready"] is False
            for answer in (client.get("/customers"), client.post("/customers", {"name": "A"})):
                assert answer.expect(503).elapsed_s < 5
            client.post("/customers", {}).findings()
    finally:
        process.terminate()
        assert process.wait(15) == 0


# ---- what it writes ----

def lines_of(instance):
    with open(instance.log_path, "rb") as log:
        return [json.loads(line) for line in log.read().splitlines()]


def test_a_log_line_for_each_request(cluster):
    instance = cluster.start_instance()
    with Client(instance.url) as client:
        ids = [uuid.uuid4().hex for _ in range(7)]
        made = client.post("/customers", {"name": "Logged"}, x_request_id=ids[0]).expect(201).json()
        client.get(path_of(made), x_request_id=ids[1]).expect(200)
        client.get("/customers?limit=1", x_request_id=ids[2]).expect(200)
        client.get("/nowhere/at/all", x_request_id=ids[3]).expect(404)
        client.request("BREW", path_of(made), x_request_id=ids[4]).expect(405)
        client.post("/customers/lookup", {"email": "a@example.net"}, x_request_id=ids[5]).expect(200)
        client.delete(path_of(made), x_request_id=ids[6]).expect(204)

        def logged():
            by_id = {}
            for line in lines_of(instance):
                if line["event"] == "request" and line["request_id"] in ids:
                    by_id.setdefault(line["request_id"], []).append(line)
            return by_id if len(by_id) == len(ids) else None
        by_id = wait_until(logged, 5, "every request is logged")
    assert all(len(found) == 1 for found in by_id.values()), "a request has more than one line"
    lines = [by_id[i][0] for i in ids]
    assert [line["status"] for line in lines] == [201, 200, 200, 404, 405, 200, 204]
    assert [line["method"] for line in lines] == ["POST", "GET", "GET", "GET", "_OTHER", "POST", "DELETE"]
    assert made["id"] not in json.dumps(lines), "the route is the template, not the path"
    for line in lines:
        duration = [v for k, v in line.items() if k.startswith("duration")]
        assert len(duration) == 1 and 0 <= duration[0] < 60000, line
        assert isinstance(line["route"], str) and re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]), line
        assert line["level"] in ("error", "warn", "info", "debug")
    instance.stop()


def test_a_request_that_does_not_arrive_has_one_name(cluster):
    """The answer and the log line name it alike, as the client did where its header fields came."""
    instance = cluster.start_instance(env={"CUSTOMERD_REQUEST_TIMEOUT_MS": "500"})
    with RawConnection(instance.url) as body, RawConnection(instance.url) as fields:
        body.send(b"PUT /customers HTTP/1.1\r\nHost: a\r\nX-Request-Id: slow-body\r\nContent-Length: 9\r\n\r\n{")
        fields.send(b"GET /customers HTTP/1.1\r\nHost: a\r\n")
        answers = [body.response(), fields.response()]
    ids = [a.header("X-Request-Id") for a in answers]
    assert [a.status for a in answers] == [400, 400] and ids[0] == "slow-body", answers
    assert [json.loads(a.body)["request_id"] for a in answers] == ids

    def logged():
        return {ln["request_id"]: ln for ln in lines_of(instance) if ln["event"] == "request" and ln["request_id"] in ids}
    wait_until(lambda: len(logged()) == 2, 5, "both are logged")
    assert [logged()[i]["status"] for i in ids] == [400, 400] and logged()["slow-body"]["method"] == "PUT"
    instance.stop()


def test_no_personal_data_and_no_secrets_in_the_log(cluster):
    instance = cluster.start_instance(env={"CUSTOMERD_LOG_LEVEL": "debug"})
    mark = "zqxmark" + uuid.uuid4().hex[:8]
    value = {"name": f"Name {mark}", "email": f"{mark}@example.net", "phone": "+49 30 9876543", "address": f"Road {mark}",
             "metadata": {mark: mark}}
    with Client(instance.url) as client:
        made = client.post("/customers", value, idempotency_key=f"key-{mark}").expect(201).json()
        client.post("/customers", value).expect(409)
        client.post("/customers", value, idempotency_key=f"key-{mark}").expect(201)
        client.get("/customers?email=" + value["email"]).expect(200)
        client.get("/customers?email=" + mark).expect(400)
        client.get("/customers?" + mark + "=1").expect(400)
        client.get("/customers?cursor=" + mark).expect(400)
        client.get("/customers/" + value["email"]).expect(404)
        client.get("/" + mark).expect(404)
        client.request(mark.upper(), "/customers").expect(405)
        client.post("/customers/lookup", {"email": value["email"]}).expect(200)
        client.post("/customers", {mark: 1, "name": ""}).expect(422)
        client.post("/customers", body=b'{"name":"' + mark.encode()).expect(400)
        client.patch(path_of(made), {"email": "x" + value["email"], "name": mark}).expect(200)
        client.put(path_of(made), {"name": mark, "balance": 0}, headers={"If-Match": f'"{mark}"'}).expect(412)
        client.get(path_of(made), headers={"User-Agent": mark, "Accept": mark + "/x", "Referer": mark}).expect(406)
        client.post("/customers", value, headers={"Content-Type": mark + "/json"}).expect(415)
        client.delete(path_of(made)).expect(204)
        last = uuid.uuid4().hex
        client.get("/customers?limit=1", x_request_id=last).expect(200)
        wait_until(lambda: any(line.get("request_id") == last for line in lines_of(instance)), 5, "logged")
    credentials = cluster.credentials()
    instance.stop()
    log = instance.log_path.read_text() + instance.error_path.read_text()
    assert len(log) > 1000
    for secret in (mark, mark.upper(), "9876543", credentials["SecretAccessKey"], credentials["Token"], "X-Amz-Signature", "X-Amz-Credential"):
        assert secret not in log, f"{secret[:24]} stands in the log"


def test_every_line_is_json_whatever_clients_send(cluster):
    instance = cluster.start_instance()
    with RawConnection(instance.url) as raw:
        raw.send(b"GET /\xff\xfe\"\\%0a%00 HTTP/1.1\r\nHost: a\r\nX-Request-Id: \"\\\xff\r\n\r\n")
        try:
            raw.response()
        except Closed:
            pass
    last = uuid.uuid4().hex
    with Client(instance.url) as client:
        client.get("/customers?limit=1", x_request_id=last).expect(200)
    wait_until(lambda: any(line.get("request_id") == last for line in lines_of(instance)), 5, "logged")
    instance.stop()
    lines_of(instance)


def test_the_log_level_is_honoured(cluster):
    instance = cluster.start_instance(env={"CUSTOMERD_LOG_LEVEL": "error"})
    with Client(instance.url) as client:
        client.create()
    instance.stop()
    assert {line["level"] for line in lines_of(instance)} == {"audit"}  # which no level silences


def test_secrets_stand_in_no_output(binary, cluster, tmp_path):
    password = tmp_path / "password"
    password.write_text("PASSWORDEXAMPLE")
    env = {**GOOD, "CUSTOMERD_DB_PASSWORD_FILE": str(password), "AWS_SESSION_TOKEN": "SESSIONEXAMPLE"}
    for words in (["config"], ["serve", "--help"], ["serve", "--request-timeout-ms", "x"]):
        done = run(binary, *words, env=env)
        for secret in ("SECRETEXAMPLE", "SESSIONEXAMPLE", "PASSWORDEXAMPLE"):
            assert secret not in done.stdout + done.stderr
    credentials = cluster.credentials()
    with open(f"/proc/{cluster.pid}/cmdline", "rb") as cmdline:
        assert credentials["SecretAccessKey"].encode() not in cmdline.read()


@pytest.mark.concurrent
def test_requests_are_served_while_nobody_reads_the_log(binary, cluster):
    public, private = ports.choose(2)
    process = subprocess.Popen([str(binary), "serve"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(
        {**cluster.client_settings(), "CUSTOMERD_LISTEN": f"127.0.0.1:{public}", "CUSTOMERD_ADMIN_LISTEN": f"127.0.0.1:{private}"}))
    url = f"http://127.0.0.1:{public}"
    seen = []
    try:
        with Client(f"http://127.0.0.1:{private}", listener="admin") as admin:
            wait_until(lambda: admin.get("/readyz").status == 200, 30, "ready")
        # Far more lines than the pipe and the log's own memory hold.
        request = b"GET /nowhere HTTP/1.1\r\nHost: a\r\nX-Request-Id: %s\r\n\r\n" % (b"i" * 128)
        with RawConnection(url, 30) as raw:
            for _ in range(100):
                raw.send(request * 100)
                for _ in range(100):
                    assert raw.response(20).status == 404
        with Client(url) as client:
            client.create()
        reader = threading.Thread(target=lambda: seen.extend(process.stdout), daemon=True)
        reader.start()
        wait_until(lambda: any(b'"log_dropped"' in line for line in list(seen)), 10, "the dropped lines are told")
        for line in list(seen)[:50]:
            json.loads(line)
    finally:
        process.terminate()
        assert process.wait(15) == 0


def test_a_full_log_pipe_does_not_keep_it_from_ending(binary, cluster):
    public, private = ports.choose(2)
    process = subprocess.Popen([str(binary), "serve"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(
        {**cluster.client_settings(), "CUSTOMERD_LISTEN": f"127.0.0.1:{public}", "CUSTOMERD_ADMIN_LISTEN": f"127.0.0.1:{private}"}))
    try:
        with Client(f"http://127.0.0.1:{private}", listener="admin") as admin:
            wait_until(lambda: admin.get("/livez").status == 200, 30, "alive")
        request = b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n"
        with RawConnection(f"http://127.0.0.1:{public}", 30) as raw:
            for _ in range(10):
                raw.send(request * 100)
                for _ in range(100):
                    raw.response(20)
        process.terminate()
        assert process.wait(15) == 0
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()
