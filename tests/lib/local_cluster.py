"""A private local cluster with customerd on it, for tests: the same code as deploy/local/up, on free ports.

    with LocalCluster(tmp_path / "cluster", binary) as local:
        requests to local.url; local.nodes[0].kill(); local.nodes[0].restart(); local.start_instance({...}).url

With objects=True there are a cache's cluster and S3 beside it: local.objects (local_memorydb/objects.py), whose cache.nodes are
nodes as above, and local.s3 (local_memorydb/s3.py: S3Client), which changes S3 behind the service.

Nodes (local_memorydb/node.py): name, port, pid, role, id, log_path, command(*words), connect(), kill() (SIGKILL), stop()
(SIGTERM), pause() (SIGSTOP), resume() (SIGCONT), start(), restart(). Node i < shards is made the primary of shard i, and
node shards + i follows node i mod shards; failovers change that: ask `role`, or primary_of_slot.
Instances (local_memorydb/service.py): url, admin_url, port, admin_port, pid, exit_code, log_path, error_path, stop(),
process.signal(n), wait_until_ready().
"""

import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "deploy" / "local"
if str(PACKAGE) not in sys.path:
    sys.path.insert(0, str(PACKAGE))

# pylint: disable=wrong-import-position
import npm_packages  # noqa: E402
from access_string import CACHE_PATH, PATH, access_rules  # noqa: E402
from local_memorydb import ports, topology  # noqa: E402
from local_memorydb.cluster import DEFAULTS, REGION, RESOURCE, SERVICE, Cluster  # noqa: E402
from local_memorydb.home import Home  # noqa: E402
from local_memorydb.node import APPLICATION, APPLICATION_RULES  # noqa: E402,F401
from local_memorydb.objects import BUCKETS, MEMORY, Objects  # noqa: E402
from local_memorydb.processes import stop_all  # noqa: E402
from local_memorydb.resp import Connection, ReplyError  # noqa: E402,F401
from local_memorydb.s3 import SOURCE  # noqa: E402
from local_memorydb.service import Service  # noqa: E402
from local_memorydb.tokens import Generation, Signer  # noqa: E402
from program import program_path  # noqa: E402

ALL_RESOURCES = "customers,sessions,objects"
SANITIZER_SIGNS = ("Sanitizer", "runtime error:")


def default_acl(path=PATH):
    """What customerd's user may do: all that MemoryDB lets a user do, or, with CUSTOMERD_TEST_ACL=terraform, no more
    than deploy/terraform gives it."""
    chosen = os.environ.get("CUSTOMERD_TEST_ACL", "")
    if chosen not in ("", "terraform"):
        raise AssertionError(f"CUSTOMERD_TEST_ACL is {chosen!r}: terraform, or nothing")
    return access_rules(path) if chosen else APPLICATION_RULES


