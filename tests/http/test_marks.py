"""Secrets and personal data, each with a mark of its own, through every route, refusal and failure, at the log level that says
most; then the process is crashed. No mark stands where it must not, as it is or encoded."""

import base64
import json
import os
import resource
import signal
import subprocess
import urllib.parse
import uuid

import pytest

from credential_endpoint import CredentialEndpoint
from http_client import Client, path_of, wait_until
from local_cluster import ports
from local_memorydb.service import child_environment
from raw_http import Closed, RawConnection
from support import slot_of
from token_issuer import Key, TokenIssuer, bearer

PERSONAL = ("name", "mail", "phone", "street", "metakey", "metavalue", "idempotency", "cookie", "agent", "query", "path", "etag",
            "record")
SECRET = ("awskey", "awssecret", "awssession", "container", "containersession", "password", "jwtclaim", "basic", "process",
          "processerror")


def forms_of(mark):
    """The mark as it may have been written by somebody who meant to hide it."""
    data = mark.encode()
    found = {data, data.upper(), data.hex().encode(), data.hex().upper().encode(), data[::-1],
             "".join(f"%{b:02x}" for b in data).encode(), "".join(f"%{b:02X}" for b in data).encode(),
             "".join(f"\\u{b:04x}" for b in data).encode()}
    for shift in range(3):  # base64 looks different by where the mark begins; its outer letters depend on the neighbours
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            whole = encode(b"\0" * shift + data + b"\0" * (-(shift + len(data)) % 3))
            found.add(whole[4 if shift else 0:-4])
    return found


class Marks:
    def __init__(self):
        self.of = {kind: f"zq{kind}{uuid.uuid4().hex[:12]}" for kind in PERSONAL + SECRET}
        self.digits = "49301" + str(uuid.uuid4().int)[:9]

    def __getitem__(self, kind):
        return self.of[kind]

    def add(self, kind, value):
        self.of[kind] = value

    def found_in(self, data):
        """The kinds of marks that stand in the bytes."""
        return [kind for kind, mark in self.of.items() if any(form in data for form in forms_of(mark))]


def signatures(tokens):
    """What makes a token valid; without it the rest is worth little, but it is marked as well."""
    return {f"signature {i}": token.rpartition(".")[2] for i, token in enumerate(tokens) if len(token.rpartition(".")[2]) > 40}


def test_the_search_finds_each_form():
    """Shows that the other tests can fail."""
    marks = Marks()
    for kind, mark in marks.of.items():
        data = mark.encode()
        for written in (data, base64.b64encode(b"a:" + data + b":b"), base64.urlsafe_b64encode(b"x" + data), data.hex().encode(),
                        base64.b64encode(b"abc" + data), urllib.parse.quote(mark).encode()):
            assert kind in marks.found_in(b"before " + written + b" after"), written
    assert not marks.found_in(b"nothing of it")


class Recorder:
    """A client whose answers are kept, and judged: what is refused must not repeat what was sent."""

    def __init__(self, url, marks, listener="public", headers=None):
        self.client, self.marks, self.headers = Client(url, listener=listener), marks, headers or {}

    def __call__(self, method, path, value=None, statuses=None, headers=None, **options):
        answer = self.client.request(method, path, value, headers={**self.headers, **(headers or {})}, **options)
        if statuses:
            answer.expect(*statuses)
        if answer.status >= 400:
            shown = answer.body + repr(answer.headers).encode()
            # Where an error stands is said by a JSON pointer, which holds the member's name.
            told = [kind for kind in self.marks.found_in(shown) if kind != "path" and (kind, answer.status) != ("metakey", 422)]
            assert not told, f"an error tells {told}:\n{answer}"
        return answer


def customer(marks):
    return {"name": marks["name"], "email": f"{marks['mail']}@example.net", "phone": marks.digits, "address": marks["street"],
            "metadata": {marks["metakey"]: marks["metavalue"]}}


