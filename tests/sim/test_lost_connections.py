"""Connections that end: idle, with calls in flight, again and again, and for ever."""

import time

import pytest

from scripted_connection import closed, error, executed_silently, held, lost, not_executed, reply


def sets(cluster, node=None):
    return cluster.commands("SET", node)


@pytest.mark.parametrize("end", ["reset", "close_notify", "without close_notify"])
def test_an_idle_connection_that_ends_is_replaced_and_no_call_notices(world, end):
    cluster, probe = world.pair()
    for node in cluster.nodes:
        if end == "reset":
            node.reset_connections()
        else:
            node.close_connections(notify=end == "close_notify")
    for node in cluster.nodes:
        assert probe.run("SET", cluster.key_on(node), "value").ok
        assert probe.run("GET", cluster.key_on(node)).reply == b"value"
    assert probe.wait_ready()["reconnects"] >= 1


def test_lost_connections_come_back_without_a_call(world):
    cluster, probe = world.pair()
    before = len(cluster.find("handshake"))
    for node in cluster.nodes:
        node.reset_connections()
    cluster.wait_for(lambda: len(cluster.find("handshake")) >= before + 4, "four new connections")
    probe.wait_ready()


@pytest.mark.parametrize("way", [lost, not_executed, closed(notify=True), closed(notify=False)],
                         ids=["executed-reset", "refused-reset", "close_notify", "truncated"])
def test_a_call_in_flight_is_sent_again_once_with_the_same_bytes(world, way):
    cluster, probe = world.pair()
    key = cluster.key_on(cluster.nodes[0])
    cluster.nodes[0].script("SET", way, times=1)
    outcome = probe.run("SET", key, "value")
    assert outcome.ok
    first, second = sets(cluster)
    assert first.args == second.args and first.connection is not second.connection


def test_a_script_in_flight_is_sent_again_with_the_same_operation(world):
    cluster, probe = world.pair()
    key = cluster.key_on(cluster.nodes[0])
    assert probe.run(script="return 1", keys=[key], argv=["earlier"]).ok
    rule = cluster.nodes[0].script("EVALSHA", lost, times=1)
    outcome = probe.run(script="return 1", keys=[key], argv=["operation-1"])
    assert outcome.ok and rule.hits == 1
    sent = [event.args for event in cluster.commands() if event.name.startswith("EVAL")]
    assert [args[2:] for args in sent if args[-1] == b"operation-1"] == [[b"1", key.encode(), b"operation-1"]] * 2


def test_many_calls_in_flight_on_a_lost_connection_each_get_their_own_answer(world):
    cluster, probe = world.pair()
    node = cluster.nodes[0]
    keys = [cluster.key_on(node, f"flight-{i}") for i in range(12)]
    for key in keys:
        cluster.data[key.encode()] = key.encode()
    rule = node.script("GET", not_executed, times=1, skip=5)
    waiting = [(key, probe.submit("GET", key)) for key in keys]
    for key, future in waiting:
        outcome = future.result(10)
        assert outcome.ok and outcome.reply == key.encode()
    assert rule.hits == 1


def test_a_connection_that_is_lost_again_and_again_is_survived(world):
    cluster, probe = world.pair()
    rule = cluster.nodes[0].script("SET", lost, times=4)
    outcome = probe.run("SET", cluster.key_on(cluster.nodes[0]), "value", deadline_ms=10000)
    assert outcome.ok and rule.hits == 4
    assert len(sets(cluster)) == 5


def test_a_write_whose_reply_never_comes_has_an_unknown_outcome(world):
    cluster, probe = world.pair()
    key = cluster.key_on(cluster.nodes[0])
    cluster.nodes[0].script("SET", executed_silently)
    outcome = probe.run("SET", key, "value", deadline_ms=800)
    assert outcome.status == "STATUS_OUTCOME_UNKNOWN" and outcome.applied == "unknown"
    assert 700 <= outcome.elapsed_ms < 1300


def test_a_write_whose_connection_is_always_lost_has_an_unknown_outcome(world):
    cluster, probe = world.pair()
    key = cluster.key_on(cluster.nodes[0])
    rule = cluster.nodes[0].script("SET", lost)
    outcome = probe.run("SET", key, "value", deadline_ms=1500)
    assert outcome.status in ("STATUS_OUTCOME_UNKNOWN", "STATUS_UNAVAILABLE") and outcome.applied == "unknown"
    assert outcome.elapsed_ms < 2000
    assert 2 <= rule.hits < 30


