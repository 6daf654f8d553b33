"""One connection of a scripted node: TLS in memory, commands in, ordered replies out, and what a script does to them.

Replies leave in the order of their commands, each not before its time, as a server's do. All of it runs on the
cluster's event loop."""

import asyncio
import collections
import socket
import ssl
import struct

from resp import CommandError, CommandParser, Error, Status, encode

NEVER = float("inf")


class Connection(asyncio.Protocol):
    def __init__(self, node):
        self.node = node
        self.id = node.cluster.next_connection_id()
        self.user = None
        self.asking = False
        self.closed = False
        self.ready = False
        self._parser = CommandParser()
        self._queue = collections.deque()
        self._last_due = 0
        self._delay = 0
        self._slice = 0
        self._timer = None
        self._tls = None

    # ---- asyncio's side ----

    def connection_made(self, transport):
        self.transport = transport
        self.loop = self.node.cluster.loop
        self.opened_at = self.loop.time()
        self.node.connections.append(self)
        self.record("accept")
        if self.node.frozen:
            self.transport.pause_reading()
        if self.node.max_connection_age_s:
            self._schedule_cut()
        if self.node.on_accept is not None:
            self.node.on_accept(self)
        if self.closed:
            return
        if self.node.context is None:
            self._is_ready()
        else:
            self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            self._tls = self.node.context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def data_received(self, data):
        if self.closed:
            return
        if self.node.on_bytes is not None and self.node.on_bytes(self, data):
            return
        try:
            for command in self._parser.feed(self._decrypt(data)):
                self.record("command", args=command)
                self.node.handle(self, command)
        except CommandError as problem:
            self.record("protocol-error", detail=str(problem))
            self.abort()

    def eof_received(self):
        self.record("eof")
        return False

    def connection_lost(self, _reason):
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self in self.node.connections:
            self.node.connections.remove(self)
        self.record("closed")

    # ---- TLS ----

    def _decrypt(self, data):
        if self._tls is None:
            return data
        self._incoming.write(data)
        plain = b""
        try:
            if not self.ready:
                self._tls.do_handshake()
                self.record("handshake", detail={"version": self._tls.version(), "resumed": self._tls.session_reused})
                self._flush_tls()
                self._is_ready()
            while not self.closed:
                chunk = self._tls.read(65536)
                if not chunk:
                    break
                plain += chunk
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.close(notify=False)
        except ssl.SSLError as problem:
            self.record("handshake-failed" if not self.ready else "tls-error", detail=str(problem))
            self._flush_tls()
            self.transport.close()
        if not self.closed:
            self._flush_tls()
        return plain

    def _flush_tls(self):
        data = self._outgoing.read()
        if not data:
            return
        if not self.ready and self.node.on_handshake is not None and self.node.on_handshake(self, data):
            return
        self.transport.write(data)

    def _is_ready(self):
        self.ready = True
        if self.node.on_ready is not None:
            self.node.on_ready(self)

    # ---- ordered output: what scripts use ----

    def send(self, data):
        """Queues plain bytes."""
        if self._slice:
            for at in range(0, len(data), self._slice):
                self._put(data[at:at + self._slice])
        else:
            self._put(data)

    def reply(self, value):
        self.send(encode(value))

    def hold(self, seconds):
        """What is queued from now on leaves no sooner than this. Counted for the next entry only."""
        self._delay = seconds

    def slice(self, size):
        """Replies leave in pieces of `size` bytes, each a TLS record of its own; 0: whole."""
        self._slice = size

    def stall(self):
        """Nothing that is queued from now on ever leaves."""
        self._last_due = NEVER

    def close(self, notify=True):
        """Closes after what is queued, with close_notify or without."""
        self._put(lambda: self._close_now(notify))

    def reset(self):
        """Resets the connection (RST) after what is queued."""
        self._put(self.abort)

    def abort(self):
        """Resets the connection now."""
        if self.closed:
            return
        self.closed = True
        self.record("reset")
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def record(self, kind, args=None, detail=None):
        self.node.cluster.record(self, kind, args, detail)

    def _put(self, entry):
        due = max(self._last_due, self.loop.time() + self._delay)
        self._delay = 0
        self._last_due = due
        if due < NEVER:
            self._queue.append((due, entry))
            self._pump()

    def _pump(self):
        if self._timer is not None:
            return
        while self._queue and not self.closed:
            due, entry = self._queue[0]
            wait = due - self.loop.time()
            if wait > 0 or self.node.frozen:
                self._timer = self.loop.call_later(max(wait, 0.01), self._resume)
                return
            self._queue.popleft()
            if callable(entry):
                entry()
            else:
                self._write(entry)
                if self._slice and self._queue:
                    self._timer = self.loop.call_soon(self._resume)
                    return

    def _resume(self):
        self._timer = None
        self._pump()

    def _write(self, data):
        if self._tls is None:
            self.transport.write(data)
            return
        self._tls.write(data)
        self._flush_tls()

    def _close_now(self, notify):
        if self.closed:
            return
        self.closed = True
        if notify and self._tls is not None and self.ready:
            try:
                self._tls.unwrap()
            except ssl.SSLError:
                pass
            self._flush_tls()
        self.transport.close()

    def _schedule_cut(self):
        age = self.loop.time() - self.opened_at
        if age >= self.node.max_connection_age_s:
            self.record("cut-by-age")
            self.abort()
        elif not self.closed:
            self.loop.call_later(self.node.max_connection_age_s - age, self._schedule_cut)


# ---- actions: what a rule does to a command. Each takes (connection, command). ----


def reply(value):
    return lambda connection, command: connection.reply(value)


def error(text):
    return reply(Error(text))


def status(text):
    return reply(Status(text))


def raw(data):
    return lambda connection, command: connection.send(data)


def execute(connection, command):
    """What the node does without a script."""
    connection.reply(connection.node.execute(connection, command))


def held(seconds, action=execute):
    """The action, its replies `seconds` later."""
    def run(connection, command):
        connection.hold(seconds)
        action(connection, command)
    return run


def silent(connection, command):
    """No reply to this command, nor to any later one of the connection."""
    connection.stall()


def lost(connection, command):
    """Executes, drops the reply, and resets the connection."""
    connection.node.execute(connection, command)
    connection.reset()


def not_executed(connection, command):
    """Resets the connection without executing."""
    connection.reset()


def executed_silently(connection, command):
    """Executes; neither this reply nor a later one ever leaves."""
    connection.node.execute(connection, command)
    connection.stall()


def closed(notify=True):
    return lambda connection, command: connection.close(notify)


def sliced(size, action=execute):
    """The action's reply in pieces of `size` bytes."""
    def run(connection, command):
        connection.slice(size)
        action(connection, command)
        connection.slice(0)
    return run


def both(*actions):
    def run(connection, command):
        for action in actions:
            action(connection, command)
    return run
