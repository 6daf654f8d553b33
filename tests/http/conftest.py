"""Fixtures: one cluster for most tests, one that is for breaking, and clients.

CUSTOMERD_TEST_BINARY names the program (build/dev/customerd)."""

import os
import pathlib
import re
import sys
import uuid

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from http_client import Client, wait_until  # noqa: E402
from local_cluster import LocalCluster  # noqa: E402

pytest.register_assert_rewrite("support")

SANITIZER_REPORT = re.compile(rb"ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error:")


def pytest_configure(config):
    config.addinivalue_line("markers", "concurrent: many threads at once; runs under the thread sanitizer too")


@pytest.fixture(scope="session")
def binary():
    path = pathlib.Path(os.environ.get("CUSTOMERD_TEST_BINARY", ROOT / "build" / "dev" / "customerd")).resolve()
    if not path.exists():
        pytest.fail(f"{path} is not built (CUSTOMERD_TEST_BINARY)", pytrace=False)
    return path


def check_logs(directory):
    """No sanitizer has complained in any log below the directory."""
    for path in pathlib.Path(directory).rglob("*"):
        if path.is_file() and path.suffix in (".log", ".err", ".out", ".stderr", ".stdout"):
            text = path.read_bytes()
            found = SANITIZER_REPORT.search(text)
            assert not found, f"{path}: {text[found.start():found.start() + 6000].decode(errors='replace')}"


@pytest.fixture(scope="session")
def start_cluster(tmp_path_factory, binary):
    """start_cluster(name, **options) starts a cluster that is stopped at the end of the session."""
    running = []

    def start(name, **options):
        directory = tmp_path_factory.mktemp(name)
        cluster = LocalCluster(directory, binary, **options)
        running.append((cluster, directory))
        cluster.start()
        return cluster

    yield start
    for cluster, _ in reversed(running):
        cluster.stop()
    for _, directory in running:
        check_logs(directory)


@pytest.fixture(scope="session")
def cluster(start_cluster):
    return start_cluster("cluster", shards=3, replicas=1)


@pytest.fixture(scope="session")
def second(cluster):
    """Another instance on the same cluster, whose healing runs fast."""
    return ready(cluster.start_instance(env={"CUSTOMERD_SWEEP_INTERVAL_MS": "200", "CUSTOMERD_SCRUB_PAUSE_MS": "1"}))


@pytest.fixture(scope="session")
def strict(cluster):
    """An instance that demands If-Match."""
    return ready(cluster.start_instance(env={"CUSTOMERD_REQUIRE_IF_MATCH": "on"}))


@pytest.fixture(scope="session")
def breakable(start_cluster):
    """A cluster whose nodes may be stopped and killed; each test leaves it whole."""
    return start_cluster("breakable", shards=3, replicas=1)


def ready(instance):
    with Client(instance.admin_url) as admin:
        wait_until(lambda: admin.get("/readyz").status == 200, 20, "the instance is ready")
    return instance


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
    with Client(cluster.admin_url) as c:
        yield c


@pytest.fixture
def email():
    """A new address at each call."""
    return lambda tag="c": f"{tag}.{uuid.uuid4().hex[:16]}@example.net"


@pytest.fixture
def key():
    """A new idempotency key at each call."""
    return lambda: uuid.uuid4().hex
