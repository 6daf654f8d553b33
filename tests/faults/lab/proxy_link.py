"""One connection through a proxy: the client's side, the node's side, and what is between them."""

import asyncio
import collections
import time

from .frames import (HOUSEKEEPING, MINUS, WRITES, command_end, command_name, encode, reply_end, rewrite_redirect,
                     rewrite_topology)
from .proxy_rules import KINDS

WAIT = encode(b"WAIT", b"1", b"1500")


def abort(transport):
    """Closes at once; asyncio's TLS transport fails where that has been done already."""
    try:
        transport.abort()
    except AttributeError:
        pass


class Slot:
    """The place of one reply in the client's order."""

    __slots__ = ("link", "data", "piece")

    def __init__(self, link):
        self.link, self.data, self.piece = link, None, 0

    def fill(self, data, piece=0):
        self.data, self.piece = data, piece
        self.link.flush()


class Settling:
    """A write that the primary has done and its replica may not have yet."""

    def __init__(self, door):
        self.door, self.waiting = door, []
        door.unsettled.add(self)

    def settle(self, kept):
        self.door.unsettled.discard(self)
        for done in self.waiting:
            done(kept)
        self.waiting = []


class ClientSide(asyncio.Protocol):
    def __init__(self, link):
        self.link = link

    def connection_made(self, transport):
        """Before the coroutine that opens the link goes on: a reply may come first, and must not be lost."""
        self.link.client = transport

    def data_received(self, data):
        self.link.from_client(data)

    def connection_lost(self, _exc):
        self.link.client_lost()


class NodeSide(asyncio.Protocol):
    def __init__(self, link):
        self.link = link

    def connection_made(self, transport):
        self.link.node = transport

    def data_received(self, data):
        self.link.from_node(data)

    def connection_lost(self, _exc):
        self.link.node_lost()


