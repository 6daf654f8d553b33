"""What a proxy can do to one command and its reply. Each kind is a function (link, slot, frame, rule).

A slot is the reply's place in the order that the client awaits. A rule does its harm with probability p, to the commands it
names (all, writes, reads, or their names), drawn by its own generator: the same seed draws the same numbers."""

import random

from .frames import HOUSEKEEPING, WRITES

# Each must poison the connection: no prefix of them is a reply that could be taken for one.
GARBAGE = (b"$-5\r\n", b"*2147483647\r\n", b"@@@\r\n", b"$99999999999\r\n", b":12x\r\n", b"*1\r\n" * 10000, b"\x00\xff\x16\x03",
           b"$3\r\nabcdef\r\n")


class Rule:
    """One fault that is in force at one door."""

    def __init__(self, options, door_name):
        self.id, self.kind = options["id"], options["kind"]
        self.p, self.commands = options.get("p", 1.0), options.get("commands", "all")
        self.names = None if self.commands in ("all", "writes", "reads") else {n.encode() for n in self.commands}
        self.low_ms, self.high_ms = options.get("ms", (0, 0))
        self.text, self.left = options.get("text"), options.get("limit", -1)
        self.rng = random.Random(f"{options.get('seed', 0)}:{self.id}:{door_name}")
        self.done = 0

    def meets(self, name):
        if name in HOUSEKEEPING and self.names is None:
            return False
        if self.names is not None and name not in self.names:
            return False
        if self.commands == "writes" and name not in WRITES or self.commands == "reads" and name in WRITES:
            return False
        if self.left == 0 or self.rng.random() >= self.p:
            return False
        self.left -= 1
        self.done += 1
        return True

    def seconds(self):
        return self.rng.uniform(self.low_ms, self.high_ms) / 1000.0


def delay(link, slot, frame, rule):
    """The reply comes later; those behind it wait, as they would on the wire."""
    pause = rule.seconds()
    link.forward(frame, lambda reply: link.later(pause, slot.fill, reply))


def stall(link, _slot, frame, rule):
    """The connection says nothing for a while, in either direction; then all of it arrives."""
    link.stall(rule.seconds(), frame)


def cut_command(link, _slot, frame, rule):
    """The node gets the first bytes of the command, and the connection is gone."""
    link.send_node(frame[:rule.rng.randrange(1, len(frame))])
    link.cut()


def cut_reply(link, _slot, frame, rule):
    """The client gets the first bytes of the reply, and the connection is gone."""
    def on_reply(reply):
        link.flush()
        link.send_client(reply[:rule.rng.randrange(0, len(reply))])
        link.cut(gently=rule.rng.random() < 0.5)
    link.forward(frame, on_reply)


def drop_reply(link, _slot, frame, _rule):
    """Done, but nobody is told."""
    link.forward(frame, lambda reply: link.cut())


def late(link, _slot, frame, rule):
    """The client loses its connection; the node gets the command long after."""
    link.detach(rule.seconds(), frame)


def twice(link, slot, frame, _rule):
    """As after a lost connection: what was in doubt was done, and is sent again. The second answer is the one that counts."""
    link.forward(frame, lambda reply: None)
    link.forward(frame, slot.fill)


def again(link, slot, frame, rule):
    """The same, with others' commands in between."""
    link.forward(frame, lambda reply: link.later(rule.seconds(), link.repeat, frame, slot))


def error(link, slot, _frame, rule):
    """Refused before anything was done."""
    del link
    slot.fill(b"-" + rule.text.encode() + b"\r\n")


def error_after(link, slot, frame, rule):
    """Done, and answered by an error that does not say so."""
    link.forward(frame, lambda reply: slot.fill(b"-" + rule.text.encode() + b"\r\n"))


def garbage(link, slot, frame, rule):
    link.forward(frame, lambda reply: slot.fill(rule.rng.choice(GARBAGE)))


def pieces(link, slot, frame, rule):
    """The reply in pieces of a few bytes, each a TLS record of its own."""
    link.forward(frame, lambda reply: slot.fill(reply, rule.rng.randrange(1, 8)))


KINDS = {function.__name__: function for function in (delay, stall, cut_command, cut_reply, drop_reply, late, twice, again,
                                                      error, error_after, garbage, pieces)}
