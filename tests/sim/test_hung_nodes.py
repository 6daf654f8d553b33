"""Nodes that hang: with calls in flight, before and during the handshake, at AUTH."""

import time

import pytest

from probe_client import call
from scripted_connection import silent


def test_the_deadline_holds_while_a_node_hangs_and_the_other_shard_is_served(world):
    cluster, probe = world.pair()
    hung, well = cluster.nodes
    with world.load(cluster, probe, nodes=[well]) as load:
        hung.freeze()
        write = probe.submit("SET", cluster.key_on(hung), "value", deadline_ms=1000)
        read = probe.submit("GET", cluster.key_on(hung), deadline_ms=1000)
        outcome = write.result(10)
        assert outcome.status == "STATUS_OUTCOME_UNKNOWN" and outcome.applied == "unknown"
        assert 900 <= outcome.elapsed_ms < 1500
        assert read.result(10).status == "STATUS_UNAVAILABLE" and read.result().elapsed_ms < 1500
        load.wait_done(cluster, 50)
    load.check(at_least=50)
    assert load.slowest_ms < 1000
    hung.thaw()
    probe.wait_state(lambda state: probe.run("SET", cluster.key_on(hung), "value").ok, "service after the stall", 15)


def test_a_node_that_hangs_holds_so_many_requests_and_the_others_go_through(world):
    cluster = world.cluster(shards=3)
    probe = world.ready(cluster, DB_QUEUE_MAX=4)
    hung, *well = cluster.nodes

    def gets(nodes, n):
        return [call("GET", cluster.key_on(nodes[i % len(nodes)], f"get-{i}")) for i in range(n)]

    hung.freeze()
    waiting = [probe.submit_batch(gets([hung, well[0]], 256), deadline_ms=9000) for _ in range(4)]
    probe.wait_state(lambda state: [s["requests"] for s in state["shards"]] == [4, 0, 0], "four that wait for one shard")
    answered = len(cluster.commands("GET"))
    for refused in (probe.run_batch(gets(cluster.nodes, 256)), probe.run_batch(gets([hung], 1))):
        assert refused.status == "STATUS_UNAVAILABLE" and refused.retry_after_s == 1
        assert set(refused.statuses) == {"STATUS_UNAVAILABLE"}
    written = probe.run_batch([call("SET", cluster.key_on(node), "value") for node in cluster.nodes])
    assert written.status == "STATUS_UNAVAILABLE" and written.applied == "no"
    assert len(cluster.commands("GET")) == answered and not cluster.commands("SET")
    assert probe.run_batch(gets(well, 256)).ok
    assert all(probe.run("SET", cluster.key_on(node), "value").ok for node in well)
    hung.thaw()
    assert all(outcome.result(15).ok for outcome in waiting)
    probe.wait_state(lambda state: not any(s["requests"] for s in state["shards"]), "every place given back")


def test_a_late_reply_is_never_given_to_a_later_call(world):
    cluster, probe = world.pair()
    node = cluster.nodes[0]
    keys = [cluster.key_on(node, f"late-{i}") for i in range(10)]
    for key in keys:
        cluster.data[key.encode()] = key.encode()
    node.freeze()
    abandoned = [probe.submit("GET", key, deadline_ms=300) for key in keys[:5]]
    assert not any(future.result(10).ok for future in abandoned)
    waiting = [(key, probe.submit("GET", key, deadline_ms=10000)) for key in keys[5:]]
    node.thaw()
    for key, future in waiting:
        outcome = future.result(15)
        assert outcome.ok and outcome.reply == key.encode()


def test_a_connection_that_answers_nothing_is_replaced_by_a_new_one(world):
    """The node is well, only what is connected to it hangs, as after a failed middlebox."""
    cluster, probe = world.pair()
    node = cluster.nodes[0]
    key = cluster.key_on(node)
    hung = set(node.connections)
    node.script(lambda connection, command: connection in hung, silent)
    outcomes = []

    def answered():
        outcomes.append(probe.run("GET", key, deadline_ms=700))
        return outcomes[-1].ok

    probe.wait_state(lambda state: answered(), "a new connection", 14)
    assert all(outcome.elapsed_ms < 1200 for outcome in outcomes)
    assert cluster.commands("GET", node)[-1].connection not in hung