class Link:
    """Replies come in the order of `pending`; the client gets them in the order of `outgoing`."""

    def __init__(self, door):
        self.door, self.loop = door, asyncio.get_running_loop()
        self.client = self.node = None
        self.certificate = "good"
        self.from_client_bytes, self.from_node_bytes = bytearray(), bytearray()
        self.pending, self.outgoing = collections.deque(), collections.deque()
        self.stalled, self.detached, self.draining, self.opened, self.settlings = False, False, False, False, []
        self.late_frame = None

    # ---- the client's commands ----

    def from_client(self, data):
        self.from_client_bytes += data
        self.pump_client()

    def pump_client(self):
        data = self.from_client_bytes
        while not (self.stalled or self.door.frozen or self.detached) and data and self.node is not None:
            end = command_end(data)
            if end < 0:
                return
            frame = bytes(data[:end])
            del data[:end]
            self.command(frame, command_name(frame))

    def command(self, frame, name):
        self.door.proxy.commands += 1
        if name in HOUSEKEEPING:
            self.housekeeping(frame, name)
            return
        slot = Slot(self)
        self.outgoing.append(slot)
        if self.door.proxy.killer is not None and self.door.proxy.killer.meets(self, slot, frame):
            return
        for rule in self.door.rules:
            if rule.meets(name):
                KINDS[rule.kind](self, slot, frame, rule)
                return
        self.ordinary(frame, name, slot)

    def ordinary(self, frame, name, slot):
        if not self.door.durable:
            self.forward(frame, slot.fill)
        elif name in WRITES:
            self.forward_durably(frame, slot)
        else:
            self.forward(frame, lambda reply: self.hold_read(slot, reply))

    def housekeeping(self, frame, name):
        slot = Slot(self)
        self.outgoing.append(slot)
        if name == b"AUTH" and self.door.wrongpass:
            slot.fill(b"-WRONGPASS invalid username-password pair or user is disabled.\r\n")
            return
        for rule in self.door.rules:
            if rule.meets(name):
                KINDS[rule.kind](self, slot, frame, rule)
                return
        if name == b"CLUSTER":
            self.forward(frame, lambda reply: slot.fill(rewrite_topology(reply, self.door.proxy.ports)))
        else:
            self.forward(frame, slot.fill)

    def forward(self, frame, on_reply):
        self.pending.append((on_reply, time.monotonic()))
        self.send_node(frame)

    def forward_durably(self, frame, slot):
        """What a durable log does: the reply is passed on only when the replica has the write."""
        held, settling = [], Settling(self.door)
        self.settlings.append(settling)

        def on_wait(reply):
            kept = reply[:1] == b":" and int(reply[1:-2]) >= 1
            if settling in self.settlings:
                self.settlings.remove(settling)
            settling.settle(kept)
            if kept or held[0][0] == MINUS:
                slot.fill(held[0])
            else:
                self.door.not_kept += 1
                self.cut()
        self.forward(frame, held.append)
        self.forward(WAIT, on_wait)

    def hold_read(self, slot, reply):
        """A read must not show what a failover could still take away."""
        waits = set(self.door.unsettled)
        if not waits:
            slot.fill(reply)
            return
        left = [len(waits)]

        def done(kept):
            left[0] -= 1
            if not kept:
                self.cut()
            elif left[0] == 0:
                slot.fill(reply)
        for settling in waits:
            settling.waiting.append(done)

    def repeat(self, frame, slot):
        self.forward(frame, slot.fill)

    # ---- the node's replies ----

    def from_node(self, data):
        self.from_node_bytes += data
        self.pump_node()

    def pump_node(self):
        data = self.from_node_bytes
        while data and not (self.stalled or self.door.frozen):
            end = reply_end(data)
            if end < 0:
                return
            reply = bytes(data[:end])
            del data[:end]
            if reply[0] == MINUS:
                reply = rewrite_redirect(reply, self.door.proxy.ports)
            if self.pending:
                on_reply, sent_s = self.pending.popleft()
                self.door.proxy.note_slow(sent_s)
                on_reply(reply)
            else:
                self.send_client(reply)
        if self.draining and not self.pending:
            self.end()

    def flush(self):
        """Passes on what is there, in the client's order."""
        ready = []
        while self.outgoing and self.outgoing[0].data is not None:
            slot = self.outgoing.popleft()
            if slot.piece:
                self.send_client(b"".join(ready))
                ready = []
                for at in range(0, len(slot.data), slot.piece):
                    self.send_client(slot.data[at:at + slot.piece])
            else:
                ready.append(slot.data)
        if ready:
            self.send_client(b"".join(ready))

    # ---- what rules do ----

    def send_node(self, data):
        if self.node is not None and not self.node.is_closing():
            self.node.write(data)

    def send_client(self, data):
        if data and self.client is not None and not self.client.is_closing():
            self.client.write(data)

    def later(self, seconds, function, *arguments):
        self.loop.call_later(seconds, function, *arguments)

    def stall(self, seconds, frame):
        """The frame goes on with what else was kept; its slot with it."""
        self.outgoing.pop()
        self.from_client_bytes[:0] = frame
        self.stalled = True
        self.later(seconds, self.resume)

    def resume(self):
        self.stalled = False
        # What has waited long enough is not stalled again.
        if self.from_client_bytes and self.node is not None and not self.door.frozen:
            end = command_end(self.from_client_bytes)
            if end > 0:
                frame = bytes(self.from_client_bytes[:end])
                del self.from_client_bytes[:end]
                slot = Slot(self)
                self.outgoing.append(slot)
                self.forward(frame, slot.fill)
        self.go_on()

    def go_on(self):
        self.pump_node()
        self.pump_client()
        if self.client is None and self.node is not None and not self.detached and self.opened:
            # Nobody waits for the answers any more; the commands arrive all the same.
            self.draining = True
            self.pump_node()

    def detach(self, seconds, frame):
        self.detached = True
        if self.client is not None:
            abort(self.client)
        self.late_frame = frame
        self.later(seconds, self.deliver_late)

    def deliver_late(self):
        """Whether there was something to deliver."""
        frame, self.late_frame = self.late_frame, None
        if frame is None or self.node is None or self.node.is_closing():
            return False
        self.forward(frame, lambda reply: self.close_node())
        return True

    # ---- the end ----

    def close_node(self):
        if self.node is not None:
            self.node.close()

    def cut(self, gently=False):
        for transport in (self.client, self.node):
            if transport is not None:
                transport.close() if gently else abort(transport)

    def client_lost(self):
        self.client = None
        if self.stalled or self.door.frozen:
            # The bytes are on their way, whoever has given up meanwhile.
            return
        if not self.detached:
            self.end()

    def node_lost(self):
        self.node = None
        self.end()

    def end(self):
        """What is on its way to the node still arrives: it was sent."""
        self.door.links.discard(self)
        if self.node is not None:
            self.node.close()
        if self.client is not None:
            abort(self.client)
        for settling in self.settlings:
            settling.settle(False)
        self.settlings = []
