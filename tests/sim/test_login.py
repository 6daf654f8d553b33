"""AUTH with a password: its form, refusals, and sending it again on live connections."""

import time

import pytest

from resp import key_slot
from scripted_connection import error, execute, held, reply

WRONGPASS = "WRONGPASS invalid username-password pair or user is disabled."


@pytest.fixture
def locked(world):
    """A cluster that asks for a password, and the file that holds it."""
    cluster = world.cluster()
    cluster.passwords = {"password-1"}
    cluster.authenticate = lambda user, password: user == "app" and password in cluster.passwords
    cluster.file = world.directory / "password"
    cluster.file.write_text("password-1\n")
    return cluster


def login(cluster, **settings):
    return {"DB_AUTH": "password", "DB_USER": "app", "DB_PASSWORD_FILE": cluster.file, **settings}


def sent_by(cluster, connection):
    return [event for event in cluster.find("command") if event.connection is connection]


def auths(cluster, node=None):
    return cluster.commands("AUTH", node)


def watch_time(cluster, seconds):
    started = time.monotonic()
    cluster.wait_for(lambda: time.monotonic() > started + seconds, "time to pass")


def test_without_a_login_no_auth_is_sent(world):
    cluster, probe = world.pair()
    assert probe.run("SET", "key", "value").ok
    assert not auths(cluster)


def test_every_connection_signs_in_first_with_user_and_password(world, locked):
    probe = world.ready(locked, **login(locked))
    for node in locked.nodes:
        assert probe.run("SET", locked.key_on(node), "value").ok
        assert probe.run("GET", locked.key_on(node)).ok
    for connection in {event.connection for event in locked.find("command")}:
        assert sent_by(locked, connection)[0].args == [b"AUTH", b"app", b"password-1"]
    assert len(auths(locked)) == len(locked.find("handshake"))


def test_without_a_user_auth_has_the_password_alone(world, locked):
    locked.authenticate = lambda user, password: user == "default" and password == "password-1"
    probe = world.ready(locked, **login(locked, DB_USER=None))
    assert probe.run("SET", "key", "value").ok
    assert all(event.args == [b"AUTH", b"password-1"] for event in auths(locked))


def test_a_password_that_was_changed_in_the_file_is_taken_up(world, locked):
    probe = world.ready(locked, **login(locked))
    locked.passwords = {"password-2"}
    locked.file.write_text("password-2\n")
    for node in locked.nodes:
        node.reset_connections()
    assert probe.run("SET", "key", "value").ok
    assert probe.wait_ready()
    assert auths(locked)[-1].args[2] == b"password-2"


def test_one_refusal_is_tried_again(world, locked):
    rule = locked.script("AUTH", error(WRONGPASS), times=1)
    probe = world.ready(locked, **login(locked))
    assert rule.hits == 1
    assert probe.run("SET", "key", "value").ok


def test_a_refusal_for_ever_backs_off_and_ends_when_the_password_is_right(world, locked):
    locked.passwords = set()
    probe = world.probe(locked, **login(locked))
    watch_time(locked, 4)
    assert 2 <= len(auths(locked)) < 60
    outcome = probe.run("SET", "key", "value", deadline_ms=500)
    assert not outcome.ok and outcome.applied == "no" and outcome.elapsed_ms < 1000
    assert probe.state()["last_failure"] != ""
    assert not any("password-1" in line for line in probe.log)
    locked.passwords = {"password-1"}
    probe.wait_ready(timeout_s=15)
    assert probe.run("SET", "key", "value").ok


def test_a_node_that_refuses_for_ever_does_not_disturb_the_other(world, locked):
    probe = world.ready(locked, **login(locked))
    refusing, well = locked.nodes
    rule = refusing.script("AUTH", error(WRONGPASS))
    with world.load(locked, probe, nodes=[well]) as load:
        refusing.reset_connections()
        watch_time(locked, 3)
    load.check(at_least=50)
    assert 2 <= rule.hits < 40


@pytest.mark.parametrize("text", ["ERR Client sent AUTH, but no password is set", "LOADING Redis is loading",
                                  "ERR max number of clients reached", "ODDITY"])
def test_another_refusal_of_auth_is_passing_too(world, locked, text):
    rule = locked.script("AUTH", error(text), times=2)
    probe = world.ready(locked, **login(locked))
    assert rule.hits == 2
    assert probe.run("SET", "key", "value").ok


def test_an_answer_to_auth_that_is_not_ok_is_no_sign_in(world, locked):
    rule = locked.script("AUTH", reply(1), times=2)
    probe = world.ready(locked, **login(locked))
    assert rule.hits == 2
    for connection in {event.connection for event in locked.find("command")}:
        if connection.user is None:
            assert [event.name for event in sent_by(locked, connection)] == ["AUTH"]


