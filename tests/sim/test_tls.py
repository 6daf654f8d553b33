"""TLS: who is refused, that nothing ever goes in plain text, and resumption."""

import collections
import socket
import ssl
import warnings

import pytest

from certificates import CertificateAuthority
from scripted_connection import silent

SECRET = "a-password-that-must-not-be-seen"


def stranger(world):
    return CertificateAuthority(world.directory / "stranger", "another authority")


BAD = {
    "wrong-name": lambda world: world.context(world.authority.issue(["other.sim.test"])),
    "wrong-authority": lambda world: world.context(stranger(world).issue()),
    "expired": lambda world: world.context(world.authority.expired()),
    "not-yet-valid": lambda world: world.context(world.authority.not_yet_valid()),
    "tls-1.1-only": lambda world: world.context(newest=ssl.TLSVersion.TLSv1_1),
    "name-with-a-suffix": lambda world: world.context(world.authority.issue(["localhost.sim.test"])),
    "partial-wildcard": lambda world: world.context(world.authority.issue(["local*"])),
    "plain-text": lambda world: None,
}


def spy(node):
    """What arrives at the node, byte for byte."""
    seen = []

    def note(connection, data):
        seen.append((connection, bytes(data)))
        return False
    node.on_bytes = note
    return seen


def first_bytes(seen):
    firsts = {}
    for connection, data in seen:
        firsts.setdefault(connection, data)
    return list(firsts.values())


@pytest.mark.parametrize("kind", BAD)
def test_a_server_that_cannot_be_trusted_is_refused_and_told_nothing(world, kind):
    cluster = world.cluster(shards=1)
    good, cluster.nodes[0].context = cluster.nodes[0].context, BAD[kind](world)
    password = world.directory / "password"
    password.write_text(SECRET)
    cluster.authenticate = lambda user, given: given == SECRET
    seen = spy(cluster.nodes[0])
    probe = world.probe(cluster, DB_TLS="on", DB_AUTH="password", DB_USER="app", DB_PASSWORD_FILE=password)
    cluster.wait_for(lambda: len(cluster.find("closed")) >= 3, "three refusals")
    outcome = probe.run("SET", "key", "value", deadline_ms=300)
    assert not outcome.ok and outcome.applied == "no"
    state = probe.state()
    assert state["slots_served"] == 0 and state["last_failure"] != ""
    assert not cluster.commands() and not cluster.commands("CLUSTER")
    assert all(data[:1] == b"\x16" for data in first_bytes(seen))
    assert not any(SECRET.encode() in data for _, data in seen)
    assert not any(SECRET in line for line in probe.log)
    cluster.nodes[0].context = good
    probe.wait_ready(timeout_s=15)
    assert probe.run("SET", "key", "value").ok


@pytest.mark.parametrize("kind", BAD)
def test_a_node_that_turns_untrusted_is_refused_while_the_other_serves(world, kind):
    cluster, probe = world.pair()
    node, well = cluster.nodes
    node.context = BAD[kind](world)
    node.reset_connections()
    cluster.wait_for(lambda: len(cluster.find("closed", node)) >= 5, "refusals")
    assert not probe.run("SET", cluster.key_on(node), "value", deadline_ms=300).ok
    assert probe.run("SET", cluster.key_on(well), "value").ok
    assert not cluster.commands(node=node)


