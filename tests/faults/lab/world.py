"""The lab's world: a real cluster, a proxy before each node, and several customerd that know only the proxies."""

import collections
import contextlib
import os
import pathlib
import signal
import sys
import time

TESTS = pathlib.Path(__file__).resolve().parents[2]
if str(TESTS / "lib") not in sys.path:
    sys.path.insert(0, str(TESTS / "lib"))

# pylint: disable=wrong-import-position
from certificates import CertificateAuthority  # noqa: E402
from local_cluster import LocalCluster, ReplyError  # noqa: E402, F401
from local_memorydb.errors import LocalError  # noqa: E402, F401
from local_memorydb import ports  # noqa: E402

from . import preload  # noqa: E402
from .pipe import LogPipe  # noqa: E402
from .proxy_client import ProxyProcess  # noqa: E402

REQUEST_TIMEOUT_MS = 3000
SERVICE = {"CUSTOMERD_REQUEST_TIMEOUT_MS": str(REQUEST_TIMEOUT_MS), "CUSTOMERD_SWEEP_INTERVAL_MS": "1000",
           "CUSTOMERD_SCRUB_PAUSE_MS": "100", "CUSTOMERD_DRAIN_TIMEOUT_MS": "4000"}
# Of the nodes' configuration, what faults change.
USUAL = {"maxmemory": "0", "min-replicas-to-write": "0", "maxclients": "10000", "save": "", "rdb-key-save-delay": "0",
         "busy-reply-threshold": "5000"}
# Long enough for a fault, short enough that a run of minutes sees many ends.
LIVES = {"token_ttl": 60, "credential_ttl": 120, "connection_ttl": 90}


def wait_until(condition, timeout_s, what, pause_s=0.03):
    deadline = time.monotonic() + timeout_s
    while True:
        seen = condition()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(pause_s)


def replication_offset(info):
    return int(next(line.split(":")[1] for line in info.splitlines() if line.startswith("master_repl_offset")))


def replica_offsets(info):
    lines = [line for line in info.splitlines() if line.startswith("slave") and "offset=" in line]
    return [int(line.split("offset=")[1].split(",")[0]) for line in lines]


