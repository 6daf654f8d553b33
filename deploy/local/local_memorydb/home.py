"""The directory in which everything of one local cluster lives: its layout, its secrets, what it remembers."""

import fcntl
import json
import os
import secrets
import shutil
from pathlib import Path

from .errors import LocalError

MARK = "customerd-local.json"


class Home:
    """Mode 0700, since it holds keys and passwords. `run` has the pid files, `log` the logs; `cache` is the home of the cache's
    cluster."""

    SUBDIRECTORIES = ("nodes", "tls", "secrets", "run", "log", "bin", "cache", "s3")

    def __init__(self, path):
        self.path = Path(path).absolute()
        for name in self.SUBDIRECTORIES:
            setattr(self, name, self.path / name)
        self.env_file = self.path / "env"
        self._lock = None

    def open(self):
        """Makes it; refuses a directory that holds something else."""
        self.refuse_foreign()
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
            for name in self.SUBDIRECTORIES:
                (self.path / name).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise LocalError(f"{self.path} can't be used: {error.strerror}") from error

    @property
    def exists(self):
        """Whether a cluster was made here."""
        return (self.path / MARK).is_file()

    def refuse_foreign(self):
        """Fails when something else lives here, or it is another user's; an absent or empty directory is fine."""
        try:
            if self.path.stat().st_uid != os.getuid():
                raise LocalError(f"{self.path} belongs to another user: run as that user, or set CUSTOMERD_LOCAL_DIR")
            names = {entry.name for entry in self.path.iterdir()}
        except FileNotFoundError:
            return
        except OSError as error:
            raise LocalError(f"{self.path} can't be used: {error.strerror}") from error
        if not self.exists and not names <= {*self.SUBDIRECTORIES, "lock", "env"}:
            raise LocalError(f"{self.path} holds something else: name an empty or new directory in CUSTOMERD_LOCAL_DIR")

    def lock(self):
        """Held by one command at a time; given back by unlock or the process's end."""
        self._lock = open(self.path / "lock", "w", encoding="utf-8")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LocalError(f"another deploy/local command is at work in {self.path}: wait for it") from error

    def unlock(self):
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def forget(self):
        """Deletes the data and everything else that was made here, by name."""
        for name in self.SUBDIRECTORIES:
            shutil.rmtree(self.path / name, ignore_errors=True)
        for path in (self.path / MARK, self.env_file):
            path.unlink(missing_ok=True)

    def state(self):
        """What the cluster was made with, or {} before it is whole."""
        try:
            return json.loads((self.path / MARK).read_text())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise LocalError(f"{self.path / MARK} is damaged: {error}; start afresh with --fresh") from error

    def remember(self, state):
        write_private(self.path / MARK, json.dumps(state, indent=1) + "\n")

    def secret(self, name):
        """A random password, made when it is first asked for."""
        path = self.secrets / name
        if not path.exists():
            write_private(path, secrets.token_urlsafe(32))
        return path.read_text()

    def admin_password(self):
        return self.secret("admin-password")

    def application_password(self):
        """None under IAM."""
        return self.secret("customerd-password") if self.state().get("auth") == "password" else None


def write_private(path, text):
    """Puts the file in place whole, readable by its owner alone."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    temporary.replace(path)
