"""Host names: resolvers that fail, hang and change their mind. (The probe's getaddrinfo reads a file.)"""

import time

ENDPOINT = "cluster.sim.test"


def named(world, shards=1):
    """A cluster whose nodes have names, node-N.sim.test, and the endpoint's name, all at 127.0.0.1."""
    cluster = world.cluster(shards=shards)
    for i, node in enumerate(cluster.nodes):
        node.host = f"node-{i}.sim.test"
    table = {node.host: ["127.0.0.1"] for node in cluster.nodes}
    table[ENDPOINT] = ["127.0.0.1"]
    world.names(table)
    return cluster, table


def start(world, cluster, **settings):
    probe = world.probe(cluster, endpoint=f"{ENDPOINT}:{cluster.nodes[0].port}", **settings)
    probe.wait_ready()
    return probe


def test_a_resolver_that_fails_does_not_take_known_nodes_away(world):
    cluster, table = named(world, shards=2)
    probe = start(world, cluster)
    world.names({name: "fail" for name in table})
    for node in cluster.nodes:
        node.reset_connections()
    for node in cluster.nodes:
        assert probe.run("SET", cluster.key_on(node), "value").ok
    probe.wait_ready()


def test_a_resolver_that_hangs_holds_up_no_connected_shard_and_no_deadline(world):
    cluster, table = named(world, shards=2)
    probe = start(world, cluster)
    world.names({**table, "node-0.sim.test": "hang", ENDPOINT: "hang"})
    lost, well = cluster.nodes
    lost.reset_connections()
    outcome = probe.run("SET", cluster.key_on(lost), "value", deadline_ms=800)
    assert outcome.elapsed_ms < 1300
    with world.load(cluster, probe, nodes=[well]) as load:
        load.wait_done(cluster, 50)
    load.check(at_least=50)
    assert load.slowest_ms < 1000
    world.names(table)
    probe.wait_ready(timeout_s=15)


def test_a_resolver_that_hangs_does_not_keep_a_known_node_away(world):
    cluster, table = named(world)
    probe = start(world, cluster)
    world.names({name: "hang" for name in table})
    cluster.nodes[0].reset_connections()
    started = time.monotonic()
    probe.wait_ready(timeout_s=8)
    assert time.monotonic() - started < 8
    assert probe.run("SET", "key", "value").ok


def test_a_resolver_that_fails_at_the_start_is_asked_again(world):
    cluster, table = named(world)
    world.names({**table, ENDPOINT: "fail"})
    probe = world.probe(cluster, endpoint=f"{ENDPOINT}:{cluster.nodes[0].port}")
    outcome = probe.run("SET", "key", "value", deadline_ms=500)
    assert not outcome.ok and outcome.applied == "no" and outcome.elapsed_ms < 1000
    world.names(table)
    probe.wait_ready(timeout_s=15)


def test_of_several_addresses_each_is_tried(world):
    cluster, table = named(world)
    world.names({name: ["127.0.0.77", "127.0.0.78", "127.0.0.1"] for name in table})
    probe = world.probe(cluster, endpoint=f"{ENDPOINT}:{cluster.nodes[0].port}")
    probe.wait_ready(timeout_s=14)
    assert probe.run("SET", "key", "value").ok


def test_a_node_that_gets_another_address_is_found_there(world):
    cluster, table = named(world)
    probe = start(world, cluster)
    old = cluster.nodes[0]
    new = cluster.add_node("127.0.0.2", old.port)
    new.host = old.host
    cluster.hand_over(old, new)
    world.names({name: ["127.0.0.2"] for name in table})
    old.down()
    probe.wait_state(lambda state: probe.run("SET", "key", "value", deadline_ms=1000).ok, "the new address", 14)
    assert cluster.commands("SET", new)


def test_when_every_known_node_is_gone_the_endpoint_is_asked_anew(world):
    cluster, table = named(world, shards=2)
    probe = start(world, cluster)
    old = list(cluster.nodes)
    new = [cluster.add_node("127.0.0.2", old[0].port), cluster.add_node("127.0.0.2")]
    for i, (before, after) in enumerate(zip(old, new)):
        after.host = f"fresh-{i}.sim.test"
        cluster.hand_over(before, after)
        before.down()
    world.names({ENDPOINT: ["127.0.0.2"], "fresh-0.sim.test": ["127.0.0.2"], "fresh-1.sim.test": ["127.0.0.2"],
                 "node-0.sim.test": "fail", "node-1.sim.test": "fail"})
    probe.wait_ready(timeout_s=14)
    for node in new:
        assert probe.run("SET", cluster.key_on(node), "value").ok