class LocalCluster:
    """Everything is below `directory` (new or empty). env goes to every customerd that is started here. redis_options are
    lines of the nodes' configuration that overrule the usual ones; {directory} in them is the node's own."""

    def __init__(self, directory, binary=None, shards=3, replicas=1, auth="iam", token_ttl=900, credential_ttl=3600,
                 connection_ttl=0, env=None, engine=None, acl=None, redis_options=(), objects=False, cache_memory=None):
        self.home = Home(directory)
        self.binary, self.env = Path(binary or program_path()).absolute(), dict(env or {})
        self.options = {**DEFAULTS, "shards": shards, "replicas": replicas, "auth": auth, "token_ttl": token_ttl,
                        "credential_ttl": credential_ttl, "connection_ttl": connection_ttl, "debug_commands": True,
                        "test_control": True, "engine": engine or DEFAULTS["engine"],
                        "access_rules": acl or default_acl(), "redis_options": "\n".join(redis_options)}
        self.cluster, self.instances, self._guard, self._names = None, [], None, 0
        self._with_objects, self._cache_memory, self.objects, self.s3 = objects, cache_memory or MEMORY, None, None

    # ---- life ----

    def start(self, service=True):
        """Starts the cluster and, unless told otherwise, one customerd, which is ready then."""
        self.home.open()
        self._guard = subprocess.Popen([sys.executable, "-m", "local_memorydb.guard", self.home.path], cwd=PACKAGE,
                                       stdin=subprocess.PIPE)
        try:
            self.cluster = Cluster.prepare(self.home, self.options)
            self.cluster.start_nodes()
            self.cluster.form()
            if self._with_objects:
                self._start_objects()
            else:
                self.cluster.start_authority()
            if service:
                self.start_instance()
        except BaseException:
            self._end()
            raise
        return self

    def _start_objects(self):
        program = npm_packages.install(SOURCE)
        self.objects = Objects(self.home, program, self.options, (*BUCKETS, "with.dots"), cache_memory=self._cache_memory,
                               cache_options={"access_rules": default_acl(CACHE_PATH)})
        self.objects.start_cache()
        self.cluster.start_authority(others=[self.objects.cache_home])
        self.objects.start_s3()
        self.s3 = self.objects.client(self.credentials)

    def start_instance(self, env=None, wait=True, binary=None):
        """Another customerd on the same cluster, on ports of its own, with env over the cluster's settings."""
        self._names += 1
        port, admin_port = ports.choose(2)
        instance = Service(self.home, f"customerd-{self._names}", binary or self.binary, port, admin_port,
                           {**self.client_settings(), **self.env, **(env or {})})
        instance.start()
        self.instances.append(instance)
        if wait:
            instance.wait_until_ready()
        return instance

    def stop(self):
        """Stops everything; fails when a sanitizer found something in a customerd."""
        self._end()
        reports = [text for instance in self.instances if instance.error_path.exists()
                   and any(sign in (text := instance.error_path.read_text(errors="replace")) for sign in SANITIZER_SIGNS)]
        if reports:
            raise AssertionError("a sanitizer found:\n" + "\n".join(reports)[:20000])

    def _end(self):
        stop_all([instance.process for instance in self.instances], 15)
        if self.objects is not None:
            self.objects.stop()
        if self.cluster is not None:
            self.cluster.stop()
        if self._guard is not None:
            self._guard.stdin.close()
            self._guard.wait()
            self._guard = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # ---- what is there ----

    @property
    def url(self):
        return self.instances[0].url

    @property
    def admin_url(self):
        return self.instances[0].admin_url

    @property
    def pid(self):
        """Of the first customerd."""
        return self.instances[0].pid

    @property
    def log_path(self):
        return self.instances[0].log_path

    @property
    def nodes(self):
        return self.cluster.nodes

    def shard_nodes(self, shard):
        """All nodes of a shard; the one that was made its primary stands first."""
        return self.nodes[shard::self.options["shards"]]

    def primary_of_slot(self, slot):
        """The node that says now that it serves this slot."""
        for node in self.nodes:
            if node.pid is None or node.role != "primary":
                continue
            for entry in node.command("CLUSTER", "SLOTS"):
                if entry[0] <= slot <= entry[1] and entry[2][1] == node.port:
                    return node
        raise AssertionError(f"no node serves slot {slot}")

    def wait_until_whole(self, timeout_s=30):
        """Until every node serves or follows and all know it."""
        topology.wait_until_whole(self.nodes, self.options["shards"], self.options["replicas"],
                                  time.monotonic() + timeout_s)

    def wait_until_cache_is_whole(self, timeout_s=30):
        """As above, of the cache; and the nodes know the valid tokens again."""
        state = self.objects.cache.state
        topology.wait_until_whole(self.objects.cache.nodes, state["shards"], state["replicas"], time.monotonic() + timeout_s)
        self.cluster.start_authority()

    # ---- signing in ----

    def client_settings(self):
        """The environment of a client of this cluster, and of all that is beside it."""
        beside = {} if self.objects is None else {"CUSTOMERD_RESOURCES": ALL_RESOURCES, **self.objects.settings()}
        return {**self.cluster.client_settings(), **beside}

    def credentials(self):
        """What the authority hands out now (the container providers' document)."""
        return self._authority("GET", "/v1/credentials")

    def set_credentials_mode(self, mode, for_s):
        """ok, error, hang or garbage: how the credential endpoint answers for that long."""
        return self._authority("POST", "/test/mode", {"mode": mode, "for_s": for_s})

    def token(self, second=None, *, user=APPLICATION, resource=RESOURCE, service=SERVICE, region=REGION, ttl_s=None,
              secret=None):
        """A token that botocore signs, with the authority's credentials unless another secret is given."""
        found = self.credentials()
        generation = Generation(found["AccessKeyId"], secret or found["SecretAccessKey"], found["Token"], 0, 0)
        signer = Signer(resource, user, service, region, ttl_s or self.options["token_ttl"])
        return signer.token(generation, int(time.time()) if second is None else second)

    def sign_in(self, node, password, user=APPLICATION):
        """A connection to the node as that user; ReplyError (WRONGPASS) when it refuses."""
        return Connection(node.port, self.home.tls / "ca.crt", user, password)

    def _authority(self, method, path, document=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.cluster.state["authority_port"], timeout=5)
        try:
            connection.request(method, path, body=None if document is None else json.dumps(document),
                               headers={"Authorization": self.home.secret("credentials-token")})
            response = connection.getresponse()
            body = response.read()
            if response.status != 200:
                raise AssertionError(f"the authority answered {response.status}: {body!r}")
            return json.loads(body)
        finally:
            connection.close()
