"""What somebody without the right token, or from another page, can do with a session: nothing."""

import json
import string

import pytest

from http_client import wait_until
from session_client import SessionsClient, secret_of

COOKIE = "__Host-session"


@pytest.fixture(scope="module")
def service(with_sessions):
    return with_sessions(CUSTOMERD_LOG_LEVEL="debug")


@pytest.fixture
def client(service):
    with SessionsClient(service.url) as c:
        yield c


def cookie_of(answer):
    name, _, rest = answer.header("Set-Cookie").partition("=")
    assert name == COOKIE
    return rest.partition(";")[0]


def open_by_cookie(client, customer=None):
    customer = customer or client.create()
    return cookie_of(client.post("/sessions", {"customer_id": customer["id"], "cookie": True}).expect(201))


def own(client):
    return f"http://{client.host}:{client.port}"


def test_a_session_can_not_be_fixed_before_the_sign_in(client):
    """A token that the client brings along is never taken for the new session's, and opens nothing afterwards."""
    customer = client.create()
    planted = client.open(customer).token[:2] + "A" * 43
    victim = client.post("/sessions", {"customer_id": customer["id"]}, headers={
        "Authorization": "Session " + planted, "Cookie": f"{COOKIE}={planted}"}).expect(201).json()["token"]
    assert victim != planted
    client.get("/session", headers={"Authorization": "Session " + planted}).problem(401, "unauthorized")


def test_rotation_ends_a_token_that_somebody_else_knows(client):
    session = client.open()
    session.put("TEA").expect(200)
    known, cart = session.token, session.cart()
    session.rotate()
    assert session.token != known and session.cart() == cart and session.visit()["id"] == session.id
    for method, path in (("GET", "/session"), ("DELETE", "/session"), ("POST", "/session/rotate")):
        session.request(method, path, token=known).problem(401, "unauthorized")
    session.visit()


def test_a_token_is_dead_after_the_sign_out(client):
    session = client.open()
    session.sign_out()
    bodies = set()
    for _ in range(3):
        problem = session.ended()
        problem.pop("request_id")
        bodies.add(json.dumps(problem))
    never = dict(client.get("/session", headers={"Authorization": "Session " + session.token[:2] + "B" * 42 + "A"})
                 .problem(401, "unauthorized"))
    never.pop("request_id")
    assert bodies == {json.dumps(never)}, "it is told whether there ever was a session"


def test_a_token_has_256_random_bits_and_nothing_near_it_opens(client):
    session = client.open()
    tokens = {client.open(session.customer).token for _ in range(4)} | {session.token}
    assert len(tokens) == 5 and {t[:2] for t in tokens} == {session.customer["id"][15:17]}
    assert {len(secret_of(t)) for t in tokens} == {32}
    near = [session.token[:i] + ("A" if session.token[i] != "A" else "B") + session.token[i + 1:] for i in range(2, 44)]
    near += [session.token[:-1] + c for c in string.ascii_letters + string.digits + "-_" if c != session.token[-1]]
    near += [f"{(int(session.token[:2], 16) + 1) % 256:02x}" + session.token[2:], session.token[:-1], session.token + "A",
             session.token + "=", session.token[2:], "", " ", session.token[:2].upper() + session.token[2:] if
             session.token[:2].upper() != session.token[:2] else "zz" + session.token[2:]]
    for guess in near:
        client.get("/session", headers={"Authorization": "Session " + guess}).problem(401, "unauthorized")
    assert session.visit()["visits"] == 1


def test_only_a_hash_of_the_token_is_stored(client, cluster):
    session = client.open(attributes={"mark": "findable"})
    secret = secret_of(session.token)
    found = b""
    for node in (n for n in cluster.nodes if n.role == "primary"):
        with node.connect(10) as connection:
            for key in node.command("KEYS", "{???}[sl]*"):
                value = connection.command("GET", key)
                found += key.encode() + (value.encode() if isinstance(value, str) else value)
    assert b"findable" in found
    for text in (secret, session.token.encode(), session.token[2:].encode(), secret.hex().encode()):
        assert text not in found


def test_no_token_reaches_the_log_or_the_metrics(client, service):
    session = client.open()
    seen = [session.token, open_by_cookie(client, session.customer)]
    session.visit()
    session.put("TEA").expect(200)
    session.rotate()
    seen.append(session.token)
    session.get("/session?token=" + session.token).problem(400, "bad-parameter")
    for path in ("/session/" + session.token, f"/session/cart/{session.token}"):
        session.get(path).problem(404, "not-found")
    session.request("POST", "/session/rotate", headers={"Cookie": f"{COOKIE}={session.token}"}).expect(200)
    session.client.post("/sessions", {"customer_id": session.token}).problem(422, "invalid-request")
    with SessionsClient(service.admin_url, listener="admin") as admin:
        last = admin.get("/readyz").expect(200)
        assert not [token for token in seen if token[2:] in admin.get("/metrics").body.decode() + last.body.decode()]
    request_id = client.get("/session").problem(401, "unauthorized")["request_id"]
    log = wait_until(lambda: request_id in (text := service.log_path.read_text()) and text, 10, "the log is written")
    assert '"route":"/session/rotate"' in log
    assert not [token for token in seen if token[2:] in log]


