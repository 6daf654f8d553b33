"""npm packages as a lock file has them, fetched once for each lock file."""

import os
import shutil
import subprocess
from pathlib import Path

from .errors import LocalError

SOURCES = (".mjs", ".ts", ".json", ".yaml")


def install(folder, target):
    """A copy of the folder (package.json, package-lock.json and what else is in it) beside its node_modules."""
    source, target = Path(folder), Path(target)
    target.mkdir(parents=True, exist_ok=True)
    lock, done = source / "package-lock.json", target / "installed-lock.json"
    if not done.exists() or done.read_bytes() != lock.read_bytes():
        done.unlink(missing_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(source / name, target / name)
        _fetch(target)
        shutil.copy(lock, done)
    for file in source.iterdir():
        if file.suffix in SOURCES:
            shutil.copy(file, target / file.name)
    return target


def _fetch(target):
    if shutil.which("npm") is None:
        raise LocalError("npm is not installed")
    # No package's scripts are run: none of those here needs its own, and some report the installation.
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"]
    try:
        done = subprocess.run(command, cwd=target, capture_output=True, text=True, timeout=300, check=False,
                              env={**os.environ, "NO_COLOR": "1"})
    except subprocess.TimeoutExpired as error:
        raise LocalError("npm does not end") from error
    if done.returncode != 0:
        raise LocalError(f"npm failed: {(done.stderr or done.stdout).strip()[-2000:]}")
