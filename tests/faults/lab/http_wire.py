"""A small HTTP/1.1 client on asyncio that says exactly what is known of a request: not sent, answered, or lost."""

import asyncio

NOT_SENT, LOST = "not-sent", "lost"


class Answer:
    __slots__ = ("status", "headers", "body")

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


class Failure(Exception):
    """`known` is NOT_SENT (nothing reached the service) or LOST (it may have been done)."""

    def __init__(self, known, why):
        super().__init__(f"{known}: {why}")
        self.known = known


class Wire:
    """One keep-alive connection at a time to one instance; one request at a time."""

    def __init__(self, port):
        self.port, self.reader, self.writer = port, None, None

    async def request(self, method, path, headers, body, timeout_s):
        data = self._encode(method, path, headers, body)
        if self.reader is not None and (self.reader.at_eof() or self.writer.is_closing()):
            self.close()
        if self.reader is None:
            await self._connect(timeout_s)
        try:
            self.writer.write(data)
            async with asyncio.timeout(timeout_s):  # without a task of its own, as wait_for has
                return await self._answer(method)
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError, IndexError) as failure:
            self.close()
            raise Failure(LOST, repr(failure)) from failure

    async def _connect(self, timeout_s):
        try:
            self.reader, self.writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", self.port), timeout_s)
        except (OSError, asyncio.TimeoutError) as failure:
            self.close()
            raise Failure(NOT_SENT, repr(failure)) from failure

    @staticmethod
    def _encode(method, path, headers, body):
        lines = [f"{method} {path} HTTP/1.1", "Host: lab"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body is not None or method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {len(body or b'')}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")

    async def _answer(self, method):
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(head[0].split(" ", 2)[1])
        headers = {}
        for line in head[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if method == "HEAD" or status in (204, 304):
            body = b""
        elif "content-length" in headers:
            body = await self.reader.readexactly(int(headers["content-length"]))
        else:
            body = await self.reader.read()
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(status, headers, body)

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None