def test_the_audit_says_which_session_did_what(client, service):
    session = client.open()
    answer = session.put("TEA").expect(200)
    lines = wait_until(lambda: [json.loads(line) for line in service.log_path.read_text().splitlines()
                                if answer.header("X-Request-Id") in line and '"audit"' in line], 10, "the audit is written")
    assert len(lines) == 1
    assert {k: lines[0][k] for k in ("subject", "operation", "id", "version", "outcome")} == {
        "subject": "session:" + session.id, "operation": "putCartItem", "id": session.customer["id"], "version": int(answer.etag.strip('"')),
        "outcome": "applied"}


def test_a_cookie_is_set_as_browsers_keep_it_best(client):
    customer = client.create()
    answer = client.post("/sessions", {"customer_id": customer["id"], "cookie": True}).expect(201)
    assert "token" not in answer.json()
    token, flags = cookie_of(answer), answer.header("Set-Cookie").split("; ")[1:]
    assert flags == ["Path=/", "Max-Age=43200", "Secure", "HttpOnly", "SameSite=Strict"]
    cookie = {"Cookie": f"a=b; {COOKIE}={token};c=d"}
    assert client.get("/session", headers=cookie).expect(200).json()["visits"] == 1
    rotated = client.post("/session/rotate", headers={**cookie, "Origin": own(client)}).expect(200)
    assert "token" not in rotated.json()
    client.get("/session", headers=cookie).problem(401, "unauthorized")
    cookie = {"Cookie": f"{COOKIE}={cookie_of(rotated)}"}
    ended = client.delete("/session", headers={**cookie, "Origin": own(client)}).expect(204)
    assert ended.header("Set-Cookie").startswith(f"{COOKIE}=; Path=/; Max-Age=0;")
    client.get("/session", headers=cookie).problem(401, "unauthorized")


def test_a_cookie_is_taken_from_pages_of_this_origin_only(client):
    cookie = {"Cookie": f"{COOKIE}={open_by_cookie(client)}"}
    host = f"{client.host}:{client.port}"
    may = [{"Origin": own(client)}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": own(client), "Sec-Fetch-Site": "same-origin"},
           {"Origin": "http://localhost:1", "Host": "localhost:1"}, {"Origin": "https://shop.example", "Host": "Shop.EXAMPLE"}]
    may_not = [{}, {"Origin": "null"}, {"Origin": "https://elsewhere.example"}, {"Origin": "http://" + host + ".evil.example"},
               {"Origin": host}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "none"},
               {"Origin": own(client), "Sec-Fetch-Site": "cross-site"}, {"Origin": "http://shop.example", "Host": "shop.example"},
               {"Origin": "https://shop.example:444", "Host": "shop.example"}, {"Origin": ""}]
    for fields in may:
        client.delete("/session/cart", headers={**cookie, **fields}).expect(204)
        client.get("/session", headers={**cookie, **fields}).expect(200)
    for fields in may_not:
        client.delete("/session/cart", headers={**cookie, **fields}).problem(403, "foreign-origin")
        client.post("/session/rotate", headers={**cookie, **fields}).problem(403, "foreign-origin")
    for fields in ({}, {"Sec-Fetch-Site": "none"}):
        client.get("/session", headers={**cookie, **fields}).expect(200)
    for fields in ({"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}):
        client.get("/session", headers={**cookie, **fields}).problem(403, "foreign-origin")


def test_a_token_in_authorization_asks_for_no_origin(client):
    session = client.open()
    session.request("DELETE", "/session/cart", headers={"Origin": "https://elsewhere.example"}).expect(204)


def test_two_tokens_are_none(client):
    first, second = client.open(), client.open()
    client.get("/session", headers={"Cookie": f"{COOKIE}={first.token}; {COOKIE}={second.token}"}).problem(400, "bad-request")
    # Authorization is what a program says on purpose; a cookie only comes along.
    answer = first.get(headers={"Cookie": f"{COOKIE}={second.token}"}).expect(200)
    assert answer.json()["id"] == first.id


SHADOWS = 1 << 30  # what is longer a sanitizer keeps, about the rest


def places_of(service, secrets):
    """In the process's memory."""
    found = []
    with open(f"/proc/{service.pid}/maps") as maps, open(f"/proc/{service.pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            addresses, access, *_ = line.split()
            start, end = (int(a, 16) for a in addresses.split("-"))
            if not access.startswith("rw") or end - start > SHADOWS:
                continue
            try:
                memory.seek(start)
                held = b"".join(iter(lambda end=end: memory.read(min(1 << 24, end - memory.tell())), b""))
            except OSError:
                continue  # it was given back meanwhile
            for secret in secrets:
                at = held.find(secret.encode())
                if at >= 0:
                    found.append((line.split()[-1], hex(start + at), held[max(0, at - 60):at + 80]))
    return found


def test_a_token_is_not_kept_in_memory(with_sessions):
    """Neither where it came in nor where it was told. (A process that leaves no core file shows its memory to root alone.)"""
    service = with_sessions()
    with SessionsClient(service.url) as client:
        session = client.open()
        tokens = [session.token]
        session.visit()
        session.rotate()
        tokens.append(session.token)
        session.put("TEA").expect(200)
        tokens.append(open_by_cookie(client))
        cookie = {"Cookie": f"{COOKIE}={tokens[-1]}", "Origin": own(client)}
        client.get("/session", headers=cookie).expect(200)
        tokens.append(cookie_of(client.post("/session/rotate", headers=cookie).expect(200)))
        tokens += [open_by_cookie(client, session.customer) for _ in range(10)]  # memory is used again and again
    assert places_of(service, ["CUSTOMERD_RESOURCES=customers,sessions"]), "nothing is found, whatever is there"
    assert not places_of(service, [token[-32:] for token in tokens])  # free() writes over the first bytes