class World:
    """with World(directory) as world: world.local (LocalCluster), world.proxy, world.instances."""

    def __init__(self, directory, binary=None, instances=3, env=None, lives=None):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.local = LocalCluster(self.directory / "cluster", binary, env={**SERVICE, **(env or {})},
                                  **(LIVES if lives is None else lives))
        self.proxy, self.count, self.served, self.clock, self.piped = None, instances, [], None, None
        self.tally = collections.Counter()  # what faults did: kills of a service, failovers

    def __enter__(self):
        self.local.start(service=False)
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _start(self):
        home = self.local.home
        chosen = ports.choose(len(self.nodes))
        doors = [{"name": node.name, "port": port, "node_port": node.port} for node, port in zip(self.nodes, chosen)]
        foreign = CertificateAuthority(self.directory / "foreign", "an authority that nobody trusts")
        trusted = (str(home.tls / "server.crt"), str(home.tls / "server.key"))
        certificates = {"good": trusted, "untrusted": foreign.issue(), **self._own_certificates()}
        self.proxy = ProxyProcess(self.directory, home.tls / "ca.crt", doors, certificates)
        self.door_ports = chosen
        for node in self.nodes:
            self.forbid_failover(node)
        self._start_instances()

    def _start_instances(self):
        """The first has a clock that can be moved, the second a pipe for its log."""
        library = preload.build(self.directory)
        self.clock = preload.Control(self.directory, "clock", library)
        self.piped = LogPipe(self.directory, self.local.binary)
        kinds = [{"env": self.clock.environment}, {"binary": self.piped.program}]
        for number in range(self.count):
            self.start_instance(**(kinds[number] if number < len(kinds) else {}))
        self.served = list(self.instances)

    def _own_certificates(self):
        """Of an authority that the services trust beside the cluster's: only dates and names are wrong."""
        authority = CertificateAuthority(self.directory / "authority")
        bundle = self.directory / "bundle.pem"
        bundle.write_bytes((self.local.home.tls / "ca.crt").read_bytes() + pathlib.Path(authority.ca_file).read_bytes())
        self.bundle = str(bundle)
        return {"new": authority.issue(), "expired": authority.expired(), "early": authority.not_yet_valid(),
                "wrong-name": authority.issue(["elsewhere.example"])}

    def start_instance(self, env=None, wait=True, through_proxy=True, binary=None):
        settings = {"CUSTOMERD_DB_CA_FILE": self.bundle}
        if through_proxy:
            settings["CUSTOMERD_DB_ENDPOINT"] = f"localhost:{self.door_ports[0]}"
        return self.local.start_instance(env={**settings, **(env or {})}, wait=wait, binary=binary)

    def __exit__(self, *_):
        for node in self.local.nodes if self.local.cluster else []:
            node.resume()
        for instance in self.instances:
            instance.process.signal(signal.SIGCONT)
        try:
            self.local.stop()
        finally:
            if self.proxy is not None:
                self.proxy.stop()
            if self.piped is not None:
                self.piped.close()

    @property
    def nodes(self):
        return self.local.nodes

    @property
    def instances(self):
        return self.local.instances

    # ---- nodes ----

    @staticmethod
    def forbid_failover(node, forbid=True):
        """A replica takes over only where a fault means it to: plain Redis may lose what it acknowledged."""
        node.command("CONFIG", "SET", "cluster-replica-no-failover", "yes" if forbid else "no")

    def restart(self, node):
        if node.pid is None:
            node.start()
        node.wait_until_up(time.monotonic() + 30)
        self.forbid_failover(node)

    def mend(self):
        """After a fault that broke off: nodes and services run, and nothing that a fault sets is left."""
        self.proxy.call("reset")
        for node in self.nodes:
            if node.pid is not None:
                node.resume()
            self.restart(node)
            for name, value in USUAL.items():
                node.command("CONFIG", "SET", name, value)
            node.command("CLIENT", "UNPAUSE")
        self.local.set_credentials_mode("ok", 0)
        self.piped.read_on()
        self.clock.jump(0)
        for instance in self.served:
            instance.process.signal(signal.SIGCONT)
            if instance.pid is None:
                instance.start()
            instance.wait_until_ready()

    def kill(self, instance):
        """SIGKILL to a service."""
        os.kill(instance.pid, signal.SIGKILL)
        self.tally["service kills"] += 1

    def start_again(self, instance):
        wait_until(lambda: instance.pid is None, 20, f"{instance.name} has ended")
        instance.start()
        instance.wait_until_ready()

    def slot_maps(self):
        """Each node's answer to who serves what and under which epoch; what it says of slots on their way as well."""
        return {node.name: sorted((fields[0], fields[6], *fields[8:]) for line in node.command("CLUSTER", "NODES").splitlines()
                                  if len(fields := line.split()) > 8) for node in self.nodes}

    def settle(self, timeout_s=30):
        """Until the cluster is whole, all nodes agree on the slots and on their owners' epochs with no slot on its way, and each
        has its data in its append-only file: after a full synchronisation a node has none until that is written, and would
        lose all when killed."""
        self.local.wait_until_whole()
        wait_until(lambda: len({str(slots) for slots in self.slot_maps().values()}) == 1, timeout_s, "all nodes agree on the slots")
        wait_until(lambda: all("aof_rewrite_in_progress:0" in info and "aof_rewrite_scheduled:0" in info
                               for info in (node.command("INFO", "persistence") for node in self.nodes)),
                   timeout_s, "every node keeps its data")

    def replicated(self):
        """Every replica has all that its primary had at this moment."""
        wanted = {node.id: replication_offset(node.command("INFO", "replication")) for node in self.primaries()}

        def there():
            for primary in self.primaries():
                offsets = replica_offsets(primary.command("INFO", "replication"))
                if primary.id in wanted and not any(offset >= wanted[primary.id] for offset in offsets):
                    return False
            return True
        wait_until(there, 20, "the replicas have what their primaries have")

    @contextlib.contextmanager
    def durable(self):
        """Meanwhile a write is answered only when its replica has it: what MemoryDB's log does."""
        self.proxy.set("*", durable=True)
        self.replicated()
        try:
            yield
            # Whoever was a replica may be the primary now; what comes without WAIT again must not be lost later.
            self.settle()
        finally:
            self.proxy.set("*", durable=False)

    def door(self, node):
        return self.nodes.index(node)

    def primaries(self):
        """The nodes that serve slots now, in the order of their first slot."""
        for node in self.nodes:
            if node.pid is None:
                continue
            try:
                entries = sorted(node.command("CLUSTER", "SLOTS"), key=lambda entry: entry[0])
            except (OSError, ValueError, RuntimeError):
                continue
            by_port = {n.port: n for n in self.nodes}
            found = []
            for entry in entries:
                if by_port[entry[2][1]] not in found:
                    found.append(by_port[entry[2][1]])
            return found
        raise AssertionError("no node answers")

    def replica_of(self, primary):
        """A live replica of that node."""
        primary_id = primary.id
        for line in primary.command("CLUSTER", "NODES").splitlines():
            fields = line.split()
            if fields[3] == primary_id and not {"fail", "fail?"} & set(fields[2].split(",")):
                port = int(fields[1].split("@")[0].split(":")[-1])
                return next(n for n in self.nodes if n.port == port)
        raise AssertionError(f"{primary.name} has no replica")

    def memory(self, instance):
        """(descriptors, threads, resident kilobytes) of an instance."""
        status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{instance.pid}/status").read_text().splitlines())
        descriptors = len(os.listdir(f"/proc/{instance.pid}/fd"))
        return descriptors, int(status["Threads"]), int(status["VmRSS"].split()[0])
