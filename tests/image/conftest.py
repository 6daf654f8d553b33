"""The image, built twice at the same time; the second time from the same sources elsewhere."""

import os
import pathlib
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lib"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from image_build import Workshop  # noqa: E402

NAMES = ("customerd:first", "customerd:second")


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def workshop():
    if os.geteuid() != 0:
        pytest.skip("needs root: debootstrap, chroot and mounts")
    workshop = Workshop(ROOT, ROOT / "build" / "image")
    workshop.make_base()
    workshop.copy_tree(workshop.folder / "elsewhere")
    with ThreadPoolExecutor(2) as pool:
        for built in [pool.submit(workshop.build, NAMES[0], ROOT),
                      pool.submit(workshop.build, NAMES[1], workshop.folder / "elsewhere")]:
            built.result()
    return workshop


@pytest.fixture(scope="session")
def unpacked(workshop):
    """The files of both."""
    return [workshop.unpack(name) for name in NAMES]


@pytest.fixture(scope="session")
def image(unpacked):
    """The files of the first."""
    return unpacked[0]