def every_route(call, marks):
    """Each route with success, and with each way to be refused; returns a customer that is left."""
    value, mail = customer(marks), f"{marks['mail']}@example.net"
    plain = {"Cookie": marks["cookie"], "User-Agent": marks["agent"], "Referer": f"https://{marks['query']}.example/"}
    made = call("POST", "/customers", value, [201], plain, idempotency_key=marks["idempotency"]).json()
    call("POST", "/customers", value, [201], plain, idempotency_key=marks["idempotency"])
    call("POST", "/customers", {**value, "name": "x" + marks["name"]}, [422], idempotency_key=marks["idempotency"])
    call("POST", "/customers", value, [409])
    for path, statuses in ((f"/customers?email={mail}", [200]), (f"/customers?email={marks['mail']}", [400]),
                           (f"/customers?{marks['query']}=1", [400]), (f"/customers?cursor={marks['query']}", [400]),
                           (f"/customers?limit={marks['query']}", [400]), (f"/customers/{mail}", [404]),
                           (f"/customers/{marks['path']}", [404]), (f"/{marks['path']}@example.net", [404]),
                           (f"/x?{mail}", [404]), ("/customers?limit=100", [200]), ("/openapi.json", [200]), (path_of(made), [200])):
        call("GET", path, None, statuses, plain)
    call("HEAD", path_of(made), None, [200])
    call("OPTIONS", "/customers", None, [204], {**plain, "Origin": f"https://{marks['query']}.example"})
    call(marks["name"].upper(), "/customers", None, [405])
    call("POST", "/customers/lookup", {"email": mail}, [200])
    call("POST", "/customers/lookup", {"email": marks["mail"]}, [422])
    broken = json.dumps(value).encode()
    bodies = [broken[:-1], broken + b"x", broken.replace(b'": "', b'" "', 1), broken.replace(b"}", b",}"),
              broken.replace(marks["name"].encode(), marks["name"].encode() + b"\xff"),
              b'{"%s":1,"%s":2}' % (marks["name"].encode(), marks["name"].encode()), marks["name"].encode()]
    for body in bodies:
        call("POST", "/customers", None, [400], body=body)
        call("PATCH", path_of(made), None, [400], body=body)
    for bad in ({marks["metakey"]: 1, "name": ""}, {"name": marks["name"] * 40, "email": marks["mail"], "phone": marks["phone"],
                                                 "address": marks["street"] * 200, "balance": marks["name"],
                                                 "metadata": {marks["metakey"] * 9: marks["metavalue"] * 99}}):
        call("POST", "/customers", bad, [422])
        call("PUT", path_of(made), {"balance": 1, **bad}, [422])
    call("POST", "/customers", {**value, "address": marks["street"] * 9000}, [413])
    call("GET", "/customers?" + marks["query"] * 300, None, [414])
    call("GET", "/customers", None, [431], {"X-Long": marks["cookie"] * 450})
    call("GET", path_of(made), None, [406], {"Accept": marks["agent"] + "/x"})
    call("POST", "/customers", value, [415], {"Content-Type": marks["agent"] + "/json"})
    call("PUT", path_of(made), {"name": marks["name"], "balance": 0}, [412], {"If-Match": f'"{marks["etag"]}"'})
    call("PUT", path_of(made), {"name": marks["name"], "balance": 0}, [400], {"If-Match": marks["etag"]})
    call("PATCH", path_of(made), {"email": f"new.{mail}"}, [200])
    call("PATCH", path_of(made), value, [200])
    call("DELETE", path_of(made), None, [204])
    return call("POST", "/customers", value, [201]).json()


def raw_refusals(url, marks):
    """What the library refuses, before there is a request."""
    for data in (b"GET /%b HTTP/9\r\n\r\n" % marks["path"].encode(), b"%b\r\n\r\n" % marks["name"].encode(),
                 b"GET / HTTP/1.1\r\n%b\r\n\r\n" % marks["cookie"].encode(),
                 b"POST /customers HTTP/1.1\r\nHost: a\r\nContent-Length: %b\r\n\r\n" % marks["query"].encode(),
                 b"POST /customers HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%b\r\n" % marks["name"].encode()):
        with RawConnection(url) as c:
            c.send(data)
            try:
                answer = c.response(5)
            except Closed:
                continue
            assert not marks.found_in(answer.body + repr(answer.headers).encode()), answer


def refused_tokens(issuer, url, marks):
    """Bearers that are refused, each for another reason; returns them."""
    stranger, claim = Key("ES256", "key-ES256"), {"email": marks["jwtclaim"], "jti": marks["jwtclaim"]}
    tokens = [issuer.token(exp=1, **claim), issuer.token(nbf=1 << 40, **claim), issuer.token(aud=marks["jwtclaim"], **claim),
              issuer.token(iss=marks["jwtclaim"], **claim), issuer.token(stranger, **claim), issuer.unsigned_token(**claim),
              issuer.hmac_token(b"k" * 32, **claim), issuer.token(header={"kid": marks["jwtclaim"]}, **claim),
              issuer.token(header={"alg": marks["jwtclaim"]}, **claim), issuer.sign_text('{"exp":' + marks["jwtclaim"]),
              issuer.token(**claim)[:-9], issuer.token(scope=marks["jwtclaim"], **claim), marks["jwtclaim"]]
    call = Recorder(url, marks)
    for token in tokens:
        call("POST", "/customers", customer(marks), [401, 403], bearer(token))
    basic = base64.b64encode(f"user:{marks['basic']}".encode()).decode()
    for value in (f"Basic {basic}", f"Bearer {marks['basic']} {marks['basic']}", marks["basic"], f"Digest x={marks['basic']}"):
        call("GET", "/customers", None, [400, 401], {"Authorization": value})
    return tokens


