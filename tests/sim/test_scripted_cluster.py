"""The scripted cluster does what the scenarios say it does, seen by a plain client of Python's own."""

import socket
import ssl
import time

import pytest

from resp import CommandParser, encode, key_slot
from scripted_connection import both, closed, error, executed_silently, held, lost, raw, reply, silent, sliced


# Python's ssl module tells a reset as either.
RESET = (ConnectionResetError, ssl.SSLEOFError)


class Client:
    def __init__(self, world, node, session=None):
        context = session.context if session else ssl.create_default_context(cafile=world.authority.ca_file)
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
        plain = socket.create_connection(("localhost", node.port), timeout=5)
        self.context = context
        self.tls = context.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False,
                                       session=session.tls.session if session else None)
        world.later(self.tls.close)

    def send(self, *words):
        self.tls.sendall(b"*%d\r\n" % len(words) + b"".join(encode(word) for word in words))

    def read(self, n):
        data = b""
        while len(data) < n:
            chunk = self.tls.recv(n - len(data))
            if not chunk:
                return data
            data += chunk
        return data

    def call(self, expected, *words):
        self.send(*words)
        assert self.read(len(expected)) == expected


@pytest.fixture
def cluster(world):
    return world.cluster()


@pytest.fixture
def node(cluster):
    return cluster.nodes[0]


@pytest.fixture
def client(world, node):
    return Client(world, node)


def test_slots_are_those_of_the_specification():
    assert key_slot(b"123456789") == 0x31C3
    assert key_slot("{user1000}.following") == key_slot("{user1000}.followers") == key_slot("user1000")
    assert key_slot("foo{}{bar}") == key_slot(b"foo{}{bar}") != key_slot("bar")


def test_commands_are_cut_out_of_a_stream_wherever_it_breaks():
    stream = b"*2\r\n$3\r\nGET\r\n$5\r\na\r\nbc\r\n*1\r\n$0\r\n\r\n"
    for at in range(len(stream) + 1):
        parser = CommandParser()
        assert parser.feed(stream[:at]) + parser.feed(stream[at:]) == [[b"GET", b"a\r\nbc"], [b""]]


def test_a_node_keeps_values_counts_and_knows_scripts(cluster, node, client):
    key = cluster.key_on(node)
    client.call(b"+OK\r\n", "SET", key, "value")
    client.call(b"$5\r\nvalue\r\n", "GET", key)
    client.call(b"-NOSCRIPT", "EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "1", key)


def test_a_node_redirects_and_serves_an_importing_slot_after_asking_only(world, cluster, node, client):
    key = cluster.key_on(node)
    other = cluster.nodes[1]
    far = Client(world, other)
    far.call(f"-MOVED {key_slot(key)} {node.address}\r\n".encode(), "GET", key)
    node.ask[key_slot(key)] = other
    other.importing.add(key_slot(key))
    client.call(f"-ASK {key_slot(key)} {other.address}\r\n".encode(), "GET", key)
    far.call(b"+OK\r\n", "ASKING")
    far.call(b"$-1\r\n", "GET", key)
    far.call(f"-MOVED {key_slot(key)} ".encode(), "GET", key)


def test_a_node_asks_for_a_sign_in(cluster, node, client):
    cluster.authenticate = lambda user, password: (user, password) == ("app", "right")
    client.call(b"-NOAUTH Authentication required.\r\n", "PING")
    client.call(b"-WRONGPASS invalid username-password pair or user is disabled.\r\n", "AUTH", "app", "wrong")
    client.call(b"+OK\r\n", "AUTH", "app", "right")
    client.call(b"+PONG\r\n", "PING")


def test_rules_count_skip_and_give_way(node, client):
    rule = node.script("PING", reply("scripted"), times=1, skip=1)
    client.call(b"+PONG\r\n", "PING")
    client.call(b"$8\r\nscripted\r\n", "PING")
    client.call(b"+PONG\r\n", "PING")
    assert rule.hits == 1


def test_a_held_reply_holds_those_behind_it_and_commands_go_on_arriving(cluster, node, client):
    node.script("PING", held(0.5), times=1)
    started = time.monotonic()
    client.send("PING")
    client.send("INFO")
    cluster.wait_for(lambda: cluster.commands("INFO"), "the second command")
    assert time.monotonic() - started < 0.45
    assert client.read(7) == b"+PONG\r\n" and time.monotonic() - started >= 0.45


def test_slices_arrive_whole_and_in_order(node, client):
    node.script("PING", sliced(1, raw(b"$10\r\n0123456789\r\n")), times=1)
    client.call(b"$10\r\n0123456789\r\n+PONG\r\n"[:17], "PING")
    client.call(b"+PONG\r\n", "PING")


@pytest.mark.parametrize("action", [silent, executed_silently])
def test_silence_lasts(cluster, node, client, action):
    node.script("SET", action, times=1)
    client.send("SET", cluster.key_on(node), "v")
    client.send("PING")
    cluster.wait_for(lambda: cluster.commands("PING"), "the second command")
    client.tls.settimeout(0.3)
    with pytest.raises(TimeoutError):
        client.read(1)
    assert (cluster.key_on(node).encode() in cluster.data) == (action is executed_silently)


def test_a_lost_reply_is_a_reset_after_the_effect(cluster, node, client):
    node.script("SET", lost)
    client.send("SET", cluster.key_on(node), "v")
    with pytest.raises(RESET):
        client.read(1)
    assert cluster.data[cluster.key_on(node).encode()] == b"v"


def test_a_close_says_so_or_does_not(world, node, client):
    node.script("PING", both(raw(b"+x\r\n"), closed(notify=True)), times=1)
    client.send("PING")
    assert client.read(4) == b"+x\r\n" and client.read(1) == b""
    other = Client(world, node)
    node.script("INFO", both(raw(b"+x\r\n"), closed(notify=False)), times=1)
    other.send("INFO")
    assert other.read(4) == b"+x\r\n"
    with pytest.raises(ssl.SSLError):
        other.read(1)


def test_a_frozen_node_says_nothing_and_catches_up(cluster, node, client):
    node.freeze()
    client.send("PING")
    client.tls.settimeout(0.3)
    with pytest.raises(TimeoutError):
        client.read(1)
    assert not cluster.commands("PING")
    node.thaw()
    client.tls.settimeout(5)
    assert client.read(7) == b"+PONG\r\n"


def test_a_second_connection_can_resume_and_it_is_told(world, cluster, node, client):
    client.call(b"+PONG\r\n", "PING")
    Client(world, node, session=client).call(b"+PONG\r\n", "PING")
    assert [event.detail["resumed"] for event in cluster.find("handshake", node)] == [False, True]


def test_a_node_that_is_down_refuses_and_comes_back_on_its_port(world, node, client):
    client.call(b"+PONG\r\n", "PING")
    node.down()
    with pytest.raises(RESET):
        client.read(1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("localhost", node.port))
    node.up()
    Client(world, node).call(b"+PONG\r\n", "PING")


def test_a_connection_is_cut_at_its_age(world, node):
    node.max_connection_age_s = 0.3
    client = Client(world, node)
    node.script("PING", error("ERR x"), times=1)
    client.call(b"-ERR x\r\n", "PING")
    with pytest.raises(RESET):
        client.read(1)
