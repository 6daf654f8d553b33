"""What a benchmark runs on: a private cluster, the customerds, and the peers' processes; all of it is stopped at the end."""

import os
import socket
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lib"))

# pylint: disable=wrong-import-position
from local_cluster import LocalCluster, ports, stop_all  # noqa: E402
from local_memorydb.processes import Process  # noqa: E402

PEER_USER, PEER_PASSWORD = "bench", "only for the benchmark"
SHARDS = 3
# Replication and the log are MemoryDB's own work, done elsewhere: here they would take the processor that is measured.
NO_LOG = ("appendonly no", "appendfsync no")


class World:
    """with World(directory, binary) as world: the cluster is up, no customerd and no peer yet. objects: with a cache and S3."""

    def __init__(self, directory, binary, redis_options=NO_LOG, objects=False):
        self.directory = Path(directory)
        self.local = LocalCluster(self.directory, binary, shards=SHARDS, replicas=0, redis_options=redis_options, objects=objects)
        self.processes, self.closers = [], []  # closers: what else is to be stopped

    def __enter__(self):
        self.local.start(service=False)
        try:
            for node in self.local.nodes:
                node.command("ACL", "SETUSER", PEER_USER, "on", f">{PEER_PASSWORD}", "~*", "&*", "+@all")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for close in self.closers:
            close()
        stop_all(self.processes, 5)
        self.local.stop()

    @property
    def ca_file(self):
        return self.local.home.tls / "ca.crt"

    @property
    def node_pids(self):
        return [node.pid for node in self.local.nodes]

    def path(self, name):
        return self.local.home.bin / name

    def start_process(self, name, argv, env=None, port=None, timeout_s=30):
        """Starts a program that serves on the port, and does not wait: wait_for_port does."""
        process = Process(name, self.local.home.run)
        with open(self.local.home.log / f"{name}.log", "ab") as log:
            process.start(argv, env={**os.environ, **(env or {})}, stdout=log, cwd=self.local.home.bin)
        self.processes.append(process)
        if port is not None:
            self.wait_for_port(process, port, timeout_s)
        return process

    def wait_for_port(self, process, port, timeout_s=30):
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                if process.pid is None or time.monotonic() > deadline:
                    log = self.local.home.log / f"{process.name}.log"
                    raise AssertionError(f"{process.name} does not listen:\n{log.read_text(errors='replace')[-2000:]}") from None
                time.sleep(0.02)

    def free_port(self):
        return ports.choose(1)[0]

    def peer_environment(self):
        """How a peer signs in to the cluster: by a user with a password of its own."""
        return {"DB_PORT": str(self.local.nodes[0].port), "DB_CA_FILE": str(self.ca_file), "DB_USER": PEER_USER,
                "DB_PASSWORD": PEER_PASSWORD}

    def connections(self):
        """slot -> a connection to the node that serves it."""
        opened = [node.connect(timeout_s=60) for node in self.local.nodes]
        shard_of = [slot * SHARDS // 16384 for slot in range(16384)]
        for shard in range(SHARDS):
            # The first and the last slot of a shard, as the local cluster deals them out.
            first, last = shard * 16384 // SHARDS, (shard + 1) * 16384 // SHARDS - 1
            for slot in range(first, last + 1):
                shard_of[slot] = shard
        return lambda slot: opened[shard_of[slot]]

    def empty_logs(self):
        """Logs are written for real, but not kept: a long run would fill the disk."""
        for path in self.local.home.log.glob("*.log"):
            os.truncate(path, 0)
