"""A fake cluster of Redis nodes, in this process, whose every reply a test can script.

By default the nodes behave: they own slots, answer MOVED for foreign ones, keep a key space, know scripts after their
EVAL, and ask for AUTH when told so. A test adds rules (`node.script("GET", reply(...), times=1)`) and reads what
arrived (`cluster.commands()`), in order, with connection and time. Everything runs on one event loop in one thread."""

import asyncio
import dataclasses
import hashlib
import re
import socket
import threading
import time

from local_cluster import ports
from resp import Error, SLOTS, Status, key_slot
from scripted_connection import Connection

DEADLINE_S = 10


@dataclasses.dataclass
class Event:
    """Something that happened at a node."""
    at: float
    node: "Node"
    connection: Connection
    kind: str
    args: list
    detail: object

    @property
    def name(self):
        """The command's name in capitals."""
        return self.args[0].decode("latin-1").upper() if self.args else ""

    def __str__(self):
        words = b" ".join(word[:60] for word in self.args).decode("latin-1") if self.args else self.detail or ""
        return f"{self.at:9.3f} {self.node.label} #{self.connection.id} {self.kind} {words}"


class Rule:
    """What a node does to the commands that match, after `skip` of them, `times` times."""

    def __init__(self, match, action, times, skip):
        self.match, self.action, self.times, self.skip = match, action, times, skip
        self.hits = 0

    def takes(self, connection, command):
        if self.times is not None and self.hits >= self.times:
            return False
        if not self._fits(connection, command):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.hits += 1
        return True

    def _fits(self, connection, command):
        if callable(self.match):
            return self.match(connection, command)
        if isinstance(self.match, re.Pattern):
            return self.match.search(b" ".join(command)) is not None
        return command[0].decode("latin-1").upper() == self.match


