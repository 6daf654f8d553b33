"""Fixtures: one cluster for most tests, one that is for breaking, and clients.

CUSTOMERD_TEST_BINARY names the program (build/dev/customerd)."""

import pathlib
import sys
import uuid

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import contract  # noqa: E402
from http_client import Client  # noqa: E402
from local_cluster import LocalCluster  # noqa: E402
from objects_client import ObjectsWorld  # noqa: E402
from program import binary  # noqa: E402, F401 (a fixture)

pytest.register_assert_rewrite("support", "store_keys")


def pytest_configure(config):
    config.addinivalue_line("markers", "matrix: hundreds of inputs of one kind; passed over by --sparse")
    config.addinivalue_line("markers", "concurrent: many threads at once; runs under the thread sanitizer too")


def pytest_sessionfinish(session):
    """Of several processes each tells the first one what it has judged."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["contract"] = contract.STATISTICS.told()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    contract.STATISTICS.take(getattr(node, "workeroutput", {}).get("contract", (0, 0.0, ())))


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(contract.STATISTICS.line())


@pytest.fixture(scope="session")
def start_cluster(tmp_path_factory, binary):
    """start_cluster(name, **options) starts a cluster; it is stopped at the end, which fails on a sanitizer's report."""
    running = []

    def start(name, service=True, **options):
        cluster = LocalCluster(tmp_path_factory.mktemp(name), binary, **options)
        cluster.start(service)
        running.append(cluster)
        return cluster

    yield start
    reports = []
    for cluster in reversed(running):
        try:
            cluster.stop()
        except AssertionError as e:
            reports.append(str(e))
    assert not reports, "\n".join(reports)


@pytest.fixture(scope="session")
def cluster(start_cluster):
    return start_cluster("cluster", shards=3, replicas=1)


@pytest.fixture(scope="session")
def second(cluster):
    """Another instance on the same cluster, whose healing runs fast."""
    return cluster.start_instance(env={"CUSTOMERD_SWEEP_INTERVAL_MS": "200", "CUSTOMERD_SCRUB_PAUSE_MS": "1"})


@pytest.fixture(scope="session")
def strict(cluster):
    """An instance that demands If-Match."""
    return cluster.start_instance(env={"CUSTOMERD_REQUIRE_IF_MATCH": "on"})


@pytest.fixture(scope="session")
def breakable(start_cluster):
    """A cluster whose nodes may be stopped and killed; each test leaves it whole."""
    return start_cluster("breakable", shards=3, replicas=1)


@pytest.fixture(scope="session")
def with_sessions(cluster):
    """start(**env): an instance that serves sessions, too."""
    def start(**env):
        return cluster.start_instance(env={"CUSTOMERD_RESOURCES": "customers,sessions", **env})
    return start


@pytest.fixture(scope="session")
def objects(start_cluster):
    """A cluster, a cache, S3 and a proxy before it (ObjectsWorld); no instance yet."""
    with ObjectsWorld(start_cluster("objects", service=False, shards=1, replicas=0, objects=True)) as world:
        yield world


@pytest.fixture(scope="session")
def objects_service(objects):
    return objects.start()


@pytest.fixture
def client(cluster):
    with Client(cluster.url) as c:
        yield c


@pytest.fixture
def other(second):
    with Client(second.url) as c:
        yield c


@pytest.fixture
def admin(cluster):
    with Client(cluster.admin_url, listener="admin") as c:
        yield c


@pytest.fixture
def email():
    """A new address at each call."""
    return lambda tag="c": f"{tag}.{uuid.uuid4().hex[:16]}@example.net"


@pytest.fixture
def key():
    """A new idempotency key at each call."""
    return lambda: uuid.uuid4().hex
