"""Bytes on the wire: garbage, slices, sizes, and that no answer ever reaches another call."""

import re

import pytest

from probe_client import Pattern, call
from resp import encode
from scripted_connection import both, closed, execute, raw, sliced, silent

GARBAGE = {
    "text": raw(b"garbage\r\n"),
    "http": raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "binary": raw(b"\x00\x01\x02\x03\r\n"),
    "negative-length": raw(b"$-5\r\n"),
    "negative-count": raw(b"*-7\r\n"),
    "length-without-digits": raw(b"$abc\r\n"),
    "count-without-digits": raw(b"*x\r\n"),
    "integer-without-digits": raw(b":seven\r\n"),
    "integer-overflow": raw(b":99999999999999999999\r\n"),
    "length-overflow": raw(b"$99999999999999999999\r\n"),
    "count-beyond-reason": raw(b"*4294967296\r\n"),
    "deep-nesting": raw(b"*1\r\n" * 10_000 + b":1\r\n"),
    "truncated-bulk": both(raw(b"$100\r\nonly this"), closed(notify=False)),
    "truncated-bulk-with-notify": both(raw(b"$100\r\nonly this"), closed(notify=True)),
    "truncated-array": both(raw(b"*3\r\n$1\r\na\r\n"), closed(notify=False)),
}


def filled_keys(cluster, node, n):
    keys = [cluster.key_on(node, f"wire-{i}") for i in range(n)]
    for key in keys:
        cluster.data[key.encode()] = f"value of {key}".encode()
    return keys


def each_gets_its_own(probe, keys, rounds=1):
    for _ in range(rounds):
        waiting = [(key, probe.submit("GET", key, deadline_ms=8000)) for key in keys]
        for key, future in waiting:
            outcome = future.result(15)
            assert outcome.ok and outcome.reply == f"value of {key}".encode(), outcome


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_ends_the_connection_and_every_call_gets_its_own_answer(world, kind):
    cluster, probe = world.pair()
    node = cluster.nodes[0]
    keys = filled_keys(cluster, node, 8)
    rule = node.script("GET", GARBAGE[kind], times=1, skip=3)
    each_gets_its_own(probe, keys)
    assert rule.hits == 1
    assert len({event.connection for event in cluster.commands("GET", node)}) >= 2


@pytest.mark.parametrize("header", [b"*2147483647\r\n", b"$536870912\r\n", b"$2147483647\r\n", b"*1000000\r\n"],
                         ids=["count", "length", "longer", "a-million"])
def test_a_huge_announcement_costs_no_memory_and_ends_with_the_deadline(world, header):
    cluster, probe = world.pair()
    node = cluster.nodes[0]
    keys = filled_keys(cluster, node, 4)
    node.script("GET", raw(header), times=1)
    with open(f"/proc/{probe.pid}/statm", encoding="ascii") as file:
        before = int(file.read().split()[1])
    outcome = probe.run("GET", keys[0], deadline_ms=1000)
    assert outcome.elapsed_ms < 1500
    with open(f"/proc/{probe.pid}/statm", encoding="ascii") as file:
        assert (int(file.read().split()[1]) - before) * 4096 < 200 * 2 ** 20
    probe.wait_state(lambda state: probe.run("GET", keys[1], deadline_ms=1000).ok, "a new connection", 12)
    each_gets_its_own(probe, keys)


@pytest.mark.parametrize("extra", [b"+EXTRA\r\n", b"$5\r\nEXTRA\r\n", b":1\r\n", b"*0\r\n", b"-ERR EXTRA\r\n"])
def test_an_extra_reply_ends_the_connection_before_it_can_be_anybodys(world, extra):
    cluster, probe = world.pair()
    node = cluster.nodes[0]
    keys = filled_keys(cluster, node, 8)
    before = set(node.connections)
    node.script("GET", both(execute, raw(extra)), times=1)
    assert probe.run("GET", keys[0]).reply == f"value of {keys[0]}".encode()
    cluster.wait_for(lambda: any(connection.closed for connection in before), "the connection's end")
    each_gets_its_own(probe, keys, rounds=3)


