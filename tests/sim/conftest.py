"""What the scenarios share: a scripted cluster, the probe, and load."""

import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
for folder in (str(HERE), str(HERE.parent / "lib")):
    if folder not in sys.path:
        sys.path.insert(0, folder)

import pytest  # noqa: E402

from certificates import CertificateAuthority, server_context  # noqa: E402
from load import Load  # noqa: E402
from probe_client import Probe  # noqa: E402
from rotation import Rotation  # noqa: E402
from scripted_cluster import ScriptedCluster  # noqa: E402

NAMES = ("localhost", "*.sim.test")
NEVER_SENT = ("MULTI", "EXEC", "HELLO", "READONLY", "SUBSCRIBE")


def pytest_collection_modifyitems(items):
    """What runs beside the others is looked at last."""
    items.sort(key=lambda item: "real_time_rotation" in item.fixturenames)


def test_build():
    """The build folder that holds the probe."""
    return pathlib.Path(os.environ.get("CUSTOMERD_TEST_BUILD", ROOT / "build" / "dev"))


test_build.__test__ = False


def memory_factor():
    """How much more memory the probe may take than a plain build: sanitizers keep freed memory and pad what is used."""
    cache = (test_build() / "CMakeCache.txt").read_text(encoding="utf-8")
    return 1 if "CUSTOMERD_SANITIZE:STRING=\n" in cache else 4


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return CertificateAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def node_files(authority):
    return authority.issue(NAMES)


class World:
    """Makes what a scenario needs, and ends it. Nodes present certificates for localhost and *.sim.test."""

    def __init__(self, directory, authority, node_files):
        self.directory = directory
        self.authority = authority
        self._node_files = node_files
        self._ends = []
        self.clusters = []
        self.probes = []
        self.memory_factor = memory_factor()
        self.names_file = directory / "names"
        self.names({})

    def context(self, files=None, **kinds):
        return server_context(files or self._node_files, **kinds)

    def cluster(self, shards=2, tls=True, **kinds):
        cluster = ScriptedCluster(shards, (lambda label: self.context()) if tls else (lambda label: None), **kinds)
        self.clusters.append(cluster)
        self._ends.append(cluster.stop)
        return cluster

    def probe(self, cluster, endpoint=None, threads=16, **settings):
        """A probe of the cluster, not yet connected. Settings are CUSTOMERD_ names without the prefix, or AWS_ names."""
        chosen = {"DB_ENDPOINT": endpoint or cluster.nodes[0].address, "DB_AUTH": "none",
                  "DB_TLS": "on" if cluster.nodes[0].context else "off", "DB_CA_FILE": self.authority.ca_file,
                  "DB_CONNECT_TIMEOUT_MS": 1000, "DB_TOPOLOGY_REFRESH_S": 3600}
        chosen.update(settings)
        environment = {name if name.startswith("AWS_") else f"CUSTOMERD_{name}": value
                       for name, value in chosen.items() if value is not None}
        probe = Probe(test_build() / "tests" / "sim" / "probe", environment, threads, self.names_file)
        self.probes.append(probe)
        self._ends.append(probe.stop)
        return probe

    def ready(self, cluster, **settings):
        """A probe that is connected to every shard."""
        probe = self.probe(cluster, **settings)
        probe.wait_ready()
        return probe

    def pair(self, **settings):
        """A cluster of two shards and a probe that is connected to both."""
        cluster = self.cluster()
        return cluster, self.ready(cluster, **settings)

    def load(self, cluster, probe, **kinds):
        return Load(cluster, probe, **kinds)

    def names(self, table):
        """What the probe's resolver says: a dict from host name to a list of addresses, "fail" or "hang". Of
        nowhere.sim.test it never knows anything."""
        table = {"nowhere.sim.test": "fail", **table}
        lines = [f"{name} {said if isinstance(said, str) else ' '.join(said)}\n" for name, said in table.items()]
        fresh = self.names_file.with_suffix(".new")
        fresh.write_text("".join(lines))
        fresh.rename(self.names_file)

    def later(self, end):
        """Calls the function at the end of the test."""
        self._ends.append(end)

    def end(self):
        problems = []
        for end in reversed(self._ends):
            try:
                end()
            except AssertionError as problem:
                problems.append(str(problem))
        for cluster in self.clusters:
            problems += [f"the client sent {event}" for event in cluster.commands() if event.name in NEVER_SENT]
        assert not problems, "\n".join(problems)


@pytest.fixture
def world(tmp_path, authority, node_files, request):
    world = World(tmp_path, authority, node_files)
    request.node.world = world
    yield world
    world.end()


@pytest.fixture(scope="session", autouse=True)
def rotation_beside_the_tests(request, tmp_path_factory, authority, node_files):
    """Starts at once, when a test that wants it is among those that run, since it takes a minute."""
    if not any("real_time_rotation" in item.fixturenames for item in request.session.items):
        yield None
        return
    world = World(tmp_path_factory.mktemp("rotation"), authority, node_files)
    rotation = Rotation(world)
    rotation.start()
    yield rotation
    rotation.join(600)
    world.end()


@pytest.fixture
def real_time_rotation(rotation_beside_the_tests):
    return rotation_beside_the_tests


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    world = getattr(item, "world", None)
    if report.failed and world is not None:
        for i, cluster in enumerate(world.clusters):
            report.sections.append((f"cluster {i}: what happened", cluster.story()))
        for i, probe in enumerate(world.probes):
            report.sections.append((f"probe {i}: log", "\n".join(probe.log[-40:] + probe.report[-60:])))