class Node:
    """One server. Its hooks and settings may be changed by a test at any time."""

    def __init__(self, cluster, label, context, ip, port):
        self.cluster = cluster
        self.label = label
        self.ip = ip
        self.context = context
        self.connections = []
        self.rules = []
        self.known_scripts = {}
        self.ask = {}                   # slot -> the node that imports it
        self.importing = set()          # slots that are served after ASKING
        self.max_connection_age_s = 0   # connections are reset at this age
        self.frozen = False
        self.on_accept = None           # (connection), before TLS
        self.on_bytes = None            # (connection, bytes) -> True: swallowed
        self.on_handshake = None        # (connection, bytes that the server would send) -> True: not sent
        self.on_ready = None            # (connection), after TLS
        self.host = "localhost"
        self.announce = "name"          # in CLUSTER SLOTS: name, ip, empty, nil
        self.metadata = None            # the fourth element of a node in CLUSTER SLOTS
        self.port = port
        self._server = None
        self._bind()

    # ---- for tests ----

    def script(self, match, action, times=None, skip=0):
        """Adds a rule; `match` is a command's name, a compiled regular expression over its words joined by blanks, or
        a function of (connection, command). Earlier rules go first. The rule counts its hits."""
        rule = Rule(match, action, times, skip)
        self.rules.append(rule)
        return rule

    def down(self):
        """Stops listening and resets every connection."""
        self.cluster.call(self._down)

    def stop_listening(self):
        """New connections are refused; those that exist stay."""
        self.cluster.call(self._stop_listening)

    def up(self):
        """Listens again, on the same port."""
        self.cluster.call(self._up)

    def freeze(self):
        """As SIGSTOP: the system still accepts, nothing is read or answered."""
        def run():
            self.frozen = True
            for connection in self.connections:
                connection.transport.pause_reading()
        self.cluster.call(run)

    def thaw(self):
        def run():
            self.frozen = False
            for connection in self.connections:
                connection.transport.resume_reading()
        self.cluster.call(run)

    def reset_connections(self):
        def run():
            for connection in list(self.connections):
                connection.abort()
        self.cluster.call(run)

    def close_connections(self, notify=True):
        def run():
            for connection in list(self.connections):
                connection.close(notify)
        self.cluster.call(run)

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def moved(self, key, host=None):
        """The text of a MOVED to this node for the key."""
        return f"MOVED {key_slot(key)} {self.host if host is None else host}:{self.port}"

    def _bind(self):
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((self.ip, self.port))
        self.port = self._socket.getsockname()[1]

    # ---- on the loop ----

    def _up(self):
        if self._socket is None:
            self._bind()

        async def listen():
            self._server = await self.cluster.loop.create_server(lambda: Connection(self), sock=self._socket,
                                                                 backlog=128)
        return listen()

    def _stop_listening(self):
        if self._server is not None:
            self._server.close()
        self._server = self._socket = None

    def _down(self):
        self._stop_listening()
        for connection in list(self.connections):
            connection.abort()

    def handle(self, connection, command):
        for rule in self.rules + self.cluster.rules:
            if rule.takes(connection, command):
                rule.action(connection, command)
                break
        else:
            connection.reply(self.execute(connection, command))
        if command[0].upper() != b"ASKING":
            connection.asking = False

    def execute(self, connection, command):
        """What a well-behaved node answers."""
        name = command[0].decode("latin-1").upper()
        if name == "AUTH":
            return self._auth(connection, command)
        if self.cluster.authenticate is not None and connection.user is None:
            return Error("NOAUTH Authentication required.")
        handler = getattr(self, f"_do_{name.lower()}", None)
        if handler is None:
            return Error(f"ERR unknown command '{name}', with args beginning with: ")
        keys = self._keys(name, command)
        redirect = self._redirect(connection, key_slot(keys[0])) if keys else None
        return redirect or handler(connection, command)

    def _auth(self, connection, command):
        if self.cluster.authenticate is None:
            return Error("ERR AUTH <password> called without any password configured for the default user. "
                         "Are you sure your configuration is correct?")
        words = [word.decode() for word in command[1:]]
        user, password = words if len(words) == 2 else ("default", words[0])
        if not self.cluster.authenticate(user, password):
            return Error("WRONGPASS invalid username-password pair or user is disabled.")
        connection.user = user
        return Status("OK")

    @staticmethod
    def _keys(name, command):
        if name in ("GET", "SET", "DEL", "INCR", "STRLEN"):
            return command[1:2]
        if name in ("EVAL", "EVALSHA"):
            return command[3:3 + int(command[2])]
        return []

    def _redirect(self, connection, slot):
        if not self.cluster.cluster_mode:
            return None
        owner = self.cluster.owner(slot)
        if owner is self:
            target = self.ask.get(slot)
            return Error(f"ASK {slot} {target.address}") if target else None
        if slot in self.importing and connection.asking:
            return None
        if owner is None:
            return Error("CLUSTERDOWN Hash slot not served")
        return Error(f"MOVED {slot} {owner.address}")

    # ---- the commands ----

    def _do_ping(self, _connection, _command):
        return Status("PONG")

    def _do_asking(self, connection, _command):
        connection.asking = True
        return Status("OK")

    def _do_info(self, _connection, _command):
        return "# Server\r\nredis_version:7.0.15\r\nredis_mode:cluster\r\nrole:master\r\nmaxmemory_policy:noeviction\r\n"

    def _do_get(self, _connection, command):
        return self.cluster.data.get(command[1])

    def _do_strlen(self, _connection, command):
        return len(self.cluster.data.get(command[1], b""))

    def _do_set(self, _connection, command):
        self.cluster.data[command[1]] = command[2]
        return Status("OK")

    def _do_del(self, _connection, command):
        return int(self.cluster.data.pop(command[1], None) is not None)

    def _do_incr(self, _connection, command):
        value = int(self.cluster.data.get(command[1], b"0")) + 1
        self.cluster.data[command[1]] = b"%d" % value
        return value

    def _do_evalsha(self, connection, command):
        source = self.known_scripts.get(command[1])
        if source is None:
            return Error("NOSCRIPT No matching script. Please use EVAL.")
        return self.cluster.run_script(source, command)

    def _do_eval(self, _connection, command):
        self.known_scripts[hashlib.sha1(command[1]).hexdigest().encode()] = command[1]
        return self.cluster.run_script(command[1], command)

    def _do_cluster(self, _connection, command):
        if not self.cluster.cluster_mode:
            return Error("ERR This instance has cluster support disabled")
        if command[1].upper() != b"SLOTS":
            return Error("ERR unknown subcommand")
        return self.cluster.slots_reply()


