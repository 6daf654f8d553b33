"""A client of one Redis node over TLS: RESP2, one connection, blocking with a timeout."""

import select
import socket
import ssl


class ReplyError(Exception):
    """The server answered with an error."""


class Connection:
    """Signs in as the given user; host name and chain are verified against ca_file."""

    def __init__(self, port, ca_file, user=None, password=None, timeout_s=2.0, host="localhost"):
        context = ssl.create_default_context(cafile=str(ca_file))
        plain = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
        self._replies = self._socket.makefile("rb")
        try:
            if user is not None:
                self.command("AUTH", user, password)
        except BaseException:
            self.close()
            raise

    def send(self, *words):
        parts = [b"*%d\r\n" % len(words)]
        for word in words:
            data = word if isinstance(word, bytes) else str(word).encode()
            parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
        self._socket.sendall(b"".join(parts))

    def command(self, *words):
        """One command and its reply: str, int, list or None; bytes where the reply is not UTF-8."""
        self.send(*words)
        reply = self.read()
        if isinstance(reply, ReplyError):
            raise reply
        return reply

    def read(self):
        """One reply; an error reply is returned, not raised, since it may stand within an array."""
        line = self._replies.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the node closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return ReplyError(rest.decode(errors="replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return self._bulk(int(rest))
        if kind == b"*":
            return None if int(rest) < 0 else [self.read() for _ in range(int(rest))]
        raise ConnectionError(f"not a reply: {line[:40]!r}")

    def _bulk(self, length):
        if length < 0:
            return None
        data = self._replies.read(length + 2)
        if len(data) != length + 2:
            raise ConnectionError("the node closed the connection")
        try:
            return data[:-2].decode()
        except UnicodeDecodeError:
            return data[:-2]

    def wait_readable(self, timeout_s):
        """Whether the node has sent something, or closed, within the time. For a connection that awaits no reply."""
        return bool(select.select([self._socket], [], [], timeout_s)[0])

    def close(self):
        self._replies.close()
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
