"""A cluster whose nodes stand behind hold_proxy: clients are told the proxies' ports, and only those."""

import time

import peers
from local_memorydb.resp import Connection
from world import NO_LOG, ROOT, World

PROXY = ROOT / "build" / "release" / "tests" / "bench" / "hold_proxy"
SOCKET = "redis.sock"
ANNOUNCED_S = 20


class HeldWorld(World):
    def __init__(self, directory, binary):
        super().__init__(directory, binary, redis_options=(*NO_LOG, f"unixsocket {{directory}}/{SOCKET}"))
        self.proxies, self.ports = [], []

    def __enter__(self):
        super().__enter__()
        try:
            self._start_proxies()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start_proxies(self):
        tls = self.local.home.tls
        for node in self.local.nodes:
            port = self.free_port()
            self.proxies.append(self.start_process(
                f"proxy-{node.index}", [PROXY, port, node.directory / SOCKET, tls / "server.crt", tls / "server.key"], port=port))
            self.ports.append(port)
            # A client without TLS, as the node sees the proxy, is told the other of the two ports.
            node.command("CONFIG", "SET", "cluster-announce-tls-port", port, "cluster-announce-port", port)
        self._wait_until_announced()

    def _wait_until_announced(self):
        deadline = time.monotonic() + ANNOUNCED_S
        for port in self.ports:
            while (told := self._told_by(port)) != set(self.ports):
                if time.monotonic() > deadline:
                    raise AssertionError(f"the nodes announce {told}, not the proxies' ports {self.ports}")
                time.sleep(0.05)

    def _told_by(self, port):
        with Connection(port, self.ca_file, "admin", self.local.home.admin_password()) as connection:
            return {entry[2][1] for entry in connection.command("CLUSTER", "SLOTS")}

    def start_customerd(self):
        return peers.start_customerd(self, "customerd", self.local.binary,
                                     {"CUSTOMERD_DB_ENDPOINT": f"localhost:{self.ports[0]}"})

    def tell(self, signal_number):
        for proxy in self.proxies:
            proxy.signal(signal_number)
