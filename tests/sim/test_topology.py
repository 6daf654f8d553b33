"""The map of the cluster: its shapes, its changes, and a map that lies."""

import re
import time

import pytest

from resp import NIL_ARRAY, SLOTS, Error, Status, encode
from scripted_connection import error, raw, reply


def serves_everything(cluster, probe):
    for node in cluster.ranges:
        key = cluster.key_on(node, "served")
        assert probe.run("SET", key, "value").ok
        assert probe.run("GET", key).reply == b"value"


@pytest.mark.parametrize("announce", ["name", "ip", "empty", "nil"])
@pytest.mark.parametrize("metadata", [None, [], ["hostname", "localhost"], ["hostname", ""], ["ip", "127.0.0.1"],
                                      ["shard-id", "s", "availability-zone", "z", "hostname", "localhost"]],
                         ids=["none", "empty", "hostname", "empty-hostname", "ip", "more"])
def test_the_map_is_understood_in_every_shape(world, announce, metadata):
    """An empty or nil host is the one that was asked: each node tells the map by its own port here."""
    cluster = world.cluster()
    for node in cluster.nodes:
        node.announce, node.metadata = announce, metadata
    probe = world.ready(cluster)
    serves_everything(cluster, probe)


def test_replicas_get_no_connection(world):
    cluster = world.cluster()
    replicas = [cluster.add_node(), cluster.add_node()]
    cluster.replicas = {node: [replica] for node, replica in zip(list(cluster.ranges), replicas)}
    probe = world.ready(cluster)
    serves_everything(cluster, probe)
    assert not any(cluster.find("accept", replica) for replica in replicas)