def test_a_server_that_forgot_the_sign_in_gets_a_new_connection_and_the_call_goes_well(world, locked):
    probe = world.ready(locked, **login(locked))
    node = locked.nodes[0]
    before = len(auths(locked, node))
    for connection in node.connections:
        connection.user = None
    assert probe.run("SET", locked.key_on(node), "value").ok
    assert probe.run("GET", locked.key_on(node)).reply == b"value"
    assert len(auths(locked, node)) >= before + 2
    assert all(name == "AUTH" for name in
               [sent_by(locked, connection)[0].name for connection in {e.connection for e in locked.find("command")}])


def test_noauth_for_ever_ends_with_the_deadline_and_backs_off(world, locked):
    probe = world.ready(locked, **login(locked))
    node = locked.nodes[0]
    rule = node.script("SET", error("NOAUTH Authentication required."))
    outcome = probe.run("SET", locked.key_on(node), "value", deadline_ms=1500)
    assert not outcome.ok and outcome.applied == "no" and outcome.elapsed_ms < 2000
    assert 1 <= rule.hits < 40


# ---- signing in again on live connections ----


def test_live_connections_sign_in_again_in_time_and_no_call_is_disturbed(world, locked):
    probe = world.ready(locked, **login(locked, DB_REAUTH_S=2))
    connections = {connection for node in locked.nodes for connection in node.connections}
    with world.load(locked, probe, threads=8, pause_s=0) as load:
        watch_time(locked, 6)
    load.check(at_least=200)
    alive = {connection for node in locked.nodes for connection in node.connections}
    assert alive <= connections and len(alive) >= 4
    between = 0
    for connection in alive:
        names = [event.name for event in sent_by(locked, connection)]
        times = [event.at for event in sent_by(locked, connection) if event.name == "AUTH"]
        assert len(times) >= 3
        assert all(0.9 <= later - earlier <= 3.0 for earlier, later in zip(times, times[1:]))
        between += sum(1 for i in range(1, len(names) - 1)
                       if names[i] == "AUTH" and {names[i - 1], names[i + 1]} <= {"GET", "SET"})
    assert between >= 4, "AUTH stands between two commands"
    assert probe.state()["reauths"] >= 8


def test_connections_do_not_sign_in_again_all_at_once(world):
    cluster = world.cluster(shards=4)
    file = world.directory / "password"
    file.write_text("p")
    cluster.authenticate = lambda user, password: True
    world.ready(cluster, DB_AUTH="password", DB_USER="app", DB_PASSWORD_FILE=file, DB_REAUTH_S=4)
    first = len(auths(cluster))
    assert first >= 8
    cluster.wait_for(lambda: len(auths(cluster)) >= 2 * first, "a second sign-in of each")
    times = [event.at for event in auths(cluster)[first:2 * first]]
    assert times[-1] - times[0] > 0.3


def test_asking_and_its_call_stay_together_while_connections_sign_in_again(world, locked):
    probe = world.ready(locked, **login(locked, DB_REAUTH_S=1))
    old, new = locked.nodes
    key = locked.key_on(old)
    old.ask[key_slot(key)] = new
    new.importing.add(key_slot(key))
    started = time.monotonic()
    while time.monotonic() < started + 4:
        assert probe.run("SET", key, "value").ok
    followers = set()
    for connection in {event.connection for event in locked.commands("ASKING")}:
        sent = sent_by(locked, connection)
        followers |= {after.name for asking, after in zip(sent, sent[1:]) if asking.name == "ASKING"}
    assert followers == {"SET"}
    assert len(auths(locked, new)) > len(locked.find("handshake", new))


def test_a_failed_sign_in_again_keeps_the_connection_and_is_tried_again_with_the_new_password(world, locked):
    probe = world.ready(locked, **login(locked, DB_REAUTH_S=1))
    connections = {connection for node in locked.nodes for connection in node.connections}
    locked.passwords = {"password-2"}
    with world.load(locked, probe) as load:
        probe.wait_state(lambda state: state["reauth_failures"] >= 2, "failures")
        watch_time(locked, 2)
        failed = probe.state()["reauth_failures"]
        assert failed < 40
        locked.file.write_text("password-2\n")
        good = probe.state()["reauths"]
        probe.wait_state(lambda state: state["reauths"] >= good + 4, "success", 14)
    load.check(at_least=50)
    assert {connection for node in locked.nodes for connection in node.connections} <= connections


def test_a_sign_in_again_that_is_answered_late_delays_only_what_stands_behind_it(world, locked):
    probe = world.ready(locked, **login(locked, DB_REAUTH_S=1))
    locked.script("AUTH", held(0.3, execute))
    with world.load(locked, probe) as load:
        watch_time(locked, 3)
    load.check(at_least=20)
    assert load.slowest_ms < 2000


def test_connections_that_are_cut_at_an_age_under_load_fail_no_call(world, locked):
    for node in locked.nodes:
        node.max_connection_age_s = 1.0
    probe = world.probe(locked, **login(locked, DB_REAUTH_S=1))
    probe.wait_state(lambda state: state["slots_served"] == 16384, "the map")
    with world.load(locked, probe, threads=8, pause_s=0) as load:
        watch_time(locked, 6)
    load.check(at_least=100)
    assert len(locked.find("cut-by-age")) >= 12
