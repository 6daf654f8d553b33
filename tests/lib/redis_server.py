"""One real redis-server on a free port of the loopback, without TLS, for tests of what the server itself decides."""

import pathlib
import shutil
import socket
import subprocess
import time

from resp import Error, Status


class Server:
    """Started by the constructor; stop() ends it. call() sends one command and returns its reply."""

    def __init__(self, directory, *options):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        log = pathlib.Path(directory) / "redis.log"
        engine = shutil.which("redis-server") or shutil.which("valkey-server")
        self.process = subprocess.Popen(
            [engine, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory),
             "--logfile", str(log), *options])
        deadline = time.monotonic() + 10
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=10)
                break
            except ConnectionRefusedError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise RuntimeError(log.read_text()) from None
                time.sleep(0.01)
        self.stream = self.socket.makefile("rb")

    def stop(self):
        self.stream.close()
        self.socket.close()
        self.process.terminate()
        self.process.wait(timeout=10)

    def call(self, *words):
        parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        request = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        self.socket.sendall(request)
        return self._reply()

    def _reply(self):
        line = self.stream.readline()[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return Status(rest.decode())
        if kind == b"-":
            return Error(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.stream.read(int(rest) + 2)[:-2]
        return [self._reply() for _ in range(int(rest))]
