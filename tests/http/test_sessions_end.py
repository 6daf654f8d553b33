"""When sessions end, by the database's clock; and that nothing of them stays."""

import datetime
import subprocess
import time

import pytest

from http_client import wait_until
from session_client import SessionsClient, stored


@pytest.fixture(scope="module")
def short(with_sessions):
    return with_sessions(CUSTOMERD_SESSION_IDLE_S="1", CUSTOMERD_SESSION_ABSOLUTE_S="3")


@pytest.fixture
def client(short):
    with SessionsClient(short.url) as c:
        yield c


def ms_of(text):
    return round(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def database_ms(node):
    seconds, micros = map(int, node.command("TIME"))
    return seconds * 1000 + micros // 1000


def test_a_session_ends_when_nobody_asks(client, cluster):
    session = client.open()
    started = time.monotonic()
    wait_until(lambda: not stored(cluster, session, "s"), 10, "the session's key is gone")
    assert 0.9 <= time.monotonic() - started < 3
    session.ended()


def test_each_request_begins_the_idle_time_anew_but_not_the_longest(client):
    session = client.open()
    started = time.monotonic()
    visits = 0
    while (answer := session.get()).status == 200:
        visits += 1
        assert answer.json()["expires_in_ms"] <= 1000 and answer.json()["expires_at"] == session.opened["expires_at"]
        session.client.get("/session/cart", headers={"Authorization": "Session " + session.token})
        time.sleep(0.1)  # an application's pace, well within the idle time
    assert 2.5 <= time.monotonic() - started < 4.5 and visits >= 5
    session.ended()


def test_times_are_the_databases(client, cluster):
    node = next(n for n in cluster.nodes if n.role == "primary")
    before = database_ms(node)
    session = client.open()
    after = database_ms(node)
    told = session.opened
    assert before - 1 <= ms_of(told["created_at"]) <= after + 1
    assert ms_of(told["idle_expires_at"]) - ms_of(told["last_seen_at"]) == 1000
    assert ms_of(told["expires_at"]) - ms_of(told["created_at"]) == 3000
    ((holder, key),) = stored(cluster, session, "s")
    assert holder.command("PEXPIRETIME", key) == ms_of(told["idle_expires_at"]) + 1000 // 16


def test_a_key_is_kept_as_long_as_its_session_and_little_longer(with_sessions, cluster):
    """A visit moves the end of the idle time, and the key's expiry only where that would come before it."""
    idle_ms, longest_ms = 4000, 6000
    instance = with_sessions(CUSTOMERD_SESSION_IDLE_S="4", CUSTOMERD_SESSION_ABSOLUTE_S="6")
    with SessionsClient(instance.url) as client:
        session = client.open()
        ((node, key),) = stored(cluster, session, "s")
        ends, seen = ms_of(session.opened["expires_at"]), []
        while not seen or seen[-1][0] < ends:
            told = session.visit()
            idle_end, kept = ms_of(told["idle_expires_at"]), node.command("PEXPIRETIME", key)
            assert idle_end == min(ms_of(told["last_seen_at"]) + idle_ms, ends)
            assert idle_end <= kept <= min(idle_end + idle_ms // 16, ends)
            seen.append((idle_end, kept))
        ends_seen, expiries = ({pair[at] for pair in seen} for at in (0, 1))
        assert 1 < len(expiries) <= longest_ms // (idle_ms // 16) + 2 and len(expiries) < len(ends_seen)


def test_what_is_over_is_gone_though_its_key_is_there(with_sessions, cluster):
    instance = with_sessions()
    with SessionsClient(instance.url) as client:
        customer = client.create()

        def over():
            session = client.open(customer)
            ((node, key),) = stored(cluster, session, "s")
            node.command("SETRANGE", key, 21, (database_ms(node) - 1).to_bytes(6, "big"))
            return session

        session = over()
        assert client.get(session.list_path).json()["items"] == []
        session.ended()
        steps = (lambda s: s.get(), lambda s: s.get("/session/cart"), lambda s: s.patch(a=1), lambda s: s.put("TEA"),
                 lambda s: s.request("POST", "/session/rotate"), lambda s: s.request("DELETE", "/session"))
        for step in steps:
            session = over()
            step(session).problem(401, "unauthorized")
            assert not stored(cluster, session, "s"), "who finds it removes it"
        for _ in range(20):
            over()
        kept = client.open(customer)
        assert [s["id"] for s in client.get(kept.list_path).json()["items"]] == [kept.id]


def test_what_another_version_keeps_is_neither_opened_nor_removed(with_sessions, cluster):
    instance = with_sessions()
    with SessionsClient(instance.url) as client:
        customer = client.create()
        session, kept = client.open(customer), client.open(customer)
        ((node, key),) = stored(cluster, session, "s")
        for foreign in (("SETRANGE", key, 0, b"\x01"), ("SET", key, b"\x03short", "KEEPTTL")):
            node.command(*foreign)
            for step in (lambda s: s.get(), lambda s: s.get("/session/cart"), lambda s: s.patch(a=1), lambda s: s.put("TEA"),
                         lambda s: s.request("POST", "/session/rotate"), lambda s: s.request("DELETE", "/session")):
                step(session).problem(401, "unauthorized")
        assert [s["id"] for s in client.get(kept.list_path).json()["items"]] == [kept.id]
        assert node.command("EXISTS", key) == 1
        client.delete(kept.list_path).expect(204)
        assert not stored(cluster, session, "s"), "all of a customer's end together"


def test_every_key_of_a_session_ends(with_sessions, cluster):
    longest_ms = 120 * 1000
    # Long enough that none ends while it is looked at, however busy the machine is.
    instance = with_sessions(CUSTOMERD_SESSION_IDLE_S="60", CUSTOMERD_SESSION_ABSOLUTE_S="120")
    with SessionsClient(instance.url) as client:
        session = client.open()

        def left():
            found = [node.command("PTTL", key) for node, key in stored(cluster, session)]
            assert all(0 < ms <= longest_ms for ms in found), found
            return len(found)

        for step in (session.visit, lambda: session.put("TEA"), lambda: session.patch(a=1), session.rotate, session.cart,
                     lambda: client.get(session.list_path)):
            step()
            assert left() == 2
        session.sign_out()
        assert left() <= 1 and not stored(cluster, session, "s")
        markers = [node.command("PTTL", key) for node in cluster.nodes if node.role == "primary"
                   for key in node.command("KEYS", "{???}m*")]
        assert len(markers) >= 2 and all(-2 <= ms <= 60000 and ms != -1 for ms in markers), markers


def test_what_has_ended_leaves_the_list(client, cluster):
    customer = client.create()
    old = client.open(customer)
    wait_until(lambda: client.get(old.list_path).json()["items"] == [], 10, "it has ended by itself")
    assert not stored(cluster, old, "l"), "an empty list is no list"
    new = client.open(customer)
    assert [s["id"] for s in client.get(new.list_path).json()["items"]] == [new.id]


def run(binary, *flags):
    done = subprocess.run([str(binary), "serve", "--db-endpoint=localhost:1", "--db-auth=none", *flags], capture_output=True,
                          text=True, timeout=10, env={})
    return done.returncode, done.stderr.strip()


@pytest.mark.parametrize("flags,said", [
    (["--resources=sessions"], 'CUSTOMERD_RESOURCES: "sessions" needs "customers" beside it'),
    (["--resources=customers,session"], 'CUSTOMERD_RESOURCES: "session" is no resource; did you mean sessions?'),
    (["--resources=customers,carts-of-all"], 'CUSTOMERD_RESOURCES: "carts-of-all" is no resource; known are customers, sessions'),
    (["--resources=customers,customers"], 'CUSTOMERD_RESOURCES: "customers" stands there twice'),
    (["--resources=customers,"], 'CUSTOMERD_RESOURCES: "" is no resource; known are customers, sessions'),
    (["--resources=customers,sessions", "--session-idle-s=60", "--session-absolute-s=30"],
     'CUSTOMERD_SESSION_IDLE_S: "60" is more than CUSTOMERD_SESSION_ABSOLUTE_S, and could never be reached'),
    (["--session-idle-s=0"], '--session-idle-s: "0" is not a whole number from 1 to 86400'),
])
def test_a_wrong_setting_stops_the_start_with_one_line(binary, flags, said):
    code, text = run(binary, *flags)
    assert (code, text.split(", objects")[0]) == (1, "customerd: " + said)


def test_what_is_switched_off_costs_nothing(cluster, with_sessions):
    """Neither routes, metrics nor threads; the other instance, which has them on, shows that the checks see something."""
    def facts(instance):
        with SessionsClient(instance.url) as public, SessionsClient(instance.admin_url, listener="admin") as admin:
            paths = public.get("/openapi.json").json()["paths"]
            return ("/session" in paths, "customerd_sessions_total" in admin.get("/metrics").body.decode(),
                    any("session" in path for path in paths))
    on = with_sessions()
    assert facts(on) == (True, True, True)
    on.stop()
    with SessionsClient(cluster.admin_url, listener="admin") as admin:
        text = admin.get("/metrics").body.decode()
    assert "session" not in text
