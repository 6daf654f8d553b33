"""The program under test: CUSTOMERD_TEST_BINARY, else the dev build."""

import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def program_path():
    return pathlib.Path(os.environ.get("CUSTOMERD_TEST_BINARY") or ROOT / "build" / "dev" / "customerd").resolve()


@pytest.fixture(scope="session")
def binary():
    path = program_path()
    if not path.exists():
        pytest.fail(f"{path} is not built (CUSTOMERD_TEST_BINARY)", pytrace=False)
    return path
