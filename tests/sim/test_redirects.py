"""MOVED and ASK: where a call goes when its slot has moved or is moving."""

import itertools
import re
import time

import pytest

from resp import Error, encode, key_slot
from scripted_connection import error, held, reply


def gets(cluster, node, key):
    return [event for event in cluster.commands("GET", node) if event.args[1] == key.encode()]


def test_a_moved_call_is_answered_by_the_new_owner_and_later_calls_go_there_at_once(world):
    cluster, probe = world.pair()
    old, new = cluster.nodes
    key = cluster.key_on(old)
    cluster.data[key.encode()] = b"value"
    cluster.move_slot(key_slot(key), new)
    for _ in range(5):
        outcome = probe.run("GET", key)
        assert outcome.ok and outcome.reply == b"value"
    assert len(gets(cluster, old, key)) == 1
    assert len(gets(cluster, new, key)) == 5
    assert probe.state()["redirects"] >= 1


def test_one_moved_refreshes_the_whole_map(world):
    cluster, probe = world.pair()
    old, new = cluster.nodes
    key, other = cluster.key_on(old, "one"), cluster.key_on(old, "other")
    cluster.hand_over(old, new)
    assert probe.run("GET", key).ok
    probe.wait_state(lambda state: len(state["shards"]) == 1, "the map with one owner")
    assert probe.run("GET", other).ok
    assert not gets(cluster, old, other)


def test_moved_to_a_node_that_was_not_known(world):
    cluster, probe = world.pair()
    new = cluster.add_node()
    key = cluster.key_on(cluster.nodes[0])
    cluster.data[key.encode()] = b"value"
    cluster.hand_over(cluster.nodes[0], new)
    outcome = probe.run("GET", key)
    assert outcome.ok and outcome.reply == b"value"
    assert gets(cluster, new, key)


def test_moved_with_an_empty_host_means_the_host_that_said_it(world):
    cluster, probe = world.pair()
    old, new = cluster.nodes
    key = cluster.key_on(old)
    old.script("GET", error(new.moved(key, host="")))
    new.script("GET", reply(b"from the new node"))
    outcome = probe.run("GET", key)
    assert outcome.ok and outcome.reply == b"from the new node"


def test_moved_with_err_before_it_is_a_redirect_too(world):
    cluster, probe = world.pair()
    old, new = cluster.nodes
    key = cluster.key_on(old)
    old.script("GET", error("ERR " + new.moved(key)))
    new.script("GET", reply(b"from the new node"))
    outcome = probe.run("GET", key)
    assert outcome.ok and outcome.reply == b"from the new node"


def test_a_write_that_is_moved_takes_effect_once(world):
    cluster, probe = world.pair()
    old, new = cluster.nodes
    key = cluster.key_on(old)
    cluster.move_slot(key_slot(key), new)
    outcome = probe.run("INCR", key)
    assert outcome.ok and outcome.reply == 1
    assert cluster.data[key.encode()] == b"1"


def test_a_storm_of_moved_asks_for_the_map_one_at_a_time_and_seldom(world):
    cluster, probe = world.pair()
    old, new = cluster.nodes
    keys = [cluster.key_on(old, f"storm-{i}") for i in range(40)]
    before = len(cluster.commands("CLUSTER"))
    answers = []

    def slow_map(connection, command):
        answers.append((connection.loop.time(), connection.loop.time() + 0.1))
        held(0.1)(connection, command)

    def asked():
        return len(cluster.commands("CLUSTER")) - before

    cluster.script("CLUSTER", slow_map)
    started = time.monotonic()
    # It was asked for a moment ago, so for some time it is not.
    for round_number in itertools.count():
        for key in keys:
            cluster.move_slot(key_slot(key), (new, old)[round_number % 2])
        outcomes = [probe.submit("GET", key) for key in keys]
        assert all(outcome.result(10).ok for outcome in outcomes)
        if round_number >= 2 and asked() > 0:
            break
        assert time.monotonic() - started < 10, "nobody asks for the map"
    elapsed_s = time.monotonic() - started
    assert 1 <= asked() <= 2 + elapsed_s / 0.15
    assert all(first_end <= second_start + 0.02 for (_, first_end), (second_start, _) in zip(answers, answers[1:]))