def test_a_write_that_was_sent_and_then_refused_is_unknown_all_the_same(world):
    """The first delivery may have been executed, whatever a later one is told."""
    cluster, probe = world.pair()
    key = cluster.key_on(cluster.nodes[0])
    cluster.nodes[0].script("SET", lost, times=1)
    cluster.nodes[0].script("SET", error("TRYAGAIN Multiple keys request during rehashing of slot"))
    outcome = probe.run("SET", key, "value", deadline_ms=1200)
    assert not outcome.ok and outcome.applied == "unknown"


def test_a_read_whose_reply_never_comes_is_unavailable(world):
    cluster, probe = world.pair()
    cluster.nodes[0].script("GET", executed_silently)
    outcome = probe.run("GET", cluster.key_on(cluster.nodes[0]), deadline_ms=600)
    assert outcome.status == "STATUS_UNAVAILABLE" and outcome.applied == "no"
    assert outcome.elapsed_ms < 1100


def test_a_call_that_was_never_sent_says_that_nothing_was_applied(world):
    cluster = world.cluster()
    for node in cluster.nodes:
        node.down()
    probe = world.probe(cluster)
    outcome = probe.run("SET", "key", "value", deadline_ms=700)
    assert outcome.status in ("STATUS_UNAVAILABLE", "STATUS_NOT_READY") and outcome.applied == "no"
    assert outcome.elapsed_ms < 1200
    assert probe.state()["last_failure"] != ""
    for node in cluster.nodes:
        node.up()
    probe.wait_ready(timeout_s=15)
    assert probe.run("SET", "key", "value").ok


def fails_fast(probe, key):
    outcome = probe.run("SET", key, "value", deadline_ms=3000)
    assert not outcome.ok
    return outcome if outcome.elapsed_ms < 300 else None


def test_calls_to_a_shard_that_is_down_fail_fast_after_a_while_and_the_other_shard_is_not_slowed(world):
    cluster, probe = world.pair()
    down, well = cluster.nodes
    key = cluster.key_on(down)
    with world.load(cluster, probe, nodes=[well]) as load:
        down.down()
        deadline = time.monotonic() + 10
        outcome = None
        while outcome is None and time.monotonic() < deadline:
            outcome = fails_fast(probe, key)
        assert outcome is not None, "calls to the shard that is down go on waiting"
        assert outcome.status == "STATUS_UNAVAILABLE" and outcome.applied == "no" and outcome.retry_after_s >= 1
        assert fails_fast(probe, key)
        load.wait_done(cluster, 50)
    load.check(at_least=50)
    assert load.slowest_ms < 1500
    down.up()
    probe.wait_ready(timeout_s=15)
    assert probe.run("SET", key, "value").ok


def test_a_shard_that_comes_back_within_the_deadline_is_waited_for(world):
    cluster, probe = world.pair()
    node = cluster.nodes[0]
    node.down()
    future = probe.submit("SET", cluster.key_on(node), "value", deadline_ms=5000)
    node.up()
    assert future.result(10).ok


def test_connecting_to_a_dead_node_backs_off(world):
    cluster, probe = world.pair()
    node = cluster.nodes[0]
    node.on_accept = lambda connection: connection.abort()
    before = len(cluster.find("accept", node))
    node.reset_connections()
    started = time.monotonic()
    cluster.wait_for(lambda: time.monotonic() > started + 4, "four seconds")
    attempts = len(cluster.find("accept", node)) - before
    assert 4 <= attempts < 60
    node.on_accept = None
    probe.wait_ready(timeout_s=15)


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
def test_max_number_of_clients_is_waited_out(world, tls):
    """Over TLS a server just closes, since it can't say it; a plain one says it."""
    cluster = world.cluster(tls=tls)
    probe = world.ready(cluster)
    node = cluster.nodes[0]

    def full(connection):
        if not tls:
            connection.transport.write(b"-ERR max number of clients reached\r\n")
        connection.transport.close()
        connection.closed = True

    node.on_accept = full
    before = len(cluster.find("accept", node))
    node.reset_connections()
    cluster.wait_for(lambda: len(cluster.find("accept", node)) >= before + 4, "more attempts")
    assert not probe.run("GET", cluster.key_on(node), deadline_ms=300).ok
    assert probe.run("SET", cluster.key_on(cluster.nodes[1]), "value").ok
    node.on_accept = None
    probe.wait_ready(timeout_s=15)
    assert probe.run("SET", cluster.key_on(node), "value").ok


