"""The lab's own modules and those of tests/lib, for the tests of this layer."""

import pathlib
import sys

FAULTS = pathlib.Path(__file__).resolve().parent
for _path in (FAULTS, FAULTS.parent / "lib"):
    if str(_path) not in sys.path:
        sys.path.insert(0, str(_path))

from program import binary  # noqa: E402, F401 (a fixture)
