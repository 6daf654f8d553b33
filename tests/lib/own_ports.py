"""A pytest plugin (-p own_ports): each of several worker processes chooses its ports from a part of its own."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "deploy" / "local"))

from local_memorydb import ports  # noqa: E402


def pytest_configure(config):
    worker = getattr(config, "workerinput", None)
    if worker is None:
        return
    size = (ports.LAST - ports.FIRST) // worker["workercount"]
    first = ports.FIRST + int(worker["workerid"].removeprefix("gw")) * size
    os.environ[ports.PART] = f"{first}-{first + size - 1}"
