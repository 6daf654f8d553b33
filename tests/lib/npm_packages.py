"""npm packages for tests, as a lock file has them: fetched into the build folder, once for each lock file."""

import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def build_folder():
    return pathlib.Path(os.environ.get("CUSTOMERD_TEST_BUILD") or ROOT / "build" / "dev")


def install(folder):
    """A copy of the folder (package.json, package-lock.json and what else is in it) beside its node_modules."""
    source, target = pathlib.Path(folder), build_folder() / "npm" / pathlib.Path(folder).name
    target.mkdir(parents=True, exist_ok=True)
    lock, done = source / "package-lock.json", target / "installed-lock.json"
    if not done.exists() or done.read_bytes() != lock.read_bytes():
        done.unlink(missing_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(source / name, target / name)
        # No package's scripts are run: none of those here needs its own, and some report the installation.
        run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"], target, 300)
        shutil.copy(lock, done)
    for file in source.iterdir():
        if file.suffix in (".mjs", ".ts", ".json", ".yaml"):
            shutil.copy(file, target / file.name)
    return target


def run(command, folder, timeout_s=120, given=None):
    """The command's output; fails with all that it said. given is its input."""
    done = subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True, timeout=timeout_s,
                          input=given,
                          env={**os.environ, "NO_COLOR": "1"})
    assert done.returncode == 0, f"{' '.join(map(str, command))} failed ({done.returncode}):\n{done.stdout}\n{done.stderr}"
    return done.stdout
