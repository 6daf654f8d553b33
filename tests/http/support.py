"""Help for several tests: running in parallel, load in the background, and which shard a customer lives in."""

import contextlib
import socket
import threading
import time
import uuid

from http_client import Client, path_of

SAMPLE = {"name": "Danilo", "address": "Somewhere in London", "phone": "+1-555-2106", "email": "danilop@example.net",
          "balance": 1000}


def unique_email(tag="c"):
    return f"{tag}.{uuid.uuid4().hex[:16]}@example.net"


@contextlib.contextmanager
def slow_reader(service, request):
    """A connection on which the request was sent, and of whose answer the kernel takes little before it is read."""
    with contextlib.closing(socket.socket()) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        s.settimeout(20)
        s.connect(("127.0.0.1", service.port))
        s.sendall(request.encode())
        yield s


def together(functions, timeout_s=60):
    """Runs the functions in threads that start at once; returns their results in order, raises the first failure."""
    barrier = threading.Barrier(len(functions))
    results = [None] * len(functions)
    failures = []

    def run(i, function):
        try:
            barrier.wait(timeout_s)
            results[i] = function()
        except BaseException as e:  # noqa: B902 (handed to the caller)
            failures.append(e)

    threads = [threading.Thread(target=run, args=(i, f), daemon=True) for i, f in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout_s)
        assert not thread.is_alive(), "a thread is still running"
    if failures:
        raise failures[0]
    return results


class Load:
    """Mixed requests from several threads until stop(). Every answer that isn't what it must be is kept in failures.

    Each thread has customers of its own, so it knows what every answer must be: the load checks the data as well.
    url may be a function, so that a test can send the load elsewhere; headers go with every request."""

    def __init__(self, url, threads=4, pause_s=0.0, headers=None, proxied=False):
        self.url = url if callable(url) else (lambda: url)
        self.pause_s, self.headers, self.proxied = pause_s, headers, proxied
        self.failures = []
        self.requests = 0
        self.slowest_s = 0.0
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), "the load doesn't stop"

    def count(self):
        with self.lock:
            return self.requests

    def _fail(self, what):
        with self.lock:
            self.failures.append(f"{time.strftime('%H:%M:%S')} {what}")

    def _step(self, client, method, path, statuses, value=None, **headers):
        response = client.request(method, path, value, headers=self.headers, **headers)
        with self.lock:
            self.requests += 1
            self.slowest_s = max(self.slowest_s, response.elapsed_s)
        response.expect(*statuses)
        if self.pause_s:
            self.stopping.wait(self.pause_s)
        return response

    def _round(self, client):
        email, moved = unique_email("load"), unique_email("load")
        made = self._step(client, "POST", "/customers", [201], {"name": "Load", "email": email, "balance": 1},
                          idempotency_key=uuid.uuid4().hex).json()
        path = path_of(made)
        for balance in (2, 3):
            self._step(client, "PATCH", path, [200], {"balance": balance})
        got = self._step(client, "GET", path, [200]).json()
        assert got["balance"] == 3 and got["version"] == 3, f"lost an update: {got}"
        self._step(client, "PATCH", path, [200], {"email": moved})
        self._step(client, "GET", "/customers?limit=5", [200])
        found = self._step(client, "GET", f"/customers?email={moved}", [200]).json()["items"]
        assert [c["id"] for c in found] == [made["id"]], f"not found by its new e-mail: {found}"
        self._step(client, "PUT", path, [200], {"name": "Load", "balance": 4}, if_match='"4"')
        self._step(client, "DELETE", path, [204])
        self._step(client, "GET", path, [404])

    def _run(self):
        client, url = None, None
        while not self.stopping.is_set():
            if client is None or url != self.url():
                if client:
                    client.close()
                url = self.url()
                client = Client(url, proxied=self.proxied)
            try:
                self._round(client)
            except (AssertionError, ConnectionError) as e:
                self._fail(f"{type(e).__name__}: {e}")
                if len(self.failures) > 20:
                    break
        if client:
            client.close()

    def assert_clean(self):
        assert not self.failures, f"{len(self.failures)} failed of {self.requests}, first:\n" + \
            "\n".join(self.failures[:3])


def bucket_of(customer_id):
    """The 8 bits after the version digit of the UUIDv7."""
    return int(customer_id[15:17], 16)


def slot_of(customer_id):
    return 64 * bucket_of(customer_id) + 32


def customers_by_shard(client, ranges, each):
    """Makes customers until every shard (a list of (first, last) slots) holds `each` of them; a list a shard."""
    shards = [[] for _ in ranges]
    for _ in range(400):
        if all(len(s) >= each for s in shards):
            return shards
        made = client.create(email=unique_email("shard"))
        for shard, (first, last) in zip(shards, ranges):
            if first <= slot_of(made["id"]) <= last and len(shard) < each:
                shard.append(made)
    raise AssertionError(f"customers don't spread over the shards: {[len(s) for s in shards]}")


def walk(client, limit, pause=None):
    """The ids of a whole listing, in order."""
    ids, cursor, pages = [], None, 0
    while True:
        path = f"/customers?limit={limit}" + (f"&cursor={cursor}" if cursor else "")
        page = client.get(path).expect(200).json()
        assert len(page["items"]) <= limit
        ids += [c["id"] for c in page["items"]]
        cursor = page.get("next_cursor")
        pages += 1
        if not cursor:
            return ids
        if pause:
            pause(pages)
