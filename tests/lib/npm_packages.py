"""npm packages for tests, as a lock file has them: fetched into the build folder, once for each lock file."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
if str(ROOT / "deploy" / "local") not in sys.path:
    sys.path.insert(0, str(ROOT / "deploy" / "local"))

from local_memorydb import npm  # noqa: E402 pylint: disable=wrong-import-position


def build_folder():
    return pathlib.Path(os.environ.get("CUSTOMERD_TEST_BUILD") or ROOT / "build" / "dev")


def install(folder):
    """A copy of the folder (package.json, package-lock.json and what else is in it) beside its node_modules."""
    return npm.install(folder, build_folder() / "npm" / pathlib.Path(folder).name)


def run(command, folder, timeout_s=120, given=None):
    """The command's output; fails with all that it said. given is its input."""
    done = subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True, timeout=timeout_s,
                          input=given,
                          env={**os.environ, "NO_COLOR": "1"})
    assert done.returncode == 0, f"{' '.join(map(str, command))} failed ({done.returncode}):\n{done.stdout}\n{done.stderr}"
    return done.stdout