class ScriptedCluster:
    """Nodes that share one key space. `context(label)` gives a node's TLS context, or None for plain TCP."""

    def __init__(self, shards=1, context=lambda label: None, cluster_mode=True):
        self.loop = asyncio.new_event_loop()
        self.cluster_mode = cluster_mode
        self.data = {}
        self.rules = []
        self.authenticate = None        # (user, password) -> bool; None: no AUTH is asked for
        self.scripts = {}               # source -> function of (keys, arguments)
        self.events = []
        self._news = threading.Condition()
        self._connection_ids = 0
        self._context = context
        self.nodes = []
        self.ranges = {}                # node -> [(first, last)]
        self.replicas = {}              # node -> [nodes], in CLUSTER SLOTS only
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        for i in range(shards):
            node = self.add_node()
            self.ranges[node] = [(i * SLOTS // shards, (i + 1) * SLOTS // shards - 1)]

    def add_node(self, ip="127.0.0.1", port=0):
        """One more listening node, which owns nothing yet; port 0 takes a free one, which no outgoing connection gets while the
        node is down."""
        label = f"node-{len(self.nodes)}"
        node = Node(self, label, self._context(label), ip, port or ports.choose(1)[0])
        self.nodes.append(node)
        node.up()
        return node

    def stop(self):
        for node in self.nodes:
            node.down()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    def call(self, function):
        """Runs the function on the loop and waits for it, and for the coroutine that it may return."""
        async def run():
            result = function()
            return await result if asyncio.iscoroutine(result) else result
        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(DEADLINE_S)

    # ---- scripting ----

    def script(self, match, action, times=None, skip=0):
        """A rule for every node, after the node's own."""
        rule = Rule(match, action, times, skip)
        self.rules.append(rule)
        return rule

    def owner(self, slot):
        for node, ranges in self.ranges.items():
            if any(first <= slot <= last for first, last in ranges):
                return node
        return None

    def owner_of(self, key):
        return self.owner(key_slot(key))

    def hand_over(self, old, new):
        """`new` takes all slots of `old`."""
        def run():
            self.ranges[new] = self.ranges.get(new, []) + self.ranges.pop(old)
        self.call(run)

    def move_slot(self, slot, new):
        """`new` takes one slot from its owner."""
        def run():
            old = self.owner(slot)
            kept = []
            for first, last in self.ranges[old]:
                if first <= slot <= last:
                    kept += [(a, b) for a, b in ((first, slot - 1), (slot + 1, last)) if a <= b]
                else:
                    kept.append((first, last))
            self.ranges[old] = kept
            self.ranges[new] = self.ranges.get(new, []) + [(slot, slot)]
        self.call(run)

    def key_on(self, node, prefix="key"):
        """A key that the node owns."""
        for i in range(10000):
            if self.owner_of(f"{prefix}-{i}") is node:
                return f"{prefix}-{i}"
        raise AssertionError("no key found")

    def run_script(self, source, command):
        n_keys = int(command[2])
        keys, arguments = command[3:3 + n_keys], command[3 + n_keys:]
        function = self.scripts.get(source)
        return function(keys, arguments) if function else [b"ran", *keys, *arguments]

    def slots_reply(self):
        """The reply to CLUSTER SLOTS."""
        return [[first, last] + [self._slots_node(one) for one in [node] + self.replicas.get(node, [])]
                for node, ranges in self.ranges.items() for first, last in ranges]

    @staticmethod
    def _slots_node(node):
        host = {"name": node.host, "ip": node.ip, "empty": "", "nil": None}[node.announce]
        described = [host, node.port, hashlib.sha1(node.label.encode()).hexdigest()]
        return described if node.metadata is None else described + [node.metadata]

    # ---- what happened ----

    def next_connection_id(self):
        self._connection_ids += 1
        return self._connection_ids

    def record(self, connection, kind, args, detail):
        with self._news:
            self.events.append(Event(time.monotonic(), connection.node, connection, kind, args, detail))
            self._news.notify_all()

    def find(self, kind, node=None):
        return [event for event in list(self.events) if event.kind == kind and node in (None, event.node)]

    def commands(self, name=None, node=None):
        """The commands that arrived, in order; CLUSTER SLOTS only when asked for by name."""
        return [event for event in self.find("command", node)
                if event.name == name or (name is None and event.name != "CLUSTER")]

    def wait_for(self, condition, what="the condition", timeout_s=DEADLINE_S):
        """Waits until the function is true; returns its value. Fails with what happened."""
        deadline = time.monotonic() + timeout_s
        with self._news:
            while True:
                value = condition()
                if value:
                    return value
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"waited {timeout_s} s for {what}; events:\n" + self.story())
                self._news.wait(min(left, 0.05))

    def story(self, last=80):
        return "\n".join(str(event) for event in self.events[-last:])
