"""A proxy before S3: it counts what is asked, and does to requests what a rule says.

    with S3Proxy(s3.port) as proxy:             proxy.url is what the service is given
        proxy.count("GET", key="a")             how often
        with proxy.rule("hang", key="a"):       while it lasts; kinds are below

Kinds, each for the requests that it fits (method, bucket, key; times: only so many of them):
  latency   S3's answer comes seconds later
  hold      the request goes to S3 when the rule ends
  hang      no answer, until the rule ends; then the connection is closed. S3 is not asked
  answer    status and S3's error code instead of S3
  lose      S3 is asked, and the connection is closed without an answer
  refuse    the connection is closed before S3 is asked
  cut       the connection is closed after so many bytes of the body
  trickle   the body comes in pieces of so many bytes, seconds apart
  kill      the process pid is killed: before S3 is asked, or (after=True) when S3 has answered
"""

import asyncio
import collections
import contextlib
import os
import signal
import socket
import threading
import time
import urllib.parse

HEAD_MAX = 64 << 10
PIECE = 64 << 10
KINDS = {"latency": {"seconds"}, "hold": set(), "hang": set(), "answer": {"status", "code"}, "lose": set(), "refuse": set(),
         "cut": {"bytes"}, "trickle": {"bytes", "seconds"}, "kill": {"pid", "after"}}

Seen = collections.namedtuple("Seen", "method bucket key query headers at_s")


class Rule:
    """met: how many requests it was applied to."""

    def __init__(self, kind, method, bucket, key, times, options):
        if kind not in KINDS or set(options) != KINDS[kind]:
            raise ValueError(f"{kind} with {sorted(options)}")
        self.kind, self.method, self.bucket, self.key, self.times, self.options = kind, method, bucket, key, times, options
        self.met, self.ended = 0, asyncio.Event()

    def fits(self, seen):
        wanted = ((self.method, seen.method), (self.bucket, seen.bucket), (self.key, seen.key))
        return (self.times is None or self.met < self.times) and all(w is None or w == got for w, got in wanted)


class Closed(Exception):
    """The connection is to be closed."""