@pytest.mark.parametrize("kind", ["MOVED", "ASK"])
def test_redirects_in_a_circle_end_with_the_deadline_and_do_not_spin(world, kind):
    cluster, probe = world.pair()
    one, other = cluster.nodes
    key = cluster.key_on(one)
    slot = key_slot(key)
    one.script("GET", error(f"{kind} {slot} {other.address}"))
    other.script("GET", error(f"{kind} {slot} {one.address}"))
    outcome = probe.run("GET", key, deadline_ms=1000)
    assert outcome.status == "STATUS_UNAVAILABLE" and outcome.applied == "no"
    assert outcome.elapsed_ms < 1500
    assert len(cluster.commands("GET")) < 300
    assert probe.run("GET", cluster.key_on(one, "another"), deadline_ms=300).elapsed_ms < 800


@pytest.mark.parametrize("text", [
    "MOVED", "MOVED 1", "MOVED one nowhere.sim.test:1", "MOVED 99999 nowhere.sim.test:7000", "MOVED -1 nowhere.sim.test:7000",
    "MOVED 5 nowhere.sim.test", "MOVED 5 nowhere.sim.test:0", "MOVED 5 nowhere.sim.test:99999", "MOVED 5 nowhere.sim.test:port",
    "MOVED 5 " + "x" * 5000 + ":7000", "ASK", "ASK 5", "ASK 5 :", "ASK 99999 nowhere.sim.test:1"])
def test_a_redirect_that_makes_no_sense_fails_only_its_call(world, text):
    cluster, probe = world.pair()
    key = cluster.key_on(cluster.nodes[0])
    cluster.nodes[0].script(re.compile(rb"^GET " + key.encode()), error(text))
    outcome = probe.run("GET", key, deadline_ms=600)
    assert outcome.status == "STATUS_UNAVAILABLE" and outcome.elapsed_ms < 1500
    for node in cluster.nodes:
        assert probe.run("SET", cluster.key_on(node, "fine"), "v").ok


def importing(cluster, key):
    """A slot half migrated: the key is missing at its owner."""
    old, new = cluster.nodes[0], cluster.nodes[1]
    old.ask[key_slot(key)] = new
    new.importing.add(key_slot(key))
    return old, new


def test_ask_sends_asking_and_the_call_on_one_connection_and_leaves_the_map(world):
    cluster, probe = world.pair()
    key = cluster.key_on(cluster.nodes[0])
    cluster.data[key.encode()] = b"value"
    old, new = importing(cluster, key)
    outcome = probe.run("GET", key)
    assert outcome.ok and outcome.reply == b"value"
    old.ask.clear()
    asked_before = len(gets(cluster, new, key))
    assert probe.run("GET", key).reply == b"value"
    assert len(gets(cluster, new, key)) == asked_before == 1


def test_asking_is_followed_by_its_call_however_busy_the_connection_is(world):
    cluster, probe = world.pair()
    key = cluster.key_on(cluster.nodes[0])
    old, new = importing(cluster, key)
    with world.load(cluster, probe, threads=8, nodes=[new], pause_s=0) as load:
        for i in range(50):
            assert probe.run("SET", key, f"value-{i}").ok
            assert probe.run("GET", key).reply == f"value-{i}".encode()
    load.check(at_least=50)
    followers = []
    for connection in {event.connection for event in cluster.commands(node=new)}:
        sent = [event for event in cluster.commands(node=new) if event.connection is connection]
        followers += [after.args[1] for asking, after in zip(sent, sent[1:]) if asking.name == "ASKING"]
    assert len(followers) >= 100
    assert set(followers) == {key.encode()}


def test_ask_to_a_node_that_was_not_known(world):
    cluster, probe = world.pair()
    new = cluster.add_node()
    key = cluster.key_on(cluster.nodes[0])
    cluster.nodes[0].ask[key_slot(key)] = new
    new.importing.add(key_slot(key))
    assert probe.run("SET", key, "v").ok
    assert probe.run("GET", key).reply == b"v"


def test_a_script_that_is_asked_elsewhere_is_sent_whole_there(world):
    cluster, probe = world.pair()
    key = cluster.key_on(cluster.nodes[0])
    importing(cluster, key)
    outcome = probe.run(script="return 1", keys=[key], argv=["argument"])
    assert outcome.ok and outcome.reply == [b"ran", key.encode(), b"argument"]


def test_a_redirect_of_the_map_request_itself_is_survived(world):
    cluster = world.cluster()
    cluster.script("CLUSTER", lambda connection, command: connection.send(encode(Error("MOVED 1 nowhere.sim.test:1"))), times=2)
    probe = world.ready(cluster)
    assert probe.run("SET", "key", "value").ok
