"""Objects over HTTP, and the world that tests of them live in: a cluster, a cache, S3, and a proxy before S3."""

import asyncio
import contextlib
import re
import urllib.parse

from http_client import Client, wait_until
from local_cluster import ALL_RESOURCES
from s3_proxy import S3Proxy

RESOURCES = tuple(ALL_RESOURCES.split(","))
BUCKET = "catalogue"
UNRESERVED = "-._~/"


def path_of(key, bucket=BUCKET):
    return f"/objects/{bucket}/{urllib.parse.quote(key, safe=UNRESERVED, errors='surrogateescape')}"


class ObjectsClient(Client):
    """A client of a service that serves objects. Headers are named as in Client.request."""

    def __init__(self, url, **options):
        super().__init__(url, resources=RESOURCES, **options)

    def read(self, key, bucket=BUCKET, method="GET", **options):
        return self.request(method, path_of(key, bucket), **options)

    def write(self, key, body, bucket=BUCKET, content_type="text/plain", **options):
        return self.request("PUT", path_of(key, bucket), body=body, content_type=content_type, **options)

    def remove(self, key, bucket=BUCKET, **options):
        return self.request("DELETE", path_of(key, bucket), **options)

    def tell(self, event, **options):
        return self.post("/objects/events", event, **options)


def came_from(response):
    """hit, miss, stale or bypass"""
    return response.header("X-Cache")


class ObjectsWorld:
    """local: the cluster with a cache and S3 (LocalCluster). s3: changes S3 behind the service. proxy: what the services ask."""

    def __init__(self, local):
        self.local, self.s3 = local, local.s3
        self.proxy = S3Proxy(local.objects.s3.port)

    def __enter__(self):
        self.proxy.__enter__()
        return self

    def __exit__(self, *_):
        self.proxy.__exit__()

    def start(self, **env):
        return self.local.start_instance(env={"AWS_ENDPOINT_URL_S3": self.proxy.url, **env})

    @property
    def cache_nodes(self):
        return self.local.objects.cache.nodes

    def stored(self, key, letter="?", bucket=BUCKET):
        """(node, name) of what the cache has of an object: letter o the entry, l the lease."""
        # KEYS takes patterns: what would be one in the key's own name is found literally.
        literal = re.sub(r"([*?\[\]\\^])", r"\\\1", f":{bucket}:{key}")
        return [(node, name) for node in self.cache_nodes if node.pid is not None
                for name in node.command("KEYS", "{*}" + letter + literal)]

    def forget(self, key, bucket=BUCKET):
        """As if the cache had evicted it."""
        for node, name in self.stored(key, bucket=bucket):
            node.command("DEL", name)

    @contextlib.contextmanager
    def cache_gone(self):
        """Meanwhile the cache's nodes are dead; afterwards they are empty."""
        for node in self.cache_nodes:
            node.kill()
        try:
            yield
        finally:
            for node in self.cache_nodes:
                node.restart()
            self.local.wait_until_cache_is_whole()


async def _one(port, key, bucket):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path_of(key, bucket)} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        return int(lines[0].split()[1]), dict(line.lower().split(": ", 1) for line in lines[1:]), body
    finally:
        writer.close()


def read_at_once(ports, key, bucket=BUCKET):
    """One GET to each of the ports, all at the same time: (status, headers, body) of each."""
    async def all_of_them():
        return await asyncio.gather(*(_one(port, key, bucket) for port in ports))
    return asyncio.run(all_of_them())


def active_requests(instances):
    total = 0
    for instance in instances:
        with Client(instance.admin_url, listener="admin") as admin:
            text = admin.get("/metrics").expect(200).body.decode()
        total += sum(int(float(value)) for value in re.findall(r"^http_server_active_requests\{[^}]*\} (\S+)$", text, re.M))
    return total


def wait_until_ready(instance, timeout_s=20):
    wait_until(instance.is_ready, timeout_s, "the service is ready")
