"""What the tests of deploy/ share. They need root only where Debian's packages are missing."""

import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import kubectl as kubectls  # noqa: E402
from kubernetes_schema import Schema, load_all  # noqa: E402
from program import binary  # noqa: E402, F401 (a fixture)

OVERLAYS = ("eks-pod-identity", "eks-irsa", "plain")


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def data():
    folder = pathlib.Path(os.environ.get("CUSTOMERD_TEST_DATA", ROOT.parent / "shared" / "data")) / "kubernetes"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent")
    return folder


@pytest.fixture(scope="session")
def schema(data):
    return Schema(data)


@pytest.fixture(scope="session")
def kubectl():
    """{version: path} of every kubectl that there is."""
    return kubectls.all_kubectls(ROOT / "build" / "kubectl")


@pytest.fixture(scope="session")
def rendered(kubectl):
    """{overlay: {kubectl's version: objects}}"""
    folder = ROOT / "deploy" / "kubernetes" / "overlays"
    return {overlay: {version: load_all(kubectls.kustomize(program, folder / overlay))
                      for version, program in kubectl.items()} for overlay in OVERLAYS}


@pytest.fixture(scope="session")
def newest(rendered):
    """{overlay: objects}, as the newest kubectl renders them."""
    def number(version):
        return [int(part) for part in version.lstrip("v").split("-")[0].split("+")[0].split(".")]

    return {overlay: by_version[max(by_version, key=number)] for overlay, by_version in rendered.items()}
