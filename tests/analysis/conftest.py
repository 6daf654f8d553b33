"""The sources and how they are compiled, from the build's compile_commands.json."""

import json
import os
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("CUSTOMERD_TEST_BUILD", ROOT / "build/dev"))


def units():
    """(file, command words) of every translation unit of api and src."""
    path = BUILD / "compile_commands.json"
    if not path.exists():
        return []
    entries = json.loads(path.read_text(encoding="utf-8"))
    return [(Path(entry["file"]), shlex.split(entry["command"])) for entry in entries
            if Path(entry["file"]).is_relative_to(ROOT / "api") or Path(entry["file"]).is_relative_to(ROOT / "src")]


def pytest_generate_tests(metafunc):
    if "unit" in metafunc.fixturenames:
        metafunc.parametrize("unit", units(), ids=lambda unit: str(unit[0].relative_to(ROOT)))


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def build():
    return BUILD