class S3Proxy:
    """Everything it does runs on a thread of its own. open_now, open_most, opened: connections, now, at most, and in all."""

    def __init__(self, s3_port):
        self.s3_port, self.port = s3_port, None
        self.answered = collections.Counter()
        self.seen, self._rules, self._tasks, self._writers = [], [], set(), set()
        self.open_now, self.open_most, self.opened = 0, 0, 0
        self._lock = threading.Lock()
        self._loop, self._server = asyncio.new_event_loop(), None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    # ---- for tests ----

    def __enter__(self):
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(self, *_):
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def virtual_url(self):
        """For virtual-host style: buckets stand before it."""
        return f"http://s3.localhost:{self.port}"

    def requests(self, method=None, bucket=None, key=None):
        """All that fit, in their order."""
        wanted = {"method": method, "bucket": bucket, "key": key}
        with self._lock:
            return [s for s in self.seen if all(v is None or getattr(s, name) == v for name, v in wanted.items())]

    def count(self, method=None, bucket=None, key=None):
        return len(self.requests(method, bucket, key))

    def s3_has_answered(self, method, key):
        """How often S3 has; its answers may be held back here."""
        with self._lock:
            return self.answered[method, key]

    def forget(self):
        """Counting begins anew."""
        with self._lock:
            self.seen.clear()
            self.answered.clear()
            self.open_most, self.opened = self.open_now, 0

    @contextlib.contextmanager
    def rule(self, kind, method=None, bucket=None, key=None, times=None, **options):
        rule = Rule(kind, method, bucket, key, times, options)
        with self._lock:
            self._rules.append(rule)
        try:
            yield rule
        finally:
            with self._lock:
                self._rules.remove(rule)
            self._loop.call_soon_threadsafe(rule.ended.set)

    @contextlib.contextmanager
    def gone(self):
        """Meanwhile nobody listens on the port, and what was open is closed."""
        self._call(self._close())
        try:
            yield
        finally:
            self._call(self._listen())

    # ---- on the thread ----

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)

    async def _listen(self):
        # The same port when it comes back.
        listener = socket.create_server(("127.0.0.1", self.port or 0), backlog=4096)
        # asyncio does so only where a socket names its protocol, which those of create_server do not. Without it a body waits for the
        # acknowledgement of its head, which the kernel puts off by 40 ms: each miss would take that long.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port = listener.getsockname()[1]
        self._server = await asyncio.start_server(self._accepted, sock=listener, limit=HEAD_MAX)

    async def _close(self):
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accepted(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        self._writers.add(writer)
        self.open_now, self.opened = self.open_now + 1, self.opened + 1
        self.open_most = max(self.open_most, self.open_now)
        upstream = None
        try:
            upstream = await asyncio.open_connection("127.0.0.1", self.s3_port, limit=HEAD_MAX)
            while await self._exchange(reader, writer, upstream):
                pass
        except (Closed, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass
        finally:
            self.open_now -= 1
            self._writers.discard(writer)
            self._tasks.discard(task)
            writer.transport.abort()
            if upstream is not None:
                upstream[1].transport.abort()

    async def _exchange(self, reader, writer, upstream):
        head = await read_head(reader)
        if head is None:
            return False
        seen = parse(head)
        length = int(seen.headers.get("content-length", "0"))
        if "expect" in seen.headers:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await reader.readexactly(length)
        with self._lock:
            self.seen.append(seen)
            rules = [rule for rule in self._rules if rule.fits(seen)]
            for rule in rules:
                rule.met += 1
        for rule in rules:
            await before(rule, reader, writer)
        if any(rule.kind == "answer" for rule in rules):
            rule = next(rule for rule in rules if rule.kind == "answer")
            writer.write(own_answer(seen, rule.options["status"], rule.options["code"]))
            await writer.drain()
            return True
        upstream[1].write(without_expect(head) + body)
        await upstream[1].drain()
        return await self._answer(seen, rules, writer, upstream[0])

    async def _answer(self, seen, rules, writer, reader):
        head = await read_head(reader)
        if head is None:
            raise Closed
        with self._lock:
            self.answered[seen.method, seen.key] += 1
        for rule in rules:
            if rule.kind == "latency":
                await asyncio.sleep(rule.options["seconds"])
            if rule.kind == "kill":
                kill(rule.options["pid"])
            if rule.kind in ("lose", "kill"):
                raise Closed
        status, fields = int(head.split(b" ", 2)[1]), fields_of(head)
        if "transfer-encoding" in fields:
            raise AssertionError("S3 answers in chunks")
        length = 0 if seen.method == "HEAD" or status in (204, 304) else int(fields.get("content-length", "0"))
        writer.write(head)
        await body_through(reader, writer, length, rules)
        return fields.get("connection", "").lower() != "close"


async def read_head(reader):
    """None at the end of the connection."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None


async def before(rule, reader, writer):
    """What is done before S3 is asked."""
    if rule.kind == "hold":
        await rule.ended.wait()
    elif rule.kind == "hang":
        gone = asyncio.ensure_future(reader.read(1))
        await asyncio.wait({gone, asyncio.ensure_future(rule.ended.wait())}, return_when=asyncio.FIRST_COMPLETED)
        raise Closed
    elif rule.kind == "refuse":
        raise Closed
    elif rule.kind == "kill" and not rule.options["after"]:
        kill(rule.options["pid"])
        raise Closed


async def body_through(reader, writer, length, rules):
    cut = min((rule.options["bytes"] for rule in rules if rule.kind == "cut"), default=None)
    slow = next((rule for rule in rules if rule.kind == "trickle"), None)
    piece = slow.options["bytes"] if slow else PIECE
    sent = 0
    while sent < length:
        part = await reader.readexactly(min(piece, length - sent))
        if cut is not None and sent + len(part) > cut:
            writer.write(part[:cut - sent])
            await writer.drain()
            # Closed in order, so that what was written arrives.
            writer.write_eof()
            await asyncio.sleep(0.05)
            raise Closed
        writer.write(part)
        await writer.drain()
        sent += len(part)
        if slow and sent < length:
            await asyncio.sleep(slow.options["seconds"])
    await writer.drain()


def kill(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def fields_of(head):
    lines = head.decode("latin-1").split("\r\n")[1:]
    return {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}


def without_expect(head):
    return b"\r\n".join(line for line in head.split(b"\r\n") if not line.lower().startswith(b"expect:"))


def parse(head):
    method, target, _ = head.decode("latin-1").split("\r\n", 1)[0].split(" ")
    headers = fields_of(head)
    path, _, query = target.partition("?")
    host = headers.get("host", "").partition(":")[0]
    if host.endswith(".s3.localhost"):
        bucket, raw = host.removesuffix(".s3.localhost"), path[1:]
    else:
        bucket, _, raw = path[1:].partition("/")
    key = urllib.parse.unquote(raw, errors="surrogateescape")
    return Seen(method, bucket, key, query, headers, time.monotonic())


def own_answer(seen, status, code):
    body = (f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>The test wants it</Message></Error>').encode()
    head = f"HTTP/1.1 {status} {code}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    return head if seen.method == "HEAD" else head + body