ENDS = {
    "reset": lambda node: node.reset_connections(),
    "close_notify": lambda node: node.close_connections(notify=True),
    "truncated": lambda node: node.close_connections(notify=False),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_a_second_connection_to_a_node_resumes_the_session_however_the_first_ended(world, version, end):
    cluster = world.cluster(shards=1)
    node = cluster.nodes[0]
    node.context = world.context(newest=version)
    probe = world.ready(cluster)
    assert probe.run("SET", "key", "value").ok and probe.run("GET", "key").ok
    before = len(cluster.find("handshake"))
    node.stop_listening()
    ENDS[end](node)
    probe.wait_state(lambda state: not state["shards"][0]["reads_ready"] and not state["shards"][0]["writes_ready"],
                     "the loss to be noticed")
    node.up()
    cluster.wait_for(lambda: len(cluster.find("handshake")) >= before + 2, "two new connections")
    probe.wait_ready()
    again = cluster.find("handshake")[before:]
    assert all(event.detail["version"] == ("TLSv1.2" if version == ssl.TLSVersion.TLSv1_2 else "TLSv1.3") for event in again)
    assert any(event.detail["resumed"] for event in again)


def test_a_session_that_the_node_forgot_costs_a_full_handshake_and_nothing_else(world):
    cluster = world.cluster(shards=1)
    node = cluster.nodes[0]
    probe = world.ready(cluster)
    assert probe.run("SET", "key", "value").ok
    node.context = world.context()
    before = len(cluster.find("handshake"))
    node.reset_connections()
    cluster.wait_for(lambda: len(cluster.find("handshake")) >= before + 2, "two new connections")
    probe.wait_ready()
    assert probe.run("GET", "key").reply == b"value"


def test_resumption_does_not_carry_a_session_to_a_node_of_another_name(world):
    """Else a session of one node would stand in for the check of another's certificate."""
    world.names({"node-0.sim.test": ["127.0.0.1"], "evil.sim.test": ["127.0.0.1"]})
    shared = world.context(world.authority.issue(["node-0.sim.test"]))
    cluster = world.cluster(shards=1)
    node = cluster.nodes[0]
    node.host, node.context = "node-0.sim.test", shared
    probe = world.ready(cluster)
    other = cluster.add_node()
    other.host, other.context = "evil.sim.test", shared
    cluster.hand_over(node, other)
    outcome = probe.run("SET", "key", "value", deadline_ms=1000)
    assert not outcome.ok
    assert not cluster.commands("SET", other)


def test_a_ticket_that_comes_after_the_nodes_name_has_changed_is_not_used_for_the_new_name(world):
    cluster = world.cluster(shards=1)
    node = cluster.nodes[0]
    node.announce, node.metadata = "ip", ["hostname", "localhost"]
    node.context = world.context(world.authority.issue(["localhost"]))
    flights, tickets = collections.Counter(), {}

    def hold(connection, data):
        """The second flight of the server's handshake is its tickets."""
        flights[connection] += 1
        if flights[connection] == 2:
            tickets[connection] = data
        return flights[connection] == 2

    def release(connection, _command):
        """They leave before the first reply, without which they can't be left out."""
        if connection in tickets:
            connection.transport.write(tickets.pop(connection))
        return False

    node.on_handshake = hold
    node.script(release, silent)
    probe = world.ready(cluster, DB_TOPOLOGY_REFRESH_S=1)
    node.metadata = ["hostname", "other.sim.test"]
    before = len(cluster.commands("CLUSTER"))
    cluster.wait_for(lambda: len(cluster.commands("CLUSTER")) >= before + 2, "the new name to be told and taken")
    assert tickets
    assert probe.run("SET", "key", "value").ok
    assert not tickets
    node.reset_connections()
    assert not probe.run("SET", "key", "value", deadline_ms=1000).ok
    assert len(cluster.commands("SET")) == 1


def test_a_node_that_is_announced_by_ip_is_verified_by_the_endpoints_name(world):
    cluster = world.cluster()
    for node in cluster.nodes:
        node.announce = "ip"
    probe = world.ready(cluster)
    for node in cluster.nodes:
        assert probe.run("SET", cluster.key_on(node), "value").ok
    assert all(shard["node"].startswith("127.0.0.1:") or shard["node"].startswith("localhost:")
               for shard in probe.state()["shards"])


def test_a_node_that_is_announced_by_ip_with_another_name_in_its_certificate_is_refused(world):
    cluster = world.cluster()
    bad = cluster.nodes[1]
    bad.announce = "ip"
    bad.context = world.context(world.authority.issue(["other.sim.test"]))
    probe = world.probe(cluster)
    cluster.wait_for(lambda: len(cluster.find("closed", bad)) >= 2, "refusals")
    assert not probe.run("SET", cluster.key_on(bad), "value", deadline_ms=500).ok
    assert probe.run("SET", cluster.key_on(cluster.nodes[0]), "value").ok
    assert not cluster.commands(node=bad)


def test_an_endpoint_by_ip_needs_the_address_in_the_certificate(world):
    cluster = world.cluster(shards=1)
    node = cluster.nodes[0]
    node.announce = "ip"
    probe = world.probe(cluster, endpoint=f"127.0.0.1:{node.port}")
    cluster.wait_for(lambda: len(cluster.find("closed")) >= 2, "refusals")
    assert not cluster.commands() and not cluster.commands("CLUSTER")
    node.context = world.context(world.authority.issue(["localhost"], ["127.0.0.1"]))
    probe.wait_ready(timeout_s=15)
    assert probe.run("SET", "key", "value").ok


def test_each_node_is_asked_for_by_its_own_name(world):
    names = [f"node-{i}.sim.test" for i in range(2)]
    world.names({name: ["127.0.0.1"] for name in names})
    cluster = world.cluster()
    asked = {}
    for node, name in zip(cluster.nodes, names):
        node.host = name
        node.context = world.context(world.authority.issue([name]))
        node.context.sni_callback = (lambda label: lambda tls, server_name, context:
                                     asked.setdefault(label, set()).add(server_name) or None)(node.label)
    probe = world.ready(cluster)
    for node in cluster.nodes:
        assert probe.run("SET", cluster.key_on(node), "value").ok
    assert asked == {"node-0": {names[0]}, "node-1": {names[1]}}


def test_a_whole_label_wildcard_is_accepted_for_one_label_only(world):
    world.names({"node-0.sim.test": ["127.0.0.1"], "a.b.sim.test": ["127.0.0.1"]})
    cluster = world.cluster(shards=1)
    node = cluster.nodes[0]
    node.context = world.context(world.authority.issue(["*.sim.test"]))
    node.host = "node-0.sim.test"
    probe = world.ready(cluster)
    assert probe.run("SET", "key", "value").ok
    deeper = world.probe(cluster, endpoint=f"a.b.sim.test:{node.port}")
    cluster.wait_for(lambda: "handshake-failed" in [event.kind for event in cluster.events], "a refusal")
    assert deeper.state()["slots_served"] == 0


def test_certificates_that_rotate_under_load_fail_no_call(world):
    cluster, probe = world.pair()
    with world.load(cluster, probe) as load:
        for _ in range(3):
            for node in cluster.nodes:
                node.context = world.context(world.authority.issue())
                node.close_connections()
            load.wait_done(cluster, 40)
    load.check(at_least=100)


def test_without_tls_the_same_calls_go_in_plain(world):
    cluster = world.cluster(tls=False)
    probe = world.ready(cluster)
    for node in cluster.nodes:
        assert probe.run("SET", cluster.key_on(node), "value").ok
        assert probe.run("GET", cluster.key_on(node)).reply == b"value"


def test_an_authority_file_that_cannot_be_read_stops_the_start(world):
    cluster = world.cluster(shards=1)
    probe = world.probe(cluster, DB_CA_FILE="/nowhere/ca.pem")
    probe.expected_code = 1
    probe.stop()
    assert len(probe.report) == 1 and "/nowhere/ca.pem" in probe.report[0]


def test_the_systems_authorities_do_not_vouch_for_a_private_one(world):
    cluster = world.cluster(shards=1)
    probe = world.probe(cluster, DB_CA_FILE=None)
    cluster.wait_for(lambda: len(cluster.find("closed")) >= 2, "refusals")
    assert probe.state()["slots_served"] == 0 and not cluster.commands("CLUSTER")


def test_a_server_that_speaks_tls_1_1_is_one_that_others_can_reach(world):
    """Else the refusal above would show nothing."""
    cluster = world.cluster(shards=1)
    cluster.nodes[0].context = world.context(newest=ssl.TLSVersion.TLSv1_1)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_1
    client.set_ciphers("ALL:@SECLEVEL=0")
    client.load_verify_locations(world.authority.ca_file)
    with socket.create_connection(("localhost", cluster.nodes[0].port)) as plain:
        with client.wrap_socket(plain, server_hostname="localhost") as connection:
            assert connection.version() == "TLSv1.1"

