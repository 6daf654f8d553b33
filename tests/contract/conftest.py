"""Fixtures: one cluster for the whole layer, with a cache and S3, all resources switched on, and the npm packages of the tools."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lib"))

import contract  # noqa: E402
import npm_packages  # noqa: E402
from http_client import Client  # noqa: E402
from local_cluster import LocalCluster  # noqa: E402
from program import binary  # noqa: E402, F401 (a fixture)


contract.served = contract.ALL


@pytest.fixture(scope="session")
def printed(binary):
    """printed("config", "--routes"): what the program prints; a Markdown table as a list of rows."""
    def run(*words):
        text = subprocess.run([binary, *words], capture_output=True, text=True, timeout=10, check=True).stdout
        rows = [line.strip("|").split("|") for line in text.splitlines()[2:] if line.startswith("|")]
        return [[cell.strip().strip("`") for cell in row] for row in rows] if rows else text.strip()
    return run


@pytest.fixture(scope="session")
def cluster(tmp_path_factory, binary):
    local = LocalCluster(tmp_path_factory.mktemp("cluster"), binary, shards=3, replicas=0, objects=True,
                         env={"CUSTOMERD_RESOURCES": ",".join(contract.ALL)})
    with local:
        yield local


@pytest.fixture(scope="session")
def plain(cluster):
    """An instance as it is without settings for resources."""
    return cluster.start_instance(env={"CUSTOMERD_RESOURCES": ""})


@pytest.fixture
def client(cluster):
    with Client(cluster.url) as c:
        yield c


@pytest.fixture(scope="session")
def tools():
    """The folder of the linters and of what drives the browser."""
    return npm_packages.install(ROOT / "tests" / "contract")


@pytest.fixture(scope="session")
def sdk():
    """The folder of the SDK generators."""
    return npm_packages.install(ROOT / "tests" / "sdk")


@pytest.fixture(scope="session")
def pictures():
    """Where screenshots go, for a person to look at."""
    folder = npm_packages.build_folder() / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