def operator_sees(instance, marks):
    """What the admin listener tells, whole."""
    call = Recorder(instance.admin_url, marks, listener="admin")
    for path in ("/metrics", "/readyz", "/livez", "/version", f"/{marks['path']}?{marks['query']}"):
        answer = call("GET", path)
        told = [kind for kind in marks.found_in(answer.body) if kind != "path" or answer.status == 200]
        assert not told, f"{path} tells {told}"


def written(instance):
    return instance.log_path.read_bytes() + instance.error_path.read_bytes()


def judge_output(instance, marks):
    told = marks.found_in(written(instance))
    assert not told, f"the log tells {told}: " + "\n".join(
        line.decode(errors="replace")[:400] for line in written(instance).splitlines() if marks.found_in(line))[:3000]
    for wrong in (b"X-Amz-Signature", b"X-Amz-Credential", b"X-Amz-Security-Token"):
        assert wrong not in written(instance)
    assert marks.digits.encode() not in written(instance)


def test_every_route_and_every_refusal(cluster):
    marks = Marks()
    credentials = cluster.credentials()
    marks.add("secret key", credentials["SecretAccessKey"])
    marks.add("session token", credentials["Token"])
    with TokenIssuer(algs=("ES256",)) as issuer:
        instance = cluster.start_instance(env=issuer.settings(CUSTOMERD_LOG_LEVEL="debug", CUSTOMERD_RATE_LIMIT="1000"))
        good = issuer.token(scope="admin", email=marks["jwtclaim"])
        left = every_route(Recorder(instance.url, marks, headers=bearer(good)), marks)
        tokens = refused_tokens(issuer, instance.url, marks)
        raw_refusals(instance.url, marks)
        # A record that can't be read, with a mark in it.
        node = cluster.primary_of_slot(slot_of(left["id"]))
        (key,) = node.command("KEYS", "{???}c" + left["id"].replace("-", ""))
        node.command("SET", key, "\x01" + marks["record"] * 3)
        answer = Client(instance.url).connection
        answer.request("GET", path_of(left), headers=bearer(good))
        got = answer.getresponse()
        body = got.read()
        assert got.status >= 500 and not marks.found_in(body), body
        node.command("DEL", key)
        issuer.mode = "garbage"
        Recorder(instance.url, marks)("GET", "/customers", None, [401, 503], bearer(issuer.token(header={"kid": marks["jwtclaim"]})))
        operator_sees(instance, marks)
        with Client(instance.admin_url, listener="admin") as admin:
            for name, value in signatures([good, *tokens]).items():
                marks.add(name, value)
            operator_sees(instance, marks)
            admin.get("/livez").expect(200)
    for name in ("cmdline", "environ"):
        with open(f"/proc/{instance.pid}/{name}", "rb") as file:
            told = marks.found_in(file.read())
        assert not told, f"/proc/PID/{name} tells {told}"
    instance.stop()
    assert len(written(instance)) > 10000
    judge_output(instance, marks)


ANSWERS = ("no-key", "no-secret", "no-token", "no-expiration", "never", "past", "truncated", "line-break", "huge", "good")


@pytest.mark.parametrize("answer", ANSWERS)
def test_credentials_of_a_broken_source(cluster, answer):
    """What the credential endpoint gives is refused, or, where it is good, refused by the database."""
    marks = Marks()
    with CredentialEndpoint(answer) as endpoint:
        endpoint.access_key_id = "AKIA" + marks["awskey"].upper()
        endpoint.secret_access_key, endpoint.token = marks["container"], marks["containersession"]
        instance = cluster.start_instance(env={
            "CUSTOMERD_LOG_LEVEL": "debug", "AWS_CONTAINER_CREDENTIALS_FULL_URI": endpoint.url + "/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": marks["process"]}, wait=False)
        wait_until(lambda: b"_failed" in instance.log_path.read_bytes() and instance.status("/readyz") == 503, 10, "it tells")
        operator_sees(instance, marks)
        Recorder(instance.url, marks)("POST", "/customers", customer(marks), [503])
    with open(f"/proc/{instance.pid}/cmdline", "rb") as file:
        assert not marks.found_in(file.read())
    with open(f"/proc/{instance.pid}/environ", "rb") as file:  # what was passed in, and nothing that was fetched
        assert marks.found_in(file.read()) == ["process"]
    instance.stop()
    judge_output(instance, marks)