def test_a_shard_of_many_ranges_is_one_shard(world):
    cluster = world.cluster(shards=1)
    one = cluster.nodes[0]
    other = cluster.add_node()
    cluster.ranges = {one: [(i, i + 63) for i in range(0, SLOTS, 128)],
                      other: [(i, i + 63) for i in range(64, SLOTS, 128)]}
    probe = world.ready(cluster)
    state = probe.state()
    assert [shard["slots"] for shard in state["shards"]] == [SLOTS // 2] * 2
    assert [shard["node"] for shard in state["shards"]] == [one.address, other.address]
    serves_everything(cluster, probe)


def test_shards_are_counted_by_their_lowest_slot_and_can_be_called(world):
    cluster = world.cluster(shards=3)
    cluster.ranges = dict(reversed(list(cluster.ranges.items())))
    probe = world.ready(cluster)
    assert [shard["node"] for shard in probe.state()["shards"]] == [node.address for node in cluster.nodes]
    for i, node in enumerate(cluster.nodes):
        assert probe.run("PING", shard=i).ok
        assert len(cluster.commands("PING", node)) == 1
    outcome = probe.run("PING", shard=3, deadline_ms=300)
    assert not outcome.ok


def server_alone(world):
    cluster = world.cluster(shards=1, cluster_mode=False)
    return cluster, world.ready(cluster), cluster.nodes[0]


def test_a_server_alone_that_is_demoted_is_left_for_the_one_that_a_new_connection_leads_to(world):
    """As behind a proxy or a name that has moved to the new primary: what is connected stays with the old one."""
    cluster, probe, node = server_alone(world)
    old = set(node.connections)
    node.script(lambda connection, command: connection in old and command[0] == b"SET",
                error("READONLY You can't write against a read only replica."))
    node.script(lambda connection, command: connection in old and command[0] == b"GET", reply(b"stale"))
    assert probe.run("GET", "key").reply == b"stale"
    assert probe.run("SET", "key", "value").ok
    probe.wait_state(lambda state: probe.run("GET", "key").reply == b"value", "reads from the new primary")
    assert not old & set(node.connections)


def test_a_server_alone_that_stays_a_replica_is_not_connected_to_again_and_again(world):
    cluster, probe, node = server_alone(world)
    rule = node.script("SET", error("READONLY You can't write against a read only replica."))
    before = len(cluster.find("accept", node))
    for outcome in [probe.submit("SET", f"key-{i}", "value", deadline_ms=4000) for i in range(16)]:
        assert outcome.result(10).status == "STATUS_UNAVAILABLE" and outcome.result().applied == "no"
    assert rule.hits >= 2 and len(cluster.find("accept", node)) - before <= 24
    assert probe.run("GET", "key").ok


def test_a_server_without_cluster_mode_is_one_shard(world):
    cluster = world.cluster(shards=1, cluster_mode=False)
    probe = world.ready(cluster)
    state = probe.state()
    assert state["cluster_mode"] is False and state["slots_served"] == SLOTS and len(state["shards"]) == 1
    serves_everything(cluster, probe)
    assert probe.run(script="return 1", keys=["key"]).ok
    cluster.nodes[0].reset_connections()
    assert probe.run("SET", "key", "value").ok


def test_slots_that_nobody_serves_end_with_the_deadline_and_the_others_are_served(world):
    cluster = world.cluster()
    node = cluster.nodes[0]
    served = cluster.ranges[node]
    key = cluster.key_on(node)
    cluster.ranges = {cluster.nodes[1]: cluster.ranges[cluster.nodes[1]]}
    probe = world.probe(cluster)
    probe.wait_state(lambda state: state["slots_served"] == SLOTS // 2, "half of the slots")
    outcome = probe.run("SET", key, "value", deadline_ms=700)
    assert outcome.status == "STATUS_UNAVAILABLE" and outcome.applied == "no" and outcome.elapsed_ms < 1200
    serves_everything(cluster, probe)
    cluster.ranges = {node: served, **cluster.ranges}
    probe.wait_state(lambda state: probe.run("SET", key, "value").ok, "the slot that is served again")


def test_the_map_is_asked_for_now_and_then_and_not_more(world):
    cluster, probe = world.pair(DB_TOPOLOGY_REFRESH_S=1)
    before = len(cluster.commands("CLUSTER"))
    started = time.monotonic()
    cluster.wait_for(lambda: time.monotonic() > started + 5, "five seconds")
    assert 3 <= len(cluster.commands("CLUSTER")) - before <= 12
    assert probe.state()["topology_age_ms"] < 3000


def test_a_map_that_is_due_and_refused_is_asked_for_with_pauses_however_busy_the_client_is(world):
    cluster, probe = world.pair(DB_TOPOLOGY_REFRESH_S=1)
    rule = cluster.script("CLUSTER", error("LOADING Redis is loading the dataset in memory"))
    cluster.wait_for(lambda: rule.hits, "a refusal", 5)
    cluster.script("SET", error("TRYAGAIN Multiple keys request during rehashing of slot"))
    before = rule.hits
    waiting = [probe.submit("SET", f"key-{i}", "value", deadline_ms=3000) for i in range(16)]
    assert not any(future.result(10).ok for future in waiting)
    assert 1 <= rule.hits - before <= 3000 / 150 + 1


def test_a_change_that_nobody_tells_is_found_by_the_regular_refresh_and_the_node_that_left_is_let_go(world):
    cluster, probe = world.pair(DB_TOPOLOGY_REFRESH_S=1)
    left, new = cluster.nodes[1], cluster.add_node()
    cluster.hand_over(left, new)
    cluster.wait_for(lambda: len(cluster.find("handshake", new)) >= 2, "lanes to the new node")
    cluster.wait_for(lambda: not left.connections, "the end of the lanes to the old node")
    probe.wait_ready()
    serves_everything(cluster, probe)


def test_an_endpoint_that_leaves_the_cluster_gets_no_more_calls(world):
    """It may still be asked for the map."""
    cluster, probe = world.pair(DB_TOPOLOGY_REFRESH_S=1)
    left, new = cluster.nodes[0], cluster.add_node()
    cluster.hand_over(left, new)
    cluster.wait_for(lambda: len(cluster.find("handshake", new)) >= 2, "lanes to the new node")
    probe.wait_ready()
    serves_everything(cluster, probe)
    assert not cluster.commands(node=left)


def test_an_endpoint_that_left_and_forgot_the_cluster_hurts_no_call(world):
    cluster, probe = world.pair(DB_TOPOLOGY_REFRESH_S=1)
    left, new = cluster.nodes[0], cluster.add_node()
    cluster.hand_over(left, new)
    left.script("CLUSTER", reply([]))
    left.script(re.compile(rb"^(GET|SET)"), error("CLUSTERDOWN Hash slot not served"))
    probe.wait_state(lambda state: new.address in [shard["node"] for shard in state["shards"]], "the new map")
    with world.load(cluster, probe) as load:
        started = time.monotonic()
        cluster.wait_for(lambda: time.monotonic() > started + 4, "several refreshes")
    load.check(at_least=50)


def test_all_nodes_are_replaced_one_by_one_under_load_and_no_call_fails(world):
    cluster, probe = world.pair(DB_TOPOLOGY_REFRESH_S=1)
    with world.load(cluster, probe) as load:
        for old in list(cluster.ranges):
            new = cluster.add_node()
            cluster.hand_over(old, new)
            cluster.wait_for(lambda: len(cluster.find("handshake", new)) >= 2, "lanes to the new node")
            load.wait_done(cluster, 30)
            old.down()
            load.wait_done(cluster, 30)
    load.check(at_least=120)
    assert all(node.port != cluster.nodes[0].port for node in cluster.ranges)
    probe.wait_ready()
    for node in cluster.ranges:
        node.reset_connections()
    probe.wait_ready()
    serves_everything(cluster, probe)


def test_a_primary_that_dies_is_followed_to_its_replica(world):
    """The map is learnt from the other shard, since the dead one says nothing."""
    cluster, probe = world.pair()
    dead, replica = cluster.nodes[0], cluster.add_node()
    cluster.replicas = {dead: [replica]}
    key = cluster.key_on(dead)
    dead.down()
    assert not probe.run("SET", key, "value", deadline_ms=300).ok
    cluster.replicas = {}
    cluster.hand_over(dead, replica)
    probe.wait_state(lambda state: probe.run("SET", key, "value", deadline_ms=1000).ok, "the new primary", 12)
    assert cluster.commands("SET", replica)


def rows(*ranges, host="nowhere.sim.test", port=7000):
    return [[first, last, [host, port, "id"]] for first, last in ranges]


HOSTILE = {
    "status": reply(Status("OK")),
    "integer": reply(5),
    "nil": reply(None),
    "nil-array": reply(NIL_ARRAY),
    "string": reply(b"0-16383"),
    "error": reply(Error("ERR no")),
    "no-rows": reply([]),
    "flat": reply([0, 16383, "nowhere.sim.test", 7000]),
    "short-rows": reply([[], [0], [0, 16383]]),
    "nodes-of-wrong-type": reply([[0, 16383, "nowhere.sim.test:7000"], [0, 16383, 5], [0, 16383, None]]),
    "short-nodes": reply([[0, 16383, []], [0, 16383, ["localhost"]]]),
    "words-for-numbers": reply([["0", "16383", ["nowhere.sim.test", "7000", "id"]]]),
    "beyond-the-last-slot": reply(rows((0, 16384))),
    "far-beyond": reply(rows((0, 2 ** 62))),
    "negative": reply(rows((-1, 100))),
    "most-negative": reply(rows((-2 ** 63, 2 ** 63 - 1))),
    "backwards": reply(rows((100, 5))),
    "port-0": reply(rows((0, 16383), port=0)),
    "port-65536": reply(rows((0, 16383), port=65536)),
    "negative-port": reply(rows((0, 16383), port=-7000)),
    "long-host": reply(rows((0, 16383), host="h" * 100_000)),
    "host-with-breaks": reply(rows((0, 16383), host="local\r\nhost")),
    "host-with-nul": reply(rows((0, 16383), host=b"localhost\x00.evil")),
    "question-mark": reply(rows((0, 16383), host="?")),
    "overlapping": reply(rows((0, 16383)) * 3),
    "too-many-rows": raw(encode(rows((0, 1)) * 40_000)),
    "a-node-for-each-slot": raw(encode([[i, i, ["nowhere.sim.test", 1 + i, f"{i}"]] for i in range(SLOTS)])),
    "deep": raw(b"*1\r\n" * 10_000),
    "huge-count": raw(b"*2147483647\r\n"),
}


def resident_mb(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096 / 2 ** 20


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_map_that_lies_at_the_start_hurts_nobody(world, kind):
    cluster = world.cluster()
    rule = cluster.script("CLUSTER", HOSTILE[kind], times=2)
    probe = world.probe(cluster, DB_TOPOLOGY_REFRESH_S=1, DB_CONNECT_TIMEOUT_MS=500)
    cluster.wait_for(lambda: rule.hits == 2, "the lies to be told")
    probe.wait_ready(timeout_s=14)
    serves_everything(cluster, probe)
    assert len(probe.state()["shards"]) == 2


@pytest.mark.parametrize("kind", ["integer", "flat", "short-rows", "no-rows", "words-for-numbers", "far-beyond", "port-0",
                                  "long-host", "too-many-rows", "deep", "huge-count"])
def test_a_map_that_turns_to_nonsense_does_not_displace_a_good_one(world, kind):
    cluster, probe = world.pair(DB_TOPOLOGY_REFRESH_S=1)
    rule = cluster.script("CLUSTER", HOSTILE[kind])
    before_mb = resident_mb(probe.pid)
    with world.load(cluster, probe, deadline_ms=10000) as load:
        cluster.wait_for(lambda: rule.hits >= 2, "the lies to be told")
        load.wait_done(cluster, 40)
    load.check(at_least=40)
    assert resident_mb(probe.pid) - before_mb < 150 * world.memory_factor
