"""The fault proxies, one door before each node, in one process: TLS ends here on both sides.

    python3 -m lab.proxy CONFIG      {"ca":, "doors": [{"name":, "port":, "node_port":}], "certificates": {kind: [cert, key]}}

Commands come on standard input, one JSON object a line, and are answered on standard output:
  rule {door, rule}   met {id}   unrule {id}   set {door, refuse|silent|frozen|durable|wrongpass|certificate: value}
  cut {door}   kill {pid, at, after}   reset   stats   slow
A door is an index, or "*" for all. The end of the input ends the proxy."""

import asyncio
import collections
import json
import os
import signal
import socket
import ssl
import struct
import sys
import time

from .proxy_link import ClientSide, Link, NodeSide, abort
from .proxy_rules import Rule

HANDSHAKE_S = 10.0
SLOW_S = 0.7


class Killer:
    """Kills a process at the n-th command that comes through, before the node gets it, or when the node has answered."""

    def __init__(self, options):
        self.pid, self.at, self.after, self.seen = options["pid"], options["at"], options["after"], 0

    def meets(self, link, slot, frame):
        """True when the command has been dealt with here."""
        self.seen += 1
        if self.seen != self.at:
            return False
        if not self.after:
            os.kill(self.pid, signal.SIGKILL)
            link.cut()
            return True

        def on_reply(_reply):
            os.kill(self.pid, signal.SIGKILL)
            link.cut()
        del slot
        link.forward(frame, on_reply)
        return True


def reset(arrived):
    """Closes a connection by RST."""
    if arrived.fileno() >= 0:
        arrived.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        arrived.close()


class Door:
    """What stands before one node."""

    def __init__(self, proxy, options):
        self.proxy, self.name = proxy, options["name"]
        self.port, self.node_port = options["port"], options["node_port"]
        self.rules, self.links, self.held, self.unsettled = [], set(), [], set()
        self.refuse = self.silent = self.frozen = self.durable = self.wrongpass = False
        self.certificate = "good"
        self.not_kept = 0
        self.opened = collections.Counter()  # certificate -> connections that were signed in under it

    async def accept(self):
        """Takes connections, each as this door treats them now."""
        with socket.create_server(("127.0.0.1", self.port), backlog=512) as server:
            server.setblocking(False)
            while True:
                arrived, _ = await asyncio.get_running_loop().sock_accept(server)
                if self.refuse:
                    reset(arrived)
                elif self.silent or self.frozen:
                    self.held.append(arrived)
                else:
                    self.proxy.keep(self.open(arrived))

    async def open(self, arrived):
        """The node first: where it hangs or is gone, so does the client's handshake."""
        loop, link = asyncio.get_running_loop(), Link(self)
        self.links.add(link)
        link.certificate = self.certificate
        try:
            await loop.create_connection(lambda: NodeSide(link), "127.0.0.1", self.node_port, ssl=self.proxy.client_context,
                                         server_hostname="localhost", ssl_handshake_timeout=HANDSHAKE_S)
            client, _ = await loop.connect_accepted_socket(lambda: ClientSide(link), arrived,
                                                           ssl=self.proxy.contexts[link.certificate],
                                                           ssl_handshake_timeout=HANDSHAKE_S)
        except (OSError, ssl.SSLError, asyncio.TimeoutError):
            reset(arrived)
            link.end()
            return
        link.opened = True
        self.opened[link.certificate] += 1
        if link.node is None:
            abort(client)
            return
        link.flush()
        link.pump_client()

    def set(self, options):
        for name, value in options.items():
            setattr(self, name, value)
        if not self.frozen:
            for link in list(self.links):
                link.go_on()
        if not (self.silent or self.frozen):
            for arrived in self.held:
                reset(arrived)
            self.held = []

    def cut(self):
        for link in list(self.links):
            link.cut()


class Proxy:
    """All doors."""

    def __init__(self, config):
        self.doors = [Door(self, options) for options in config["doors"]]
        self.ports = {door.node_port: door.port for door in self.doors}
        self.client_context = ssl.create_default_context(cafile=config["ca"])
        self.contexts = {kind: self.server_context(files) for kind, files in config["certificates"].items()}
        self.killer, self.commands, self.tasks, self.slow = None, 0, set(), []

    @staticmethod
    def server_context(files):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        return context

    def note_slow(self, since_s, slow_s=SLOW_S):
        """A machine that has no time: what a node answered late, or what this process did late."""
        now_s = time.monotonic()
        if now_s - since_s > slow_s:
            self.slow.append((int(since_s * 1e9), int(now_s * 1e9)))

    async def watch_itself(self):
        while True:
            since_s = time.monotonic()
            await asyncio.sleep(0.1)
            self.note_slow(since_s)

    def keep(self, coroutine):
        task = asyncio.get_running_loop().create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def chosen(self, door):
        return self.doors if door == "*" else [self.doors[door]]

    def handle(self, request):
        do = request.pop("do")
        return getattr(self, "do_" + do)(**request)

    def do_rule(self, door, rule):
        for one in self.chosen(door):
            one.rules.append(Rule(rule, one.name))

    def do_met(self, id):  # pylint: disable=redefined-builtin
        return sum(rule.done for door in self.doors for rule in door.rules if rule.id == id)

    def do_unrule(self, id):  # pylint: disable=redefined-builtin
        done = self.do_met(id)
        for door in self.doors:
            door.rules = [rule for rule in door.rules if rule.id != id]
        return done

    def do_set(self, door, **options):
        for one in self.chosen(door):
            one.set(options)

    def do_reset(self):
        """No fault is left in force."""
        self.killer = None
        for door in self.doors:
            door.rules = []
            door.set({"refuse": False, "silent": False, "frozen": False, "durable": False, "wrongpass": False,
                      "certificate": "good"})

    def do_cut(self, door):
        for one in self.chosen(door):
            one.cut()

    def do_deliver(self):
        """What is late arrives now: how many there were."""
        return sum(link.deliver_late() for door in self.doors for link in list(door.links))

    def do_kill(self, pid, at, after):
        self.killer = Killer({"pid": pid, "at": at, "after": after}) if pid else None

    def do_slow(self):
        return self.slow

    def do_stats(self):
        return {"commands": self.commands, "seen": self.killer.seen if self.killer else 0,
                "not_kept": sum(door.not_kept for door in self.doors),
                "opened": [door.opened for door in self.doors], "links": [len(door.links) for door in self.doors]}

    async def run(self):
        loop = asyncio.get_running_loop()
        self.keep(self.watch_itself())
        for door in self.doors:
            self.keep(door.accept())
        await asyncio.sleep(0)  # each listens now
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        print(json.dumps({"ready": True}), flush=True)
        while line := await reader.readline():
            try:
                answer = {"ok": self.handle(json.loads(line))}
            except Exception as failure:  # pylint: disable=broad-except  # told to the lab, which fails
                answer = {"error": repr(failure)}
            print(json.dumps(answer), flush=True)

def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        config = json.load(file)
    asyncio.run(Proxy(config).run())


if __name__ == "__main__":
    main()
