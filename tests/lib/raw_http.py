"""HTTP over a bare socket, for requests that no client library would send. The answers are held against the contract."""

import select
import socket
import time
import urllib.parse

import contract


class RawResponse:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # list of (name, value)
        self.body = body

    def header(self, name):
        return next((v for k, v in self.headers if k.lower() == name.lower()), None)

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:300]!r}>"


class Closed(Exception):
    """The server closed the connection where an answer was awaited."""


class RawConnection:
    def __init__(self, url, timeout_s=10.0):
        split = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((split.hostname, split.port), timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.timeout_s = timeout_s
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        """False when the server has closed."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def readable(self, timeout_s):
        return bool(self.pending) or self._arrives(timeout_s)

    def _arrives(self, timeout_s):
        poll = select.poll()  # select() knows no descriptor above 1023
        poll.register(self.socket, select.POLLIN)
        return bool(poll.poll(max(0, timeout_s) * 1000))

    def _fill(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0 or not self._arrives(left):
            raise TimeoutError(f"no answer in time; so far {self.pending[:500]!r}")
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Closed(self.pending)
        self.pending += data

    def response(self, timeout_s=None, head=False):
        """The next answer (interim ones are skipped). Closed when the server closes first."""
        deadline = time.monotonic() + (timeout_s or self.timeout_s)
        while b"\r\n\r\n" not in self.pending:
            self._fill(deadline)
        top, self.pending = self.pending.split(b"\r\n\r\n", 1)
        lines = top.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:]]
        if 100 <= status < 200:
            return self.response(max(0.01, deadline - time.monotonic()), head)
        answer = RawResponse(status, headers, b"")
        if head or status in (204, 304):
            return self._judged(answer)
        length = answer.header("Content-Length")
        if length is not None:
            while len(self.pending) < int(length):
                self._fill(deadline)
            answer.body, self.pending = self.pending[:int(length)], self.pending[int(length):]
            return self._judged(answer)
        try:
            while True:
                self._fill(deadline)
        except Closed:
            answer.body, self.pending = self.pending, b""
        return self._judged(answer)

    @staticmethod
    def _judged(answer):
        contract.judge_unaddressed(answer.status, answer.headers, answer.body)
        return answer

    def responses_until_closed(self, timeout_s=None):
        """All answers until the server closes; TimeoutError when it doesn't."""
        answers = []
        deadline = time.monotonic() + (timeout_s or self.timeout_s)
        while True:
            try:
                answers.append(self.response(max(0.01, deadline - time.monotonic())))
            except Closed:
                return answers

    def closed_within(self, timeout_s):
        """True when the server closes within the time; what it still sends is thrown away."""
        deadline = time.monotonic() + timeout_s
        try:
            while True:
                self.pending = b""
                self._fill(deadline)
        except Closed:
            return True
        except TimeoutError:
            return False


def exchange(url, data, timeout_s=10.0):
    """Sends the bytes and returns (answers, closed)."""
    with RawConnection(url, timeout_s) as connection:
        connection.send(data)
        try:
            answers = [connection.response(timeout_s)]
        except Closed:
            return [], True
        while True:
            try:
                answers.append(connection.response(0.3))
            except Closed:
                return answers, True
            except TimeoutError:
                return answers, False