def test_static_credentials_a_profile_and_a_process(cluster, tmp_path):
    marks = Marks()
    script = tmp_path / "credentials"
    script.write_text(f"#!/bin/sh\necho '{{\"Version\":1,\"SecretAccessKey\":\"{marks['process']}\",'\n"
                      f"echo '{marks['processerror']}' >&2\nexit 3\n")
    script.chmod(0o700)
    config = tmp_path / "config"
    config.write_text(f"[default]\nregion = eu-west-1\ncredential_process = {script}\n"
                      f"[profile static]\naws_access_key_id = AKIA\naws_secret_access_key = {marks['awssecret']}\n"
                      f"aws_session_token = {marks['awssession']}\n[broken\n")
    without = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "", "AWS_CONFIG_FILE": str(config), "CUSTOMERD_LOG_LEVEL": "debug",
               "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none")}
    for more in ({}, {"AWS_PROFILE": "static"},
                 {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": marks["awssecret"],
                  "AWS_SESSION_TOKEN": marks["awssession"]}):
        instance = cluster.start_instance(env={**without, **more}, wait=False)
        wait_until(lambda i=instance: b"_failed" in i.log_path.read_bytes() or i.pid is None, 10, "it tells")
        if instance.pid is not None:
            operator_sees(instance, marks)
        instance.stop()
        judge_output(instance, marks)


def what_restore_prints(cluster, made, marks):
    """It repairs an index entry and meets a damaged record: both are told by id."""
    (node,), plain = cluster.nodes, made["id"].replace("-", "")
    (key,) = node.command("KEYS", "{???}c" + plain)
    node.command("ZREM", key[:5] + "i", bytes.fromhex(plain))
    node.command("SET", key[:6] + plain[:-4] + "0000", "\x01" + marks["record"])
    done = subprocess.run([cluster.binary, "restore", "--log-level", "debug"], capture_output=True, timeout=60,
                          env=child_environment(cluster.client_settings()))
    assert done.returncode == 3, done
    assert b"scrub_index_entry_added" in done.stderr and b"_damaged" in done.stderr
    assert not marks.found_in(done.stdout + done.stderr)


def test_a_password_and_a_wrong_one(start_cluster, tmp_path):
    marks = Marks()
    cluster = start_cluster("passwords", shards=1, replicas=0, auth="password", env={"CUSTOMERD_LOG_LEVEL": "debug"})
    marks.add("right password", cluster.home.application_password())
    with Client(cluster.url) as client:
        made = client.create(customer(marks))
    what_restore_prints(cluster, made, marks)
    wrong = tmp_path / "password"
    wrong.write_text(marks["password"])
    instance = cluster.start_instance(env={"CUSTOMERD_DB_PASSWORD_FILE": str(wrong)}, wait=False)
    wait_until(lambda: b"_failed" in instance.log_path.read_bytes(), 10, "it tells")
    for one in (cluster.instances[0], instance):
        operator_sees(one, marks)
        for name in ("cmdline", "environ"):
            with open(f"/proc/{one.pid}/{name}", "rb") as file:
                assert not marks.found_in(file.read())
        one.stop()
        judge_output(one, marks)


def crash(argv, directory, env=None):
    """Runs a program whose limits allow a core file until it writes a line (or for good), and crashes it; (status, files)."""
    directory.mkdir()

    def allow():
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

    process = subprocess.Popen(argv, cwd=directory, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=allow)
    try:
        for line in process.stdout:
            if b"store_ready" in line or b"begun" in line:
                break
        limits = open(f"/proc/{process.pid}/limits").read()
    finally:
        os.kill(process.pid, signal.SIGABRT)
        _, status = os.waitpid(process.pid, 0)
        process.returncode = status
        process.stdout.close()
    return status, [p.name for p in directory.iterdir()], limits


def test_a_crash_leaves_no_core(cluster, tmp_path):
    """Although the limit that it was started with allows one: with the same limit another program leaves one."""
    status, files, _ = crash(["/bin/sh", "-c", "echo begun; exec sleep 60"], tmp_path / "other")
    with open("/proc/sys/kernel/core_pattern") as file:
        written_here = not file.read().startswith(("|", "/"))
    allowed = resource.getrlimit(resource.RLIMIT_CORE)[1] != 0
    if allowed:
        assert os.WCOREDUMP(status) and (files or not written_here), "no program leaves a core here: nothing is shown"
    port, admin_port = ports.choose(2)
    env = child_environment({**cluster.client_settings(), "CUSTOMERD_LISTEN": f"127.0.0.1:{port}",
                             "CUSTOMERD_ADMIN_LISTEN": f"127.0.0.1:{admin_port}"})
    status, files, limits = crash([cluster.binary, "serve"], tmp_path / "customerd", env)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGABRT
    assert not os.WCOREDUMP(status) and not files
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"], core