def test_max_number_of_clients_said_after_the_handshake_is_no_answer_to_a_call(world):
    cluster, probe = world.pair()
    node = cluster.nodes[0]
    cluster.data[cluster.key_on(node).encode()] = b"value"

    def full(connection):
        connection.send(b"-ERR max number of clients reached\r\n")
        connection.close()

    node.on_ready = full
    node.reset_connections()
    future = probe.submit("GET", cluster.key_on(node), deadline_ms=8000)
    before = len(cluster.find("accept", node))
    cluster.wait_for(lambda: len(cluster.find("accept", node)) >= before + 2, "more attempts")
    node.on_ready = None
    outcome = future.result(15)
    if outcome.ok:
        assert outcome.reply == b"value"
    else:
        assert outcome.status == "STATUS_UNAVAILABLE"
    probe.wait_ready(timeout_s=15)
    assert probe.run("GET", cluster.key_on(node)).reply == b"value"


def test_a_held_write_does_not_delay_a_read(world):
    cluster, probe = world.pair()
    node = cluster.nodes[0]
    key = cluster.key_on(node)
    node.script("SET", held(1.5))
    write = probe.submit("SET", key, "value")
    cluster.wait_for(lambda: sets(cluster), "the write")
    slowest = max(probe.run("GET", key).elapsed_ms for _ in range(20))
    assert slowest < 1000 and not write.done()
    assert write.result(10).ok


def test_held_writes_are_in_flight_together(world):
    cluster, probe = world.pair()
    node = cluster.nodes[0]
    node.script("SET", held(1.0))
    started = time.monotonic()
    writes = [probe.submit("SET", cluster.key_on(node, f"write-{i}"), "value", deadline_ms=10000) for i in range(10)]
    assert all(write.result(15).ok for write in writes)
    assert time.monotonic() - started < 5


def test_two_lanes_a_shard_are_all_the_connections(world):
    cluster, probe = world.pair()
    with world.load(cluster, probe, threads=8, pause_s=0) as load:
        load.wait_done(cluster, 200)
    load.check(at_least=200)
    for node in cluster.nodes:
        assert 2 <= len(node.connections) <= 3
        lanes = {}
        for event in cluster.commands(node=node):
            lanes.setdefault(event.connection.id, set()).add(event.name)
        assert sorted(lanes.values(), key=str) == [{"GET"}, {"SET"}]


def test_the_queue_of_a_lane_is_bounded(world):
    cluster, probe = world.pair(DB_QUEUE_MAX=8, threads=32)
    node = cluster.nodes[0]
    node.freeze()
    waiting = [probe.submit("GET", cluster.key_on(node), deadline_ms=2000) for _ in range(32)]
    outcomes = [future.result(10) for future in waiting]
    assert all(outcome.status == "STATUS_UNAVAILABLE" for outcome in outcomes)
    assert sum(outcome.elapsed_ms < 500 for outcome in outcomes) >= 8
    node.thaw()
    probe.wait_state(lambda state: probe.run("GET", cluster.key_on(node)).ok, "service after the stall")


def test_the_probe_ends_well_while_nodes_are_down_and_calls_wait(world):
    cluster, probe = world.pair()
    for node in cluster.nodes:
        node.freeze()
    futures = [probe.submit("SET", cluster.key_on(node), "value", deadline_ms=400) for node in cluster.nodes]
    started = time.monotonic()
    probe.stop()
    assert all(future.result(1).applied == "unknown" for future in futures)
    assert time.monotonic() - started < 5


def test_a_wrong_reply_type_is_handed_to_its_caller_as_it_is(world):
    cluster, probe = world.pair()
    key = cluster.key_on(cluster.nodes[0])
    cluster.nodes[0].script("GET", reply([b"not", 1, b"a string"]), times=1)
    assert probe.run("GET", key).reply == [b"not", 1, b"a string"]
    assert probe.run("SET", key, "value").ok
