"""The nodes and the IAM authority of one home, as one thing: made, started again on its data, stopped."""

import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from . import ports, topology
from .errors import LocalError
from .node import APPLICATION, APPLICATION_RULES, Node
from .processes import Process, stop_all

RESOURCE, SERVICE, REGION = "customerd-local", "memorydb", "eu-west-1"
DEFAULTS = {"shards": 3, "replicas": 1, "auth": "iam", "token_ttl": 900, "credential_ttl": 3600, "connection_ttl": 0,
            "engine": "/usr/bin/redis-server", "debug_commands": False, "test_control": False,
            "access_rules": APPLICATION_RULES, "redis_options": "", "resource": RESOURCE, "service": SERVICE, "kind": "node",
            "has_authority": True}
# Data are laid out for these; they can't change under existing data.
LAYOUT = ("shards", "replicas")


class Cluster:
    """Reads its settings from the home's state."""

    def __init__(self, home):
        self.home, self.state = home, home.state()
        self.nodes = [Node(home, index, port, bus_port, self.state["engine"], self.state["debug_commands"],
                           self.state["access_rules"], self.state.get("redis_options", ""), self.state.get("kind", "node"))
                      for index, (port, bus_port) in enumerate(self.state.get("ports", []))]
        self.authority = Process("authority", home.run)

    @classmethod
    def prepare(cls, home, options):
        """Decides on ports where there is no cluster yet, and takes the options that may change."""
        state = home.state()
        if state.get("whole"):
            for name in LAYOUT:
                if state[name] != options[name]:
                    raise LocalError(f"the data in {home.path} are of a cluster with {state['shards']} shards and "
                                     f"{state['replicas']} replicas each: --fresh deletes them and changes that")
        else:
            if state:
                # An earlier start was cut off while the cluster was made; nothing was stored yet.
                cls(home).stop()
                home.forget()
                home.open()
            count = options["shards"] * (1 + options["replicas"])
            chosen = ports.choose(2 * count + 1)
            state = {"whole": False, "ports": list(zip(chosen[:count], chosen[count:])), "authority_port": chosen[-1],
                     "region": REGION}
        state.update(options)
        home.remember(state)
        from . import tls  # pylint: disable=import-outside-toplevel  # its package may not be installed yet elsewhere
        tls.ensure(home.tls)
        return cls(home)

    @property
    def processes(self):
        return [self.authority, *(node.process for node in self.nodes)]

    @property
    def running(self):
        """The names of what runs and of what does not."""
        up = [p.name for p in self.processes if p.pid is not None]
        needed = [p.name for p in self.processes if p is not self.authority or self._needs_authority()]
        return up, [name for name in needed if name not in up]

    def _needs_authority(self):
        wanted = self.state["auth"] == "iam" or self.state["connection_ttl"] > 0
        return wanted and self.state.get("has_authority", True)

    def start_nodes(self, timeout_s=60):
        """Starts the nodes that don't run, on their data, and waits until they answer."""
        deadline = time.monotonic() + timeout_s
        for node in self.nodes:
            if node.pid is None:
                node.start()
        for node in self.nodes:
            node.wait_until_up(deadline)

    def form(self, timeout_s=30):
        """Makes them a cluster if they are none yet, and waits until it is whole."""
        deadline = time.monotonic() + timeout_s
        if not self.state["whole"]:
            topology.create(self.nodes, self.state["shards"], deadline)
        topology.wait_until_whole(self.nodes, self.state["shards"], self.state["replicas"], deadline)
        self.state["whole"] = True
        self.home.remember(self.state)

    def start_authority(self, timeout_s=20, others=()):
        """Starts the authority, and waits until every node knows the valid tokens. others: homes of clusters that it rules,
        too."""
        if not self._needs_authority():
            return
        if self.authority.pid is None:
            port = self.state["authority_port"]
            if not ports.is_free(port):
                raise LocalError(f"port {port}, which the IAM authority has, is taken by another program: end it")
            package = Path(__file__).resolve().parent.parent
            with open(self.home.log / "authority.log", "ab") as log:
                self.authority.start([sys.executable, "-m", "local_memorydb.authority", self.home.path,
                                      *(other.path for other in others)], stdout=log, stderr=subprocess.STDOUT, cwd=package,
                                     env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
        topology.wait_for(self._authority_lacks, time.monotonic() + timeout_s, "the IAM authority is not ready")

    def _authority_lacks(self):
        if self.authority.pid is None:
            raise LocalError(f"the IAM authority ended at its start: see {self.home.log / 'authority.log'}")
        connection = http.client.HTTPConnection("127.0.0.1", self.state["authority_port"], timeout=2)
        try:
            connection.request("GET", "/health")
            health = json.load(connection.getresponse())
        finally:
            connection.close()
        return None if health["ready"] else f"nodes: {health['nodes']}"

    def credentials(self):
        """What the authority hands out now: the container providers' document."""
        connection = http.client.HTTPConnection("127.0.0.1", self.state["authority_port"], timeout=5)
        try:
            connection.request("GET", "/v1/credentials", headers={"Authorization": self.home.secret("credentials-token")})
            return json.load(connection.getresponse())
        finally:
            connection.close()

    def stop(self, grace_s=10.0):
        stop_all(self.processes, grace_s)

    def client_settings(self):
        """The environment with which a customerd, or another program, reaches this cluster."""
        settings = {"CUSTOMERD_DB_ENDPOINT": f"localhost:{self.nodes[0].port}",
                    "CUSTOMERD_DB_CA_FILE": str(self.home.tls / "ca.crt"), "CUSTOMERD_DB_AUTH": self.state["auth"],
                    "CUSTOMERD_DB_USER": APPLICATION}
        if self.state["auth"] == "password":
            self.home.application_password()
            return {**settings, "CUSTOMERD_DB_PASSWORD_FILE": str(self.home.secrets / "customerd-password")}
        self.home.secret("credentials-token")
        return {**settings, "CUSTOMERD_IAM_SERVICE": self.state["service"],
                "CUSTOMERD_IAM_RESOURCE": self.state["resource"],
                "CUSTOMERD_IAM_TOKEN_TTL_S": str(self.state["token_ttl"]), "AWS_REGION": REGION,
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{self.state['authority_port']}/v1/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(self.home.secrets / "credentials-token"),
                # Nothing of the user's own account is asked before the authority, or instead of it.
                "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
                "AWS_EC2_METADATA_DISABLED": "true"}