def test_a_call_with_much_patience_does_not_wait_for_a_hanging_connection_all_its_time(world):
    cluster, probe = world.pair()
    node = cluster.nodes[0]
    hung = set(node.connections)
    node.script(lambda connection, command: connection in hung, silent)
    outcome = probe.run("SET", cluster.key_on(node), "value", deadline_ms=17000)
    assert outcome.ok and outcome.elapsed_ms < 14000


def hang_before_the_handshake(node):
    node.on_bytes = lambda connection, data: True


def hang_within_the_handshake(node):
    sent = {}

    def half(connection, data):
        if connection not in sent:
            sent[connection] = True
            connection.transport.write(data[:len(data) // 2])
        return True
    node.on_handshake = half


def dribble_the_handshake(node):
    def slowly(connection, data):
        for i in range(len(data)):
            connection.loop.call_later(0.2 * (i + 1), lambda byte=data[i:i + 1]: connection.transport.write(byte))
        return True
    node.on_handshake = slowly


@pytest.mark.parametrize("way", [hang_before_the_handshake, hang_within_the_handshake, dribble_the_handshake])
def test_a_handshake_that_does_not_end_is_given_up_and_tried_again(world, way):
    cluster = world.cluster()
    probe = world.ready(cluster, DB_CONNECT_TIMEOUT_MS=400)
    hung, well = cluster.nodes
    way(hung)
    before = len(cluster.find("accept", hung))
    hung.reset_connections()
    cluster.wait_for(lambda: len(cluster.find("accept", hung)) >= before + 4, "more attempts")
    opened = {event.connection: event.at for event in cluster.find("accept", hung)[before:]}
    for closed in cluster.find("closed", hung):
        if closed.connection in opened:
            assert closed.at - opened[closed.connection] < 2
    outcome = probe.run("SET", cluster.key_on(hung), "value", deadline_ms=800)
    assert outcome.status == "STATUS_UNAVAILABLE" and outcome.applied == "no" and outcome.elapsed_ms < 1300
    started = time.monotonic()
    assert probe.run("SET", cluster.key_on(well), "value").ok
    assert time.monotonic() - started < 2
    hung.on_bytes = hung.on_handshake = None
    probe.wait_ready(timeout_s=15)
    assert probe.run("SET", cluster.key_on(hung), "value").ok


def test_an_endpoint_whose_handshake_hangs_at_the_start_is_tried_again(world):
    cluster = world.cluster()
    hang_before_the_handshake(cluster.nodes[0])
    probe = world.probe(cluster, DB_CONNECT_TIMEOUT_MS=400)
    outcome = probe.run("SET", "key", "value", deadline_ms=800)
    assert not outcome.ok and outcome.applied == "no" and outcome.elapsed_ms < 1300
    cluster.nodes[0].on_bytes = None
    probe.wait_ready(timeout_s=15)


def test_an_auth_that_is_not_answered_is_given_up_and_tried_again(world):
    cluster = world.cluster()
    cluster.authenticate = lambda user, password: password == "right"
    password = world.directory / "password"
    password.write_text("right")
    rule = cluster.script("AUTH", silent, times=3)
    probe = world.ready(cluster, DB_AUTH="password", DB_USER="app", DB_PASSWORD_FILE=password, DB_CONNECT_TIMEOUT_MS=400)
    assert rule.hits == 3
    assert probe.run("SET", "key", "value").ok


def test_a_map_that_is_not_told_is_asked_for_again(world):
    cluster = world.cluster()
    rule = cluster.script("CLUSTER", silent, times=2)
    probe = world.probe(cluster, DB_CONNECT_TIMEOUT_MS=400)
    probe.wait_ready(timeout_s=14)
    assert rule.hits == 2
    assert probe.run("SET", "key", "value").ok