def test_a_message_that_nobody_asked_for_ends_an_idle_connection(world):
    cluster, probe = world.pair()
    node = cluster.nodes[0]
    keys = filled_keys(cluster, node, 4)
    before = list(node.connections)
    cluster.call(lambda: [connection.send(b"+hello\r\n") for connection in before])
    cluster.wait_for(lambda: all(connection.closed for connection in before), "the connections' end")
    each_gets_its_own(probe, keys)


def test_calls_of_many_threads_each_get_their_own_answer(world):
    cluster, probe = world.pair(threads=32)
    keys = filled_keys(cluster, cluster.nodes[0], 16) + filled_keys(cluster, cluster.nodes[1], 16)
    each_gets_its_own(probe, keys, rounds=10)


def test_a_batch_keeps_its_order_within_a_lane(world):
    cluster, probe = world.pair()
    key = cluster.key_on(cluster.nodes[0])
    outcome = probe.run_batch([call("INCR", key) for _ in range(50)])
    assert outcome.ok and outcome.replies == list(range(1, 51))
    assert len({event.connection for event in cluster.commands("INCR")}) == 1


def test_replies_in_single_bytes_are_just_slower(world):
    cluster, probe = world.pair()
    for node in cluster.nodes:
        node.script(re.compile(rb"^(GET|SET|CLUSTER)"), sliced(1))
    keys = filled_keys(cluster, cluster.nodes[0], 6)
    each_gets_its_own(probe, keys, rounds=2)
    assert probe.run("SET", keys[0], "value").ok


def test_a_connection_that_is_set_up_in_single_bytes_works(world):
    cluster = world.cluster()
    cluster.authenticate = lambda user, password: True
    password = world.directory / "password"
    password.write_text("password")
    cluster.script(re.compile(rb"^(AUTH|CLUSTER)"), sliced(1))
    probe = world.ready(cluster, DB_AUTH="password", DB_USER="app", DB_PASSWORD_FILE=password)
    each_gets_its_own(probe, filled_keys(cluster, cluster.nodes[0], 4))


BIG = bytes(Pattern(2 ** 20))


@pytest.mark.parametrize("size", [0, 1000, 16384], ids=["whole", "sliced", "records"])
def test_a_megabyte_arrives_whole(world, size):
    cluster, probe = world.pair()
    node = cluster.nodes[0]
    small, big = cluster.key_on(node, "small"), cluster.key_on(node, "big")
    cluster.data[big.encode()], cluster.data[small.encode()] = BIG, b"small"
    if size:
        node.script("GET", sliced(size))
    waiting = [(key, probe.submit("GET", key, deadline_ms=10000)) for key in [small, big] * 4]
    for key, future in waiting:
        outcome = future.result(15)
        assert outcome.ok and outcome.reply == cluster.data[key.encode()]


def test_megabytes_go_out_whole_from_many_threads(world):
    cluster, probe = world.pair()
    node = cluster.nodes[0]
    keys = [cluster.key_on(node, f"out-{i}") for i in range(6)]
    waiting = [probe.submit("SET", key, Pattern(2 ** 20, key), deadline_ms=15000) for key in keys]
    assert all(future.result(15).ok for future in waiting)
    for key in keys:
        assert cluster.data[key.encode()] == BIG + key.encode()


def test_a_megabyte_that_stops_half_way_is_no_answer(world):
    cluster, probe = world.pair()
    node = cluster.nodes[0]
    key = cluster.key_on(node)
    cluster.data[key.encode()] = BIG
    rule = node.script("GET", both(raw(encode(BIG)[:500_000]), closed(notify=False)), times=1)
    outcome = probe.run("GET", key, deadline_ms=8000)
    assert outcome.ok and outcome.reply == BIG and rule.hits == 1


def test_half_a_reply_and_then_silence_ends_with_the_deadline(world):
    cluster, probe = world.pair()
    node = cluster.nodes[0]
    keys = filled_keys(cluster, node, 2)
    node.script("GET", both(raw(b"$10\r\nhalf"), silent), times=1)
    outcome = probe.run("GET", keys[0], deadline_ms=600)
    assert outcome.status == "STATUS_UNAVAILABLE" and outcome.elapsed_ms < 1100
    probe.wait_state(lambda state: probe.run("GET", keys[1], deadline_ms=1000).ok, "a new connection", 12)
    each_gets_its_own(probe, keys)
