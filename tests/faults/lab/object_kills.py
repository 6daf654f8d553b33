"""The service is killed at every step of a write of an object: between every two commands to the cache and every two requests to
S3, before each of them and after its answer.

A victim writes through the proxies; another instance reads, past them. What must hold, from the moment when the write began:
what was acknowledged is read by all, at once and for ever; what was not is either the old content or the new; once somebody has
read the new content nobody reads the old; and when the fence's time is over everybody reads what S3 has, and it is cached."""

import contextlib
import http.client
import pathlib
import time
import urllib.parse
import uuid

from local_cluster import LocalCluster, ports
from s3_proxy import S3Proxy

from .proxy_client import ProxyProcess
from .world import wait_until

FENCE_S, S3_TIMEOUT_S = 2.0, 0.5
SETTINGS = {"CUSTOMERD_OBJECT_FENCE_MS": "2000", "CUSTOMERD_OBJECT_S3_TIMEOUT_MS": "500", "CUSTOMERD_REQUEST_TIMEOUT_MS": "1500"}
BUCKET, OLD, NEW = "catalogue", b"old", b"new and longer"
KINDS = ("create", "replace", "delete")
STEPS_MAX = 20
AFTERMATH_S = 0.15  # what is done after the answer is done then


def send(port, method, key, body=None, timeout_s=5):
    """(status, X-Cache, body), or None when the connection was lost."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request(method, f"/objects/{BUCKET}/{urllib.parse.quote(key)}", body, {"Content-Type": "text/plain"} if body else {})
        response = connection.getresponse()
        return response.status, response.getheader("X-Cache"), response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


class World:
    """with World(directory, binary) as world: world.victim, world.peaceful, world.cache_proxy, world.s3_proxy, world.s3."""

    def __init__(self, directory, binary=None):
        self.directory = pathlib.Path(directory)
        self.local = LocalCluster(self.directory / "cluster", binary, shards=1, replicas=0, objects=True, env=SETTINGS)
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.local.start(service=False)
            stack.callback(self.local.stop)
            self.s3 = self.local.s3
            self.s3_proxy = stack.enter_context(S3Proxy(self.local.objects.s3.port))
            home, nodes = self.local.objects.cache_home, self.local.objects.cache.nodes
            doors = [{"name": node.name, "port": port, "node_port": node.port}
                     for node, port in zip(nodes, ports.choose(len(nodes)))]
            trusted = (str(home.tls / "server.crt"), str(home.tls / "server.key"))
            self.cache_proxy = ProxyProcess(self.directory, home.tls / "ca.crt", doors, {"good": trusted})
            stack.callback(self.cache_proxy.stop)
            self.victim = self.local.start_instance(env={"CUSTOMERD_CACHE_ENDPOINT": f"localhost:{doors[0]['port']}",
                                                         "AWS_ENDPOINT_URL_S3": self.s3_proxy.url})
            self.peaceful = self.local.start_instance()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()


class Case:
    """One write that is killed at one step."""

    def __init__(self, world, kind, where):
        self.world, self.kind, self.where, self.key = world, kind, where, f"kill/{uuid.uuid4().hex}"
        self.before, self.after = (None if kind == "create" else OLD), (None if kind == "delete" else NEW)
        self.answer, self.began_s, self.seen_new = None, 0.0, False
        if self.before is not None:
            world.s3.put(BUCKET, self.key, OLD)
        for instance in (world.victim, world.peaceful):
            # The victim may have begun just now: ready it is before it has found the cache.
            wait_until(lambda i=instance: self.read(i) == (self.before, "hit"), 10, f"{self}: in the cache")

    def read(self, instance):
        """(content or None, X-Cache)"""
        answer = wait_until(lambda: (a := send(instance.port, "GET", self.key)) and a[0] < 500 and a, 10, f"{self}: read")
        assert answer[0] in (200, 404), f"{self}: {answer}"
        return (answer[2] if answer[0] == 200 else None), answer[1]

    def attempt(self):
        self.began_s = time.monotonic()
        if self.kind == "delete":
            self.answer = send(self.world.victim.port, "DELETE", self.key)
        else:
            self.answer = send(self.world.victim.port, "PUT", self.key, NEW)

    @property
    def acknowledged(self):
        return self.answer is not None and self.answer[0] in (200, 201, 204)

    def look(self):
        """What is read now, held against what may be."""
        content, _ = self.read(self.world.peaceful)
        assert content in (self.before, self.after), f"{self}: {content!r}"
        if content == self.after:
            self.seen_new = True
        assert content == self.after or not self.seen_new, f"{self}: the old content came back"
        assert content == self.after or not self.acknowledged, f"{self}: acknowledged, and the old content is read"

    def check_settled(self):
        """After the fence's time."""
        self.look()
        stored = self.world.s3.get(BUCKET, self.key)
        in_s3 = None if stored is None else stored.body
        for instance in (self.world.peaceful, self.world.victim):
            assert self.read(instance)[0] == in_s3, f"{self}: S3 has {in_s3!r}"
        content, source = self.read(self.world.peaceful)
        assert content == in_s3 and source == "hit", f"{self}: not cached again, but {source}"

    def __str__(self):
        return f"{self.kind}, killed {self.where}, answered {self.answer}"


def steps(world, kind, where, arm):
    """One case for each step, until the write has no more. arm(n) gives a context in which the n-th step kills."""
    cases = []
    for number in range(1, STEPS_MAX):
        case = Case(world, kind, f"{where} {number}")
        with arm(number, case):
            case.attempt()
            until = time.monotonic() + (AFTERMATH_S if case.answer else 5)
            while world.victim.pid is not None and time.monotonic() < until:
                time.sleep(0.005)
        killed = world.victim.pid is None
        case.look()
        if killed:
            world.victim.start()
            world.victim.wait_until_ready()
        case.look()
        cases.append(case)
        if not killed:
            assert case.acknowledged, str(case)
            return cases
    raise AssertionError(f"{kind}: more than {STEPS_MAX} steps")


def at_cache_commands(world, kind, after):
    @contextlib.contextmanager
    def arm(number, _case):
        world.cache_proxy.call("kill", pid=world.victim.pid, at=number, after=after)
        try:
            yield
        finally:
            world.cache_proxy.call("kill", pid=0, at=0, after=False)
    return steps(world, kind, f"{'after' if after else 'before'} command", arm)


def at_s3_requests(world, kind, after):
    @contextlib.contextmanager
    def arm(number, case):
        # The first request of the write, of which there is one: at the second step nothing kills any more.
        with contextlib.ExitStack() as stack:
            if number == 1:
                stack.enter_context(world.s3_proxy.rule("kill", key=case.key, times=1, pid=world.victim.pid, after=after))
            yield
    return steps(world, kind, f"{'after' if after else 'before'} the request to S3", arm)


def wait_for_fences(cases):
    """Until the last fence is over; meanwhile what is read stays right."""
    until = max(case.began_s for case in cases) + FENCE_S + S3_TIMEOUT_S
    while time.monotonic() < until:
        for case in cases:
            if time.monotonic() < until:
                case.look()
